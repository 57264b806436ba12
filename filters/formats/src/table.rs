//! The table of formats: the members or the shape by which each is detected.

use crate::json::Value;
use crate::nginx::has_nginx_key;
use crate::swar::{contains, contains_text};
use crate::text::TextCursor;
use crate::text_shape::{Notation, TextShape, is_digits};
use crate::time;
use crate::{Format, apache, cloudfront, haproxy, heroku};

/// Points of a member that only one format has; fewer do not detect a format.
pub(crate) const CERTAIN: u8 = 8;
/// Points of a member that few formats have: two of them are enough.
const LIKELY: u8 = 4;
/// Points of a member that sets a format apart from all others: the rest of the line need not be looked at.
pub(crate) const DECISIVE: u8 = 64;

/// Returns the format that a JSON member is a sign of, and its points.
pub(crate) fn format_of(key: &str, value: Value<'_>) -> Option<(Format, u8)> {
    let text = match value {
        Value::Text(text) => text,
        _ => "",
    };
    Some(match key {
        // The logs of applications have these as well: two of them are no sign without the upstream.
        "ts" => (Format::Exchange, 2),
        "duration_ms" => (Format::Exchange, 5),
        "upstream" => (Format::Exchange, 6),
        "near_miss" => (Format::Exchange, LIKELY),
        "response_flags" | "response_code" | "response_code_details" | "upstream_request_attempt_count" => {
            (Format::EnvoyJson, CERTAIN)
        }
        "requested_server_name" | "connection_termination_details" => (Format::IstioJson, DECISIVE),
        "upstream_cluster" if text.contains('|') => (Format::IstioJson, DECISIVE),
        "request_time"
        | "rt"
        | "us"
        | "proxy_upstream_name"
        | "request_time_ms"
        | "body_bytes_sent"
        | "responsetime"
        | "requestTime"
        | "upstream_status"
        | "upstream_addr"
        | "upstream_response_time" => (Format::NginxJson, CERTAIN),
        "DownstreamStatus" | "RouterName" | "StartUTC" | "OriginStatus" => (Format::Traefik, CERTAIN),
        "resp_headers" => (Format::Caddy, DECISIVE),
        "logger" if text.starts_with("http.") => (Format::Caddy, DECISIVE),
        "latencies" | "tries" => (Format::Kong, DECISIVE),
        "EdgeResponseStatus" => (Format::Cloudflare, CERTAIN),
        "httpRequest" | "resource" => (Format::GcpLb, LIKELY),
        "category" if text.eq_ignore_ascii_case("ApplicationGatewayAccessLog") => {
            (Format::AzureAppgw, CERTAIN)
        }
        "category" if text.eq_ignore_ascii_case("FrontdoorAccessLog") => (Format::AzureFrontdoor, CERTAIN),
        "processing_ns" => (Format::Linkerd, CERTAIN),
        "apisix_latency" => (Format::Apisix, DECISIVE),
        "x-edge-result-type" | "x-edge-detailed-result-type" => (Format::Cloudfront, CERTAIN),
        "netPerf" => (Format::Akamai, CERTAIN),
        "fastly_is_edge" | "fastly_server" => (Format::Fastly, CERTAIN),
        key => match key.strip_prefix("haproxy_").unwrap_or(key) {
            "termination_state_cookie" | "termination_state" | "terminationState" | "tsc" => {
                (Format::HaproxyJson, CERTAIN)
            }
            "be_name" | "retries" | "rc" => (Format::HaproxyJson, LIKELY),
            _ => return None,
        },
    })
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
        Format::Apache | Format::Varnish => apache::detect(shape) == Some(format),
        Format::Cloudfront => cloudfront::matches(shape.line),
        Format::Heroku => heroku::matches(shape.line),
        Format::Alb => is_alb(shape),
        Format::Elb => is_elb(shape),
        Format::Apisix => is_apisix(shape),
        Format::Ltsv => is_ltsv(shape.line),
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
    if haproxy::matches_clf(shape) {
        return true;
    }
    let mut after = TextCursor::new(shape.after_time);
    let frontend = after.word("").unwrap_or_default();
    let mut names_server =
        || frontend.ends_with(b":") || after.word("").is_ok_and(|word| contains(word, b'/'));
    shape.time.is_some_and(|time| time.notation == Notation::Common)
        && !frontend.is_empty()
        && !frontend.starts_with(b"\"")
        && names_server()
        || contains_text(shape.line, b"haproxy[")
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

fn is_elb(shape: &TextShape<'_>) -> bool {
    let mut text = TextCursor::new(shape.line);
    let words = [text.word(""), text.word(""), text.word(""), text.word(""), text.word("")];
    let [Ok(time), Ok(_), Ok(client), Ok(backend), Ok(seconds)] = words else { return false };
    let is_address = |word: &[u8]| word.contains(&b':') || word == b"-";
    time::rfc3339(time).is_some()
        && is_address(client)
        && is_address(backend)
        && (seconds == b"-1" || time::seconds(seconds).is_some())
}

/// APISIX's line has a host between time and request, and a third number before the referer.
fn is_apisix(shape: &TextShape<'_>) -> bool {
    let mut after = TextCursor::new(shape.after_time);
    let mut tail = TextCursor::new(shape.tail);
    let words = [tail.word(""), tail.word(""), tail.word("")];
    let [Ok(status), Ok(_), Ok(seconds)] = words else { return false };
    after.word("").is_ok()
        && after.next_is(b'"')
        && is_digits(status)
        && time::seconds(seconds).is_some()
        && tail.next_is(b'"')
}

fn is_ltsv(line: &[u8]) -> bool {
    let has = |label: &[u8]| line.split(|byte| *byte == b'\t').any(|field| field.starts_with(label));
    line.contains(&b'\t') && has(b"time:") && has(b"status:")
}
