//! A record as text for people: one field a line, lists of plain values in one line.

use crate::sanitize::{REPLACEMENT, replace_controls};
use nearmiss::Record;
use nearmiss::json::tokens::{TokenKind, Value};

/// Returns the text of a record that a monitor with tokens has emitted.
pub(super) fn record_text(record: &Record<'_>) -> String {
    let mut text = String::new();
    push_value(&mut text, record.value(), 0);
    text.lines().map(|line| replace_controls(line, REPLACEMENT) + "\n").collect()
}

fn push_value(out: &mut String, value: Value<'_>, depth: usize) {
    match value.kind() {
        TokenKind::Object => {
            let members = value.members().map(|(key, value)| (Some(key), value)).collect();
            push_lines(out, '{', members, '}', depth);
        }
        TokenKind::Array if value.items().any(is_nested) => {
            push_lines(out, '[', value.items().map(|item| (None, item)).collect(), ']', depth);
        }
        TokenKind::Array => {
            let items: Vec<_> = value.items().map(Value::text).collect();
            out.extend(["[", &items.join(", "), "]"]);
        }
        _ => out.push_str(value.text()),
    }
}

fn is_nested(value: Value<'_>) -> bool {
    matches!(value.kind(), TokenKind::Object | TokenKind::Array)
}

/// Appends each value, with its key if it has one, in a line of its own.
fn push_lines(
    out: &mut String,
    open: char,
    values: Vec<(Option<&str>, Value<'_>)>,
    close: char,
    depth: usize,
) {
    out.push(open);
    let last = values.len().saturating_sub(1);
    for (index, (key, value)) in values.iter().enumerate() {
        push_line(out, depth + 1);
        if let Some(key) = key {
            out.extend(["\"", key, "\": "]);
        }
        push_value(out, *value, depth + 1);
        if index < last {
            out.push(',');
        }
    }
    if !values.is_empty() {
        push_line(out, depth);
    }
    out.push(close);
}

fn push_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(core::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearmiss::{Attempt, Config, Exchange, Feed, Monitor};

    #[test]
    fn every_field_has_a_line() {
        let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
        monitor.note_tokens();
        let attempt = Attempt { host: Some("a\"b"), status: Some(503), ..Attempt::default() };
        let answer = Attempt { host: Some("c"), status: Some(200), ..Attempt::default() };
        monitor.observe(&Exchange {
            upstream: "cart\u{9b}",
            status: 200,
            attempts: Some(2),
            attempt_log: &[attempt, answer],
            ..Exchange::default()
        });
        let record = monitor.poll_record().unwrap();
        let text = record_text(&record);
        let lines: Vec<_> = text.lines().collect();
        for line in [
            "{",
            "  \"schema\": 1,",
            "  \"upstream\": \"cart�\",",
            "  \"signals\": [\"retry\"],",
            "  \"attempt_log\": [",
            "    {",
            "      \"host\": \"a\\\"b\",",
            "    },",
            "  ],",
            "}",
        ] {
            assert!(lines.contains(&line), "{line} in {text}");
        }
        assert_eq!(text.replace(['\n', ' '], ""), record.json.replace(' ', "").replace('\u{9b}', "�"));
    }
}
