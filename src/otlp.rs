//! Writes records as OpenTelemetry logs: OTLP's JSON, the body of `POST /v1/logs`.
//!
//! Every field of a record becomes an attribute, `nearmiss.` and its name, beside those that OpenTelemetry has a name for. The
//! body is the sentence. `error.type` is never set: a near miss is a success. The type of an attribute is the type of the field
//! that was written ([`TokenKind`]), never that of a particular value. OTLP's JSON writes 64-bit integers as strings; elsewhere a
//! record's own JSON is copied.

use crate::json::tokens::{TokenKind, Value};
use crate::json::write::{escape, push_number, push_text};
use crate::record::{Head, Record};
use crate::units::Timestamp;
use alloc::string::String;

/// Begins a batch of logs of a service, from the instance `source`.
pub fn begin(out: &mut String, service: &str, source: &str) {
    push_text(
        out,
        r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":""#,
    );
    escape(out, service);
    push_text(out, r#""}},{"key":"service.instance.id","value":{"stringValue":""#);
    escape(out, source);
    push_text(
        out,
        concat!(
            r#""}}]},"scopeLogs":[{"scope":{"name":"nearmiss","version":""#,
            env!("CARGO_PKG_VERSION"),
            r#""},"logRecords":["#
        ),
    );
}

/// Appends a record that `source` sends at `now` as its `number`th. Records of a batch are separated by commas.
///
/// The record must come with its tokens: see [`Monitor::note_tokens`](crate::Monitor::note_tokens).
pub fn push(out: &mut String, record: &Record<'_>, (source, number): (&str, u64), now: Timestamp) {
    let (event, severity) = match record.head {
        Head::Exchange { .. } => ("exchange", "9,\"severityText\":\"INFO"),
        Head::Episode { .. } => ("episode", "13,\"severityText\":\"WARN"),
        Head::Summary { .. } => ("summary", "9,\"severityText\":\"INFO"),
    };
    push_text(out, "{\"timeUnixNano\":\"");
    nanos(out, record.time);
    push_text(out, "\",\"observedTimeUnixNano\":\"");
    nanos(out, now);
    push_text(out, "\",\"severityNumber\":");
    push_text(out, severity);
    push_text(out, "\",\"eventName\":\"nearmiss.");
    push_text(out, event);
    push_text(out, "\",\"body\":");
    let fields = || record.value().members();
    match fields().find(|(key, _)| *key == "explain") {
        Some((_, sentence)) => value(out, sentence),
        None => text(out, event),
    }
    if let Some((_, trace)) = fields().find(|(key, _)| *key == "trace_id") {
        push_text(out, ",\"traceId\":");
        push_text(out, trace.text());
    }
    push_text(out, ",\"attributes\":[");
    attribute(out, "log.record.uid", |out| {
        push_text(out, "{\"stringValue\":\"");
        escape(out, source);
        push_text(out, "-");
        push_number(out, number);
        push_text(out, "\"}");
    });
    for (key, found) in fields().filter(|(key, _)| !matches!(*key, "explain" | "trace_id")) {
        push_text(out, ",{\"key\":\"nearmiss.");
        push_text(out, key);
        push_text(out, "\",\"value\":");
        value(out, found);
        push_text(out, "}");
        conventional(out, record, key, found);
    }
    push_text(out, "]}");
}

/// Ends a batch.
pub fn end(out: &mut String) {
    push_text(out, "]}]}]}");
}

/// Returns the number of records of a batch that a collector rejected: `partialSuccess` at the beginning of its response.
pub fn rejected(response: &str) -> u64 {
    const KEY: &[u8] = b"\"rejectedLogRecords\"";
    let at = response.as_bytes().windows(KEY.len()).position(|window| window == KEY);
    let Some(rest) = at.and_then(|at| response.get(at + KEY.len()..)) else { return 0 };
    let is_before = |byte: &u8| matches!(byte, b':' | b' ' | b'\t' | b'\r' | b'\n' | b'"');
    let mut digits = rest.bytes().skip_while(is_before).take_while(u8::is_ascii_digit);
    digits
        .try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .unwrap_or(0)
}

/// Appends the attribute that OpenTelemetry defines for a field, if any.
fn conventional(out: &mut String, record: &Record<'_>, key: &str, found: Value<'_>) {
    let mut also = |name: &str, write: &dyn Fn(&mut String)| {
        push_text(out, ",");
        attribute(out, name, write);
    };
    match (key, record.head) {
        ("upstream", _) => also("service.peer.name", &|out| value(out, found)),
        ("route", _) => also("http.route", &|out| value(out, found)),
        ("status", Head::Exchange { status: 1.., .. }) => {
            also("http.response.status_code", &|out| value(out, found));
        }
        ("attempts", Head::Exchange { attempts: Some(attempts @ 2..), .. }) => {
            also("http.request.resend_count", &|out| {
                whole(out, |out| push_number(out, u64::from(attempts) - 1));
            });
        }
        ("host", _) => {
            let quoted = found.text();
            let host = quoted.strip_prefix('"').and_then(|host| host.strip_suffix('"')).unwrap_or(quoted);
            let (address, port) = split_port(host);
            also("network.peer.address", &|out| {
                push_text(out, "{\"stringValue\":\"");
                push_text(out, address);
                push_text(out, "\"}");
            });
            if let Some(port) = port {
                also("network.peer.port", &|out| whole(out, |out| push_text(out, port)));
            }
        }
        _ => {}
    }
}

/// Splits `address:port` or `[address]:port`; without a port the whole text is the address.
fn split_port(host: &str) -> (&str, Option<&str>) {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let split = host.rsplit_once(':').filter(|(address, port)| {
        is_port(port) && (!address.contains(':') || address.starts_with('[') && address.ends_with(']'))
    });
    let (address, port) = split.map_or((host, None), |(address, port)| (address, Some(port)));
    (address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address), port)
}

