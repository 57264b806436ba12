//! The table of formats: the members or the shape by which each is detected.

use crate::Format;
use crate::json::Value;
use crate::nginx::has_nginx_key;
use crate::text::TextCursor;
use crate::text_shape::{Notation, TextShape, is_digits};
use crate::time;

/// Points of a member that only one format has; fewer do not detect a format.
pub(crate) const CERTAIN: u8 = 8;
/// Points of a member that few formats have: two of them are enough.
const LIKELY: u8 = 4;
/// Points of a member that sets a format apart from one that it contains.
const DECISIVE: u8 = 64;

/// Returns the points of a JSON member for a format.
pub(crate) fn points(format: Format, key: &str, value: Value<'_>) -> u8 {
    match (format, key) {
        (Format::Exchange, "ts" | "upstream" | "near_miss") => LIKELY,
        (Format::Exchange, "duration_ms") => CERTAIN,
        (
            Format::EnvoyJson,
            "response_flags" | "response_code" | "response_code_details" | "upstream_request_attempt_count",
        ) => CERTAIN,
        (Format::IstioJson, "requested_server_name" | "connection_termination_details") => DECISIVE,
        (Format::IstioJson, "upstream_cluster") => match value {
            Value::Text(name) if name.contains('|') => DECISIVE,
            _ => 0,
        },
        (
            Format::NginxJson,
            "request_time"
            | "rt"
            | "us"
            | "proxy_upstream_name"
            | "request_time_ms"
            | "upstream_status"
            | "upstream_addr"
            | "upstream_response_time",
        ) => CERTAIN,
        (Format::Traefik, "DownstreamStatus" | "RouterName" | "StartUTC" | "OriginStatus") => CERTAIN,
        (Format::Caddy, "resp_headers") => 2 * CERTAIN,
        (Format::Caddy, "logger") => match value {
            Value::Text(name) if name.starts_with("http.") => 2 * CERTAIN,
            _ => 0,
        },
        (Format::Kong, "latencies" | "tries") => 2 * CERTAIN,
        _ => 0,
    }
}

/// Returns true if a line of text is in a format.
pub(crate) fn matches(format: Format, shape: &TextShape<'_>) -> bool {
    match format {
        Format::Envoy => is_envoy(shape) && !is_istio(shape),
        Format::Istio => is_envoy(shape) && is_istio(shape),
        Format::Nginx => has_nginx_key(shape),
        Format::IngressNginx => is_ingress(shape),
        Format::Haproxy => is_haproxy(shape),
        Format::TraefikClf => is_traefik_clf(shape),
        Format::Alb => is_alb(shape),
        _ => false,
    }
}

fn is_envoy(shape: &TextShape<'_>) -> bool {
    shape.time.is_some_and(|time| time.at == 0 && time.notation == Notation::Rfc3339)
        && shape.after_time.starts_with(b"\"")
}

/// Distinguishes Istio from Envoy: Istio has words in place of Envoy's number of bytes received.
fn is_istio(shape: &TextShape<'_>) -> bool {
    let mut text = TextCursor::new(shape.tail);
    let third = text.word("").and_then(|_| text.word("")).and_then(|_| text.word(""));
    !matches!(third, Ok([b'0'..=b'9', ..]) | Err(_))
}

fn is_ingress(shape: &TextShape<'_>) -> bool {
    let mut text = shape.after_combined();
    shape.is_common_log() && text.word("").is_ok() && text.word("").is_ok() && text.next_is(b'[')
}

fn is_haproxy(shape: &TextShape<'_>) -> bool {
    let tag = b"haproxy[";
    shape.time.is_some_and(|time| time.notation == Notation::Common) && !shape.after_time.starts_with(b"\"")
        || shape.line.windows(tag.len()).any(|window| window == tag)
}

/// Traefik's line ends with a duration such as `12ms`.
fn is_traefik_clf(shape: &TextShape<'_>) -> bool {
    let last = shape.line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    shape.is_common_log() && last.strip_suffix(b"ms").is_some_and(is_digits)
}

fn is_alb(shape: &TextShape<'_>) -> bool {
    let mut text = TextCursor::new(shape.line);
    matches!(shape.first, b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss")
        && text.word("").is_ok()
        && text.word("").is_ok_and(|at| time::rfc3339(at).is_some())
}
