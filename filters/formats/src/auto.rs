//! Which format a line is in.

use crate::json::{Json, Value};
use crate::text::Text;
use crate::{Format, time};
use alloc::vec::Vec;

/// The format that `line` looks like, by what only that format has; `None` if it looks like none.
pub(crate) fn recognise(line: &[u8], buffer: &mut Vec<u8>) -> Option<Format> {
    match line.trim_ascii_start() {
        [] => None,
        [b'{', ..] => of_json(line, buffer),
        [b'[', ..] if has_start_time(line) => Some(of_envoy(line)),
        _ => of_text(line),
    }
}

/// JSON is told apart by its keys: some settle it, others only make it likely.
fn of_json(line: &[u8], buffer: &mut Vec<u8>) -> Option<Format> {
    let mut json = Json::new(line, buffer);
    let mut likely = None;
    let (mut ours, mut first) = (0, true);
    json.open().ok()?;
    while let Ok(Some(key)) = json.key(&mut first) {
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
            ("ts" | "upstream" | "near_miss", _) => ours += 1,
            ("response_code", _) => likely = Some(Format::EnvoyJson),
            ("upstream_cluster", Value::Text(name)) if name.contains('|') => return Some(Format::IstioJson),
            ("upstream_status" | "upstream_addr", _) if likely.is_none() => likely = Some(Format::NginxJson),
            _ => {}
        }
        let left = match value {
            Value::Object => json.leave(true),
            Value::Array => json.leave(false),
            _ => Ok(()),
        };
        if left.is_err() {
            break;
        }
    }
    likely.or((ours > 1).then_some(Format::Exchange))
}

/// Whether the line begins with an RFC 3339 time in brackets.
fn has_start_time(line: &[u8]) -> bool {
    Text::new(line.trim_ascii_start()).bracketed("").is_ok_and(|inside| time::rfc3339(inside).is_some())
}

/// Istio has words where Envoy has the bytes received.
fn of_envoy(line: &[u8]) -> Format {
    let mut text = Text::new(line.trim_ascii_start());
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

fn of_text(line: &[u8]) -> Option<Format> {
    let mut text = Text::new(line);
    let first = text.word("").ok()?;
    if matches!(first, b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss")
        && text.word("").is_ok_and(|at| time::rfc3339(at).is_some())
    {
        return Some(Format::Alb);
    }
    let mut text = Text::new(line);
    let mut timed = None;
    while !text.is_empty() {
        let before = text;
        if text.sees(b'[') {
            let inside = text.bracketed("").ok()?;
            match time::common(inside) {
                Some(_) if timed.is_none() && !text.sees(b'"') => return Some(Format::Haproxy),
                Some(_) if timed.is_none() => timed = Some(()),
                _ if timed.is_some() => return Some(Format::IngressNginx),
                _ => {}
            }
        } else if text.sees(b'"') {
            text.quoted("").ok()?;
        } else {
            let word = text.word("").ok()?;
            if is_duration(word) && timed.is_some() && text.is_empty() {
                return Some(Format::TraefikClf);
            }
            if matches!(word.iter().position(|byte| *byte == b'='), Some(1..)) {
                return Some(Format::Nginx);
            }
        }
        debug_assert!(before.rest().len() > text.rest().len(), "every round reads something");
    }
    let tag = b"haproxy[";
    line.windows(tag.len()).any(|window| window == tag).then_some(Format::Haproxy)
}

/// `12ms`, which ends Traefik's lines.
fn is_duration(word: &[u8]) -> bool {
    word.strip_suffix(b"ms").is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}
