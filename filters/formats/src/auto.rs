//! Detection of the format of a line.

use crate::json::{JsonCursor, Value};
use crate::text::TextCursor;
use crate::{Format, time};
use alloc::vec::Vec;

/// Detects the format of `line` by features that only this format has.
pub(crate) fn detect(line: &[u8], buffer: &mut Vec<u8>) -> Option<Format> {
    match line.trim_ascii_start() {
        [] => None,
        [b'{', ..] => detect_json(line, buffer),
        [b'[', ..] if has_start_time(line) => Some(detect_envoy(line)),
        _ => detect_text(line),
    }
}

/// Detects a JSON format by its keys: some are conclusive, others only likely.
fn detect_json(line: &[u8], buffer: &mut Vec<u8>) -> Option<Format> {
    let mut json = JsonCursor::new(line, buffer);
    let mut likely = None;
    let (mut own_keys, mut first) = (0, true);
    json.open_object().ok()?;
    while let Ok(Some(key)) = json.next_key(&mut first) {
        let certain = match key {
            "DownstreamStatus" | "RouterName" | "StartUTC" | "OriginStatus" => Some(Format::Traefik),
            "latencies" | "tries" => Some(Format::Kong),
            "resp_headers" => Some(Format::Caddy),
            "request_time" | "rt" | "us" | "proxy_upstream_name" | "request_time_ms" => {
                Some(Format::NginxJson)
            }
            "response_flags" | "response_code_details" | "upstream_request_attempt_count" => {
                Some(Format::EnvoyJson)
            }
            "requested_server_name" | "connection_termination_details" => return Some(Format::IstioJson),
            _ => None,
        };
        match certain {
            Some(Format::EnvoyJson) => likely = certain,
            Some(_) => return certain,
            None => {}
        }
        let Ok(value) = json.value() else { break };
        match (key, value) {
            ("logger", Value::Text(name)) if name.starts_with("http.") => return Some(Format::Caddy),
            ("duration_ms", _) if likely.is_none() => likely = Some(Format::Exchange),
            ("ts" | "upstream" | "near_miss", _) => own_keys += 1,
            ("response_code", _) => likely = Some(Format::EnvoyJson),
            ("upstream_cluster", Value::Text(name)) if name.contains('|') => return Some(Format::IstioJson),
            ("upstream_status" | "upstream_addr", _) if likely.is_none() => likely = Some(Format::NginxJson),
            _ => {}
        }
        let skipped = match value {
            Value::Object => json.skip_rest(true),
            Value::Array => json.skip_rest(false),
            _ => Ok(()),
        };
        if skipped.is_err() {
            break;
        }
    }
    likely.or((own_keys > 1).then_some(Format::Exchange))
}

/// Returns true if the line begins with an RFC 3339 time in brackets.
fn has_start_time(line: &[u8]) -> bool {
    TextCursor::new(line.trim_ascii_start()).bracketed("").is_ok_and(|inside| time::rfc3339(inside).is_some())
}

/// Distinguishes Istio from Envoy: Istio has words in place of Envoy's number of bytes received.
fn detect_envoy(line: &[u8]) -> Format {
    let mut text = TextCursor::new(line.trim_ascii_start());
    let third = text
        .bracketed("")
        .and_then(|_| text.quoted(""))
        .and_then(|_| text.word(""))
        .and_then(|_| text.word(""))
        .and_then(|_| text.word(""));
    match third {
        Ok([b'0'..=b'9', ..]) | Err(_) => Format::Envoy,
        Ok(_) => Format::Istio,
    }
}

fn detect_text(line: &[u8]) -> Option<Format> {
    let mut text = TextCursor::new(line);
    let first = text.word("").ok()?;
    if matches!(first, b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss")
        && text.word("").is_ok_and(|at| time::rfc3339(at).is_some())
    {
        return Some(Format::Alb);
    }
    let mut text = TextCursor::new(line);
    let mut has_time = false;
    while !text.is_empty() {
        let before = text;
        if text.next_is(b'[') {
            let inside = text.bracketed("").ok()?;
            match time::common(inside) {
                Some(_) if !has_time && !text.next_is(b'"') => return Some(Format::Haproxy),
                Some(_) if !has_time => has_time = true,
                _ if has_time => return Some(Format::IngressNginx),
                _ => {}
            }
        } else if text.next_is(b'"') {
            text.quoted("").ok()?;
        } else {
            let word = text.word("").ok()?;
            if is_duration(word) && has_time && text.is_empty() {
                return Some(Format::TraefikClf);
            }
            if matches!(word.iter().position(|byte| *byte == b'='), Some(1..)) {
                return Some(Format::Nginx);
            }
        }
        debug_assert!(before.rest().len() > text.rest().len(), "every iteration advances");
    }
    let tag = b"haproxy[";
    line.windows(tag.len()).any(|window| window == tag).then_some(Format::Haproxy)
}

/// Returns true for a duration such as `12ms`, which ends Traefik's lines.
fn is_duration(word: &[u8]) -> bool {
    word.strip_suffix(b"ms").is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}
