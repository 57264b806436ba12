//! The words of Apache's `LogFormat` and of `varnishncsa -F`.

use crate::field_mapping::FieldMapping;
use crate::log_format::{Piece, push_literal, unquoted};
use alloc::string::String;
use alloc::vec::Vec;

/// Parses a format: the text of a `LogFormat` line, or the whole line.
pub(crate) fn pieces(text: &str, mapping: &FieldMapping) -> Result<Vec<Piece>, &'static str> {
    const TAKES: &str = "a format in which a letter, or `{…}` and a letter, follows each `%`";
    let text = unquoted(&directive(text), &["LogFormat", "-F"]);
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        push_literal(&mut pieces, before);
        if let Some(after) = after.strip_prefix('%') {
            push_literal(&mut pieces, "%");
            rest = after;
            continue;
        }
        // Conditions on the status, and which request of an internal redirect is meant.
        let after =
            after.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>'));
        let (argument, after) = match after.strip_prefix('{') {
            Some(inside) => inside.split_once('}').ok_or(TAKES)?,
            None => ("", after),
        };
        let letters = if after.starts_with('^') { 3 } else { 1 };
        let (word, after) = after.split_at_checked(letters).ok_or(TAKES)?;
        let name = if argument.is_empty() { word } else { argument };
        pieces.push(Piece::variable(mapping, name, field_of(word, argument)));
        rest = after;
    }
    push_literal(&mut pieces, rest);
    Ok(pieces)
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