fn attribute(out: &mut String, key: &str, write: impl FnOnce(&mut String)) {
    push_text(out, "{\"key\":\"");
    push_text(out, key);
    push_text(out, "\",\"value\":");
    write(out);
    push_text(out, "}");
}

fn text(out: &mut String, text: &str) {
    push_text(out, "{\"stringValue\":\"");
    escape(out, text);
    push_text(out, "\"}");
}

fn whole(out: &mut String, write: impl FnOnce(&mut String)) {
    push_text(out, "{\"intValue\":\"");
    write(out);
    push_text(out, "\"}");
}

fn nanos(out: &mut String, ts: Timestamp) {
    push_number(out, ts.micros());
    push_text(out, "000");
}

/// Appends a value of a record as OTLP's.
fn value(out: &mut String, found: Value<'_>) {
    let mut scalar = |kind: &str| {
        push_text(out, kind);
        push_text(out, found.text());
        push_text(out, "}");
    };
    match found.kind() {
        TokenKind::String => scalar("{\"stringValue\":"),
        TokenKind::Bool => scalar("{\"boolValue\":"),
        TokenKind::Double => scalar("{\"doubleValue\":"),
        TokenKind::Integer => whole(out, |out| push_text(out, found.text())),
        TokenKind::Object => {
            push_text(out, "{\"kvlistValue\":{\"values\":[");
            for (index, (key, found)) in found.members().enumerate() {
                push_text(out, if index > 0 { "," } else { "" });
                attribute(out, key, |out| value(out, found));
            }
            push_text(out, "]}}");
        }
        TokenKind::Array => {
            push_text(out, "{\"arrayValue\":{\"values\":[");
            for (index, item) in found.items().enumerate() {
                push_text(out, if index > 0 { "," } else { "" });
                value(out, item);
            }
            push_text(out, "]}}");
        }
        TokenKind::Key | TokenKind::Close => {}
    }
}

#[cfg(test)]
mod tests;
