//! The formats: their readers, the members or the shape by which each is detected, and the function that reads its lines.

mod alb;
pub(crate) mod apache;
mod apisix;
mod caddy;
mod cloud;
pub(crate) mod cloudfront;
pub(crate) mod envoy;
pub(crate) mod haproxy;
mod heroku;
mod kong;
pub(crate) mod nginx;
pub(crate) mod traefik;

use crate::error::{LineError, LineErrorKind};
use crate::field_mapping::FieldMapping;
use crate::json::Value;
use crate::log_format::LogFormat;
use crate::requests::Requests;
use crate::swar::{contains, contains_text};
use crate::text::TextCursor;
use crate::text_shape::{Notation, TextShape, is_digits};
use crate::{AttemptList, Format, JoinKey, ParsedLine, exchange, time};
use alb::LoadBalancer;
use alloc::vec::Vec;
use envoy::Flavour;
use nginx::has_nginx_key;

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

/// The settings of a reader, and what it keeps of the last line of text.
pub(crate) struct Settings<'r> {
    pub(crate) mapping: &'r mut FieldMapping,
    pub(crate) log_format: Option<&'r LogFormat>,
    pub(crate) cache: &'r mut nginx::LineCache,
    pub(crate) requests: &'r Requests,
    pub(crate) columns: &'r mut cloudfront::Columns,
    pub(crate) key: &'r mut JoinKey,
}

/// A format that a line is likely to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) format: Format,
    /// True if the line counts as one in this format only with all fields of it.
    pub(crate) must_be_complete: bool,
}

/// Reads a line in a format, and applies the rules for requests.
pub(crate) fn read_as<'a>(
    known: Known,
    line: &'a [u8],
    settings: &mut Settings<'_>,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    if known.format == Format::Nginx && settings.log_format.is_none() {
        return read_nginx(known, line, settings, attempts);
    }
    let mut read = read_other(known.format, line, settings, attempts, buffer)?;
    settings.requests.apply(&mut read, known.format, line);
    Ok(read)
}

/// Reads a line of nginx. Its values are known then, so that the rules for requests need not search the line.
fn read_nginx<'a>(
    known: Known,
    line: &'a [u8],
    settings: &mut Settings<'_>,
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let Settings { mapping, cache, requests, .. } = settings;
    let mut values = mapping.new_values();
    nginx::read_values(line, mapping, cache, &mut values, None)?;
    if known.must_be_complete && !nginx::is_complete(line, &values) {
        return Err(LineError::unknown_format());
    }
    let mut parsed = nginx::ParsedFields::with_times(cache.times);
    let mut read = nginx::parse_values(line, &values, &mut parsed, attempts);
    if let Ok(read) = &mut read {
        match cache.has_more_quoted {
            true => requests.apply(read, Format::Nginx, line),
            false => requests.apply_to_nginx(read, &values),
        }
    }
    read
}

/// Reads a line in another format.
fn read_other<'a>(
    format: Format,
    line: &'a [u8],
    settings: &mut Settings<'_>,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let Settings { mapping, log_format, columns, key, .. } = settings;
    if let Some(log_format) = log_format {
        return log_format.read(line, mapping.default_time, attempts, buffer, key);
    }
    match format {
        Format::Auto | Format::Nginx => Err(LineError::unknown_format()),
        Format::Exchange => exchange::read_with_default_time(line, mapping.default_time, attempts, buffer),
        Format::NginxJson => nginx::read_json(line, mapping, attempts, buffer),
        Format::IngressNginx => nginx::read_ingress(line, attempts),
        Format::Envoy => envoy::read_text(line, Flavour::Envoy),
        Format::Istio => envoy::read_text(line, Flavour::Istio),
        Format::EnvoyJson | Format::IstioJson => envoy::read_json(line, mapping, buffer, key),
        Format::Haproxy if haproxy::is_clf(line) => match cfg!(feature = "all-formats") {
            true => haproxy::read_clf(line, attempts),
            false => Err(not_built("haproxy (httplog clf)")),
        },
        Format::Haproxy => haproxy::read_text(line, attempts),
        Format::Traefik => traefik::read_json(line, mapping, attempts, buffer),
        Format::TraefikClf => traefik::read_clf(line),
        Format::Caddy => caddy::read(line, mapping, attempts, buffer),
        Format::Kong => kong::read(line, mapping, attempts, buffer),
        format @ Format::Apache => apache::read_text(line, format),
        format if !format.is_built() => Err(not_built(format.name())),
        Format::Alb => alb::read(line, LoadBalancer::Application, attempts),
        Format::Elb => alb::read(line, LoadBalancer::Classic, attempts),
        Format::Varnish => apache::read_text(line, Format::Varnish),
        Format::HaproxyJson => haproxy::read_json(line, mapping, attempts, buffer),
        Format::Apisix if line.starts_with(b"{") => {
            apisix::read_json(line, mapping.default_time, attempts, buffer)
        }
        Format::Apisix => nginx::read_apisix(line, attempts),
        Format::Ltsv => nginx::read_ltsv(line, mapping, attempts),
        Format::Cloudfront => cloudfront::read(line, columns, mapping.default_time, buffer),
        Format::Heroku => heroku::read(line, mapping.default_time),
        format @ (Format::Cloudflare
        | Format::GcpLb
        | Format::AzureAppgw
        | Format::AzureFrontdoor
        | Format::Linkerd
        | Format::Akamai
        | Format::Fastly) => cloud::read(line, format, mapping, buffer),
    }
}

/// Creates the error that this build does not read a format.
#[cold]
fn not_built(format: &'static str) -> LineError {
    LineError::new(0, LineErrorKind::FormatNotBuilt { format })
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
    envoy::skip_rest_of_request(&mut text);
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
    // Labeled values, which tabs separate, may have the time in brackets too.
    let frontend = after.word("").ok().filter(|word| !word.starts_with(b"\t")).unwrap_or_default();
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
