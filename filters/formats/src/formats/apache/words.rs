//! The words of Apache's `LogFormat` and of `varnishncsa -F`.

use crate::field_mapping::FieldMapping;
use crate::log_format::{Piece, split_words, unquoted};
use alloc::string::String;
use alloc::vec::Vec;

/// Parses a format: the text of a `LogFormat` line, or the whole line.
pub(crate) fn pieces(text: &str, mapping: &FieldMapping) -> Result<Vec<Piece>, &'static str> {
    const TAKES: &str = "a format in which a letter, or `{…}` and a letter, follows each `%`";
    let text = unquoted(&directive(text), &["LogFormat", "-F"]);
    let pieces = split_words(&text, |after| {
        // Conditions on the status, and which request of an internal redirect is meant.
        let after =
            after.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>'));
        let (argument, after) = match after.strip_prefix('{') {
            Some(inside) => inside.split_once('}')?,
            None => ("", after),
        };
        let letters = if after.starts_with('^') { 3 } else { 1 };
        let (word, after) = after.split_at_checked(letters)?;
        let name = if argument.is_empty() { word } else { argument };
        Some((Some(Piece::variable(mapping, name, field_of(word, argument))), after))
    });
    pieces.ok_or(TAKES)
}

/// Returns the directive or the option in a line of the configuration or a command: of `CustomLog` without its file, and of
/// `varnishncsa` from the option on.
fn directive(text: &str) -> String {
    let text = text.trim();
    let before = text.find('%').and_then(|first| text.get(..first)).unwrap_or_default();
    let rest = |start: Option<usize>| start.and_then(|start| text.get(start..)).unwrap_or(text);
    match text.strip_prefix("CustomLog") {
        Some(_) => ["LogFormat ", rest(before.rfind('"'))].concat(),
        None => rest(before.rfind("-F ")).into(),
    }
}

/// Returns the field that a word holds, such as `T` with the argument `ms`.
fn field_of(word: &str, argument: &str) -> Option<&'static str> {
    let is = |name: &str| argument.eq_ignore_ascii_case(name);
    Some(match word {
        "t" if argument.starts_with("end:") => "ts",
        "t" if argument.ends_with("_frac") => return None,
        "t" => "start_ts",
        "s" => "status",
        "b" | "B" | "O" => "bytes",
        "D" => "duration_us",
        "T" if is("us") => "duration_us",
        "T" if is("ms") => "duration_ms",
        "T" => "duration_s",
        "r" | "m" => "method",
        "v" => "server_name",
        "X" => "connection",
        "e" if is("BALANCER_NAME") => "upstream",
        "e" if is("BALANCER_WORKER_NAME") => "host",
        "e" if is("BALANCER_WORKER_ROUTE") || is("BALANCER_ROUTE") => return None,
        "o" if is("Cache-Status") => "cache_status",
        "o" if is("Proxy-Status") => "proxy_status",
        "o" if is("Content-Type") => "content_type",
        "o" | "^to" if is("grpc-status") => "grpc_status",
        "x" if is("Varnish:handling") => "handling",
        "x" if is("Varnish:side") => "side",
        _ => return None,
    })
}
