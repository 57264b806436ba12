//! HAProxy's `log-format`.

use super::exchange::FieldId;
use crate::field_mapping::FieldMapping;
use crate::log_format::{Piece, split_words, unquoted};
use alloc::vec::Vec;

const TAKES: &str = "a format in which a variable of HAProxy follows each `%`";

/// Parses a format: the text of a `log-format` line, or the whole line.
pub(crate) fn pieces(text: &str, mapping: &FieldMapping) -> Result<Vec<Piece>, &'static str> {
    let text = unquoted(text, &["log-format", "error-log-format", "http-log-format"]);
    let pieces = split_words(&text, |after| {
        let word = Word::read(after)?;
        // `o` sets options for all variables after it.
        if word.variable == "o" {
            return Some((None, word.after.trim_start()));
        }
        let mut variable = Piece::variable(mapping, word.variable, field_of(word.variable));
        if let Piece::Variable { key, .. } = &mut variable {
            *key = word.key.map(Into::into);
        }
        Some((Some(variable), word.after))
    });
    pieces.ok_or(TAKES)
}

/// A variable, such as `{+Q}ST`, `(status_code)ST` or `[capture.req.hdr(0)]`, without the `%` before it.
struct Word<'a> {
    variable: &'a str,
    /// Its name in encoded logs.
    key: Option<&'a str>,
    after: &'a str,
}

impl<'a> Word<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (mut rest, mut key) = (text, None);
        if let Some(inside) = rest.strip_prefix('(') {
            let (name, after) = inside.split_once(')')?;
            // The type of the value may follow the name.
            key = name.split(':').next().filter(|name| !name.is_empty());
            rest = after;
        }
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside.split_once('}')?.1;
        }
        if let Some(inside) = rest.strip_prefix('[') {
            let end = closing_bracket(inside)?;
            return Some(Self { variable: inside.get(..end)?, key, after: inside.get(end + 1..)? });
        }
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        // The names of variables are not delimited: the longest that is one counts.
        let known = (1..=letters.min(4))
            .rev()
            .find(|length| rest.get(..*length).is_some_and(|name| VARIABLES.contains(&name)))?;
        Some(Self { variable: rest.get(..known)?, key, after: rest.get(known..)? })
    }
}

/// Returns the offset of the `]` that ends a sample expression.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_u32, None);
    text.char_indices().find_map(|(at, c)| {
        match c {
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '[' if quote.is_none() => depth += 1,
            ']' if quote.is_none() && depth == 0 => return Some(at),
            ']' if quote.is_none() => depth -= 1,
            _ => {}
        }
        None
    })
}

/// The variables of HAProxy's documentation, section 8.2.6.
const VARIABLES: [&str; 64] = [
    "o", "B", "CC", "CS", "H", "HM", "HP", "HPO", "HQ", "HU", "HV", "ID", "ST", "T", "Ta", "Tc", "Td", "Th",
    "Ti", "Tl", "Tq", "TR", "Tr", "Ts", "Tt", "Tu", "Tw", "U", "ac", "b", "bc", "bi", "bp", "bq", "ci", "cp",
    "f", "fc", "fi", "fp", "ft", "hr", "hrl", "hs", "hsl", "lc", "ms", "pid", "r", "rc", "rt", "s", "sc",
    "si", "sp", "sq", "sslc", "sslv", "t", "tr", "trg", "trl", "ts", "tsc",
];

/// Returns the field that a variable or a sample expression holds.
fn field_of(variable: &str) -> Option<&'static str> {
    Some(match variable {
        "T" | "Tl" | "Ts" | "t" | "tr" | "trg" | "trl" => "ts",
        "HU" | "HP" | "HQ" | "H" | "U" => return None,
        "status" => "status",
        "be_name" => "upstream",
        "srv_name" => "host",
        "fe_name" => "frontend",
        "method" | "capture.req.method" => "method",
        "txn.timer.total" => "total_ms",
        "res.timer.total" => "duration_ms",
        name if is_call(name, "accept_date") || is_call(name, "request_date") => "ts",
        // The time at which the line is written.
        name if is_call(name, "date") => "end_ts",
        name => return FieldId::SCHEMA.name_of_key(name).filter(|_| VARIABLES.contains(&name)),
    })
}

/// Returns true for a sample expression that is `function`, with or without arguments, and no converter after it.
fn is_call(expression: &str, function: &str) -> bool {
    let arguments = expression.strip_prefix(function);
    arguments.is_some_and(|rest| {
        rest.is_empty() || rest.starts_with('(') && rest.find(')') == Some(rest.len() - 1)
    })
}
