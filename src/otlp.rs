//! Writes records as OpenTelemetry logs: OTLP's JSON, the body of `POST /v1/logs`.
//!
//! Every field of a record becomes an attribute, `nearmiss.` and its name, beside those that OpenTelemetry has a name for. The
//! body is the sentence. `error.type` is never set: a near miss is a success. OTLP's JSON writes 64-bit integers as strings;
//! elsewhere a record's own JSON is copied, so only its outline is parsed.

use crate::json::outline::{Elements, Members};
use crate::json::write::{escape, push_number};
use crate::record::{Record, RecordKind};
use crate::units::Timestamp;
use alloc::string::String;

/// Begins a batch of logs from `source`.
pub fn begin(out: &mut String, source: &str) {
    add(out, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[");
    attribute(out, "service.name", |out| text(out, "nearmiss"));
    add(out, ",");
    attribute(out, "service.instance.id", |out| text(out, source));
    add(out, "]},\"scopeLogs\":[{\"scope\":{\"name\":\"nearmiss\",\"version\":\"");
    add(out, env!("CARGO_PKG_VERSION"));
    add(out, "\"},\"logRecords\":[");
}

/// Appends a record that `source` sends at `now` as its `number`th.
pub fn push(
    out: &mut String,
    record: &Record<'_>,
    is_first: bool,
    (source, number): (&str, u64),
    now: Timestamp,
) {
    if !is_first {
        add(out, ",");
    }
    let (event, severity) = match record.kind {
        RecordKind::Exchange => ("exchange", "9,\"severityText\":\"INFO"),
        RecordKind::Episode => ("episode", "13,\"severityText\":\"WARN"),
        RecordKind::Summary => ("summary", "9,\"severityText\":\"INFO"),
    };
    add(out, "{\"timeUnixNano\":\"");
    nanos(out, record.time);
    add(out, "\",\"observedTimeUnixNano\":\"");
    nanos(out, now);
    add(out, "\",\"severityNumber\":");
    add(out, severity);
    add(out, "\",\"eventName\":\"nearmiss.");
    add(out, event);
    add(out, "\",\"body\":");
    let fields = Members::of(record.json);
    match fields.find("explain") {
        Some(sentence) => value(out, sentence),
        None => text(out, event),
    }
    if let Some(trace) = fields.find("trace_id") {
        add(out, ",\"traceId\":");
        add(out, trace);
    }
    add(out, ",\"attributes\":[");
    attribute(out, "log.record.uid", |out| {
        add(out, "{\"stringValue\":\"");
        escape(out, source);
        add(out, "-");
        push_number(out, number);
        add(out, "\"}");
    });
    for (key, found) in fields.filter(|(key, _)| !matches!(*key, "explain" | "trace_id")) {
        add(out, ",{\"key\":\"nearmiss.");
        add(out, key);
        add(out, "\",\"value\":");
        value(out, found);
        add(out, "}");
        conventional(out, record.kind, key, found);
    }
    add(out, "]}");
}

/// Appends text. One function instead of an inlined copy for each of the many pieces.
#[inline(never)]
fn add(out: &mut String, text: &str) {
    out.push_str(text);
}

/// Ends a batch.
pub fn end(out: &mut String) {
    add(out, "]}]}]}");
}

/// Returns the number of records of a batch that a collector refused: `partialSuccess` at the beginning of its answer.
pub fn refused(answer: &str) -> u64 {
    const KEY: &[u8] = b"\"rejectedLogRecords\"";
    let at = answer.as_bytes().windows(KEY.len()).position(|window| window == KEY);
    let Some(rest) = at.and_then(|at| answer.get(at + KEY.len()..)) else { return 0 };
    let number = rest.trim_start_matches([':', ' ', '\t', '\r', '\n', '"']);
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    number.get(..digits).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Appends the attribute that OpenTelemetry defines for a field, if any.
fn conventional(out: &mut String, kind: RecordKind, key: &str, found: &str) {
    let mut also = |name: &str, write: &dyn Fn(&mut String)| {
        add(out, ",");
        attribute(out, name, write);
    };
    match key {
        "upstream" => also("service.peer.name", &|out| value(out, found)),
        "route" => also("http.route", &|out| value(out, found)),
        "status" if kind == RecordKind::Exchange && found != "0" => {
            also("http.response.status_code", &|out| value(out, found));
        }
        "attempts" if kind == RecordKind::Exchange => {
            let attempts: u64 = found.parse().unwrap_or(1);
            if attempts > 1 {
                also("http.request.resend_count", &|out| whole(out, |out| push_number(out, attempts - 1)));
            }
        }
        "host" => {
            let parts = found.trim_matches('"').rsplit_once(':');
            let parts =
                parts.filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
            if let Some((address, port)) = parts {
                let address = address.trim_start_matches('[').trim_end_matches(']');
                also("network.peer.address", &|out| {
                    add(out, "{\"stringValue\":\"");
                    add(out, address);
                    add(out, "\"}");
                });
                also("network.peer.port", &|out| whole(out, |out| add(out, port)));
            }
        }
        _ => {}
    }
}

fn attribute(out: &mut String, key: &str, write: impl FnOnce(&mut String)) {
    add(out, "{\"key\":\"");
    add(out, key);
    add(out, "\",\"value\":");
    write(out);
    add(out, "}");
}

fn text(out: &mut String, text: &str) {
    add(out, "{\"stringValue\":\"");
    escape(out, text);
    add(out, "\"}");
}

fn whole(out: &mut String, write: impl FnOnce(&mut String)) {
    add(out, "{\"intValue\":\"");
    write(out);
    add(out, "\"}");
}

fn nanos(out: &mut String, ts: Timestamp) {
    push_number(out, ts.micros());
    add(out, "000");
}

/// Appends a value of a record's JSON as OTLP's.
fn value(out: &mut String, json: &str) {
    match json.as_bytes().first() {
        Some(b'"') => {
            add(out, "{\"stringValue\":");
            add(out, json);
            add(out, "}");
        }
        Some(b'{') => {
            add(out, "{\"kvlistValue\":{\"values\":[");
            for (place, (key, found)) in Members::of(json).enumerate() {
                if place > 0 {
                    add(out, ",");
                }
                attribute(out, key, |out| value(out, found));
            }
            add(out, "]}}");
        }
        Some(b'[') => {
            add(out, "{\"arrayValue\":{\"values\":[");
            for (place, found) in Elements(json.get(1..).unwrap_or_default()).enumerate() {
                if place > 0 {
                    add(out, ",");
                }
                value(out, found);
            }
            add(out, "]}}");
        }
        Some(b't' | b'f') => {
            add(out, "{\"boolValue\":");
            add(out, json);
            add(out, "}");
        }
        _ if json.contains('.') => {
            add(out, "{\"doubleValue\":");
            add(out, json);
            add(out, "}");
        }
        _ => whole(out, |out| add(out, json)),
    }
}

#[cfg(test)]
mod tests;
