//! Caddy's JSON access log, with the reverse proxy's placeholders that `log_append` adds.
//!
//! The placeholders are always those of the first `reverse_proxy`: a good status for the client next to a bad or missing
//! one of the upstream is a rescue by another handler.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::fate;
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::json::JsonCursor;
use crate::schema::schema;
use crate::text::{invalid, utf8};
use crate::{AttemptList, OtherLine, ParsedLine, PriorVerdict, number, time};
use alloc::vec::Vec;
use nearmiss::{Attempt, Exchange, Micros, Substitute, is_error};

schema! {
    /// The fields of an exchange that Caddy can log. An appended placeholder without a value is `null`.
    FieldId, null is absent: true, nested: nested => {
        Time: "ts" = "ts" | "time";
        Logger: "logger" = "logger";
        Status: "status" = "status";
        Duration: "duration_s" = "duration";
        Upstream: "upstream" = "upstream_name" | "service";
        Host: "host" = "upstream" | "upstream_host" | "upstream_hostport";
        Retries: "retries" = "retries" | "upstream_retries";
        UpstreamStatus: "upstream_status" = "upstream_status";
        UpstreamDuration: "upstream_duration_ms" = "upstream_duration_ms";
        UpstreamLatency: "upstream_latency_ms" = "upstream_latency_ms";
        Bytes: "bytes" = "size";
        Route: "route" = "route";
        Trace: "trace_id" = "trace_id" | "traceID";
        Method: "method" = ;
        Length: "content_length" = ;
        Cache: "cache_status" = ;
        Proxy: "proxy_status" = ;
        Type: "content_type" = ;
        NearMiss: "near_miss" = "near_miss";
    }
}

/// The name of access loggers; a configured name may follow.
const LOGGER: &str = "http.log.access";

/// The name of the upstream if neither the line nor the logger has one.
const DEFAULT_UPSTREAM: &str = "caddy";

/// Reads one line.
pub(crate) fn read<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    parse_values(line, &mapping.read_json(&FieldId::SCHEMA, line, buffer)?, attempts)
}

fn nested<'a>(
    key: &str,
    json: &mut JsonCursor<'a>,
    values: &mut FieldValues<'a, '_>,
) -> Result<(), LineError> {
    match key {
        "request" => request(json, values),
        "resp_headers" => headers(json, values),
        _ => json.skip_rest(true),
    }
}

/// Reads the method of the request.
fn request<'a>(json: &mut JsonCursor<'a>, values: &mut FieldValues<'a, '_>) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        if key == "method" {
            values.set(FieldId::Method as usize, json.text_of("request.method")?.as_bytes());
        } else {
            json.skip()?;
        }
    }
    Ok(())
}

/// Reads the response headers that matter for the fate; each is a list of values.
fn headers<'a>(json: &mut JsonCursor<'a>, values: &mut FieldValues<'a, '_>) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        let id = match key {
            "Cache-Status" => FieldId::Cache,
            "Proxy-Status" => FieldId::Proxy,
            "Content-Length" => FieldId::Length,
            "Content-Type" => FieldId::Type,
            _ => {
                json.skip()?;
                continue;
            }
        };
        json.array_of("resp_headers")?;
        let mut first_item = true;
        while json.next_item(&mut first_item)? {
            values.set(id as usize, json.text_of("resp_headers")?.as_bytes());
        }
    }
    Ok(())
}

fn parse_values<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    attempts.clear();
    let get = |id: FieldId| values.find(id as usize);
    let text = |id: FieldId| get(id).map(|part| utf8(line, part)).transpose();
    let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
    let logger = text(FieldId::Logger)?.unwrap_or(LOGGER);
    let Some(site) = logger.strip_prefix(LOGGER) else { return Ok(ParsedLine::Other(OtherLine::Json)) };
    let ts = match get(FieldId::Time) {
        Some(ts) => time::parse(ts).ok_or_else(|| invalid(line, ts, "ts", time::TAKES))?,
        None => values.default_time.ok_or_else(|| missing("ts"))?,
    };
    let name = text(FieldId::Upstream)?;
    if let Some(annotation) = values.raw(FieldId::NearMiss as usize) {
        let fate = fate(utf8(line, annotation)?)?;
        return Ok(ParsedLine::Judged(PriorVerdict { ts: Some(ts), upstream: name, fate }));
    }
    let duration = get(FieldId::Duration).ok_or_else(|| missing("duration"))?;
    let duration = duration_of(duration)
        .ok_or_else(|| invalid(line, duration, "duration", "seconds, or such as 12.5ms"))?;
    let status = get(FieldId::Status).ok_or_else(|| missing("status"))?;
    let status = status_of(status).ok_or_else(|| invalid(line, status, "status", "a status, 0 to 999"))?;
    let upstream_status = get(FieldId::UpstreamStatus).and_then(status_of);
    let host = text(FieldId::Host)?;
    let retries =
        get(FieldId::Retries).and_then(number::all_whole).and_then(|retries| u32::try_from(retries).ok());

    // Until 2.7, status 0 meant that the client disconnected before the response.
    let aborted = matches!(status, 0 | 499);
    let good = !is_error(status) && !aborted;
    let unanswered = values.raw(FieldId::UpstreamStatus as usize).is_some() && upstream_status.is_none();
    let rescued = good && host.is_some() && (unanswered || upstream_status.is_some_and(is_error));
    let appended = values.raw(FieldId::Host as usize).is_some();
    let none_contacted = appended && host.is_none() && !is_error(status);
    if host.is_some() && upstream_status.is_some() {
        let duration =
            get(FieldId::UpstreamDuration).or(get(FieldId::UpstreamLatency)).and_then(time::millis);
        attempts.push(Attempt { host, status: upstream_status, duration, ..Attempt::default() });
    }
    Ok(ParsedLine::Exchange(Exchange {
        ts,
        upstream: match (name, site.strip_prefix('.')) {
            (Some(name), _) => name,
            _ if none_contacted => "-",
            (None, Some(site)) if !site.is_empty() => site,
            _ => DEFAULT_UPSTREAM,
        },
        host,
        route: text(FieldId::Route)?,
        status,
        duration,
        attempts: retries.map(|retries| retries.saturating_add(1)),
        bytes: get(FieldId::Bytes).and_then(number::all_whole),
        partial: good && is_truncated(values, status),
        aborted,
        stream: get(FieldId::Method) == Some(b"CONNECT")
            || get(FieldId::Type).is_some_and(|kind| kind.starts_with(b"text/event-stream")),
        substitute: rescued.then_some(Substitute::Fallback),
        cache_status: text(FieldId::Cache)?,
        proxy_status: text(FieldId::Proxy)?,
        attempt_log: attempts.as_slice(),
        trace_id: text(FieldId::Trace)?,
        ..Exchange::default()
    }))
}

/// Returns true if fewer bytes were sent than the response's `Content-Length`.
fn is_truncated(values: &FieldValues<'_, '_>, status: u16) -> bool {
    let number = |id: FieldId| values.find(id as usize).and_then(number::all_whole);
    let (Some(sent), Some(length)) = (number(FieldId::Bytes), number(FieldId::Length)) else {
        return false;
    };
    sent < length
        && (200..300).contains(&status)
        && status != 204
        && values.find(FieldId::Method as usize) != Some(b"HEAD")
}

fn status_of(text: &[u8]) -> Option<u16> {
    number::all_whole(text).filter(|status| *status <= 999).map(|status| status as u16)
}

/// Parses a duration in seconds, or as Go writes it: `1m2.5s`, `309ms`.
fn duration_of(mut text: &[u8]) -> Option<Micros> {
    if let Some(span) = time::seconds(text) {
        return Some(span);
    }
    let mut total = 0_u64;
    while !text.is_empty() {
        let end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let (number, rest) = text.split_at_checked(end)?;
        let end = rest.iter().position(u8::is_ascii_digit).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at_checked(end)?;
        let micros = match unit {
            b"h" => number::all_scaled(number, 6)?.checked_mul(3_600)?,
            b"m" => number::all_scaled(number, 6)?.checked_mul(60)?,
            b"s" => number::all_scaled(number, 6)?,
            b"ms" => number::all_scaled(number, 3)?,
            b"us" => number::all_scaled(number, 0)?,
            b"ns" => number::all_scaled(number, 0)? / 1_000,
            _ if unit == "µs".as_bytes() || unit == "μs".as_bytes() => number::all_scaled(number, 0)?,
            _ => return None,
        };
        total = total.checked_add(micros)?;
        text = rest;
    }
    (total <= time::MAX_DURATION).then_some(Micros::new(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::testing::{left_out, with};
    use alloc::format;
    use alloc::string::String;

    fn line(status: u16, appended: &str) -> String {
        format!(
            r#"{{"level":"info","ts":1763888400.12,"logger":"http.log.access.shop","msg":"handled request","request":{{"remote_ip":"127.0.0.1","proto":"HTTP/2.0","method":"GET","host":"x","uri":"/","headers":{{"A":["b"]}}}},"bytes_read":0,"user_id":"","duration":0.309,"size":109,"status":{status},"resp_headers":{{"Via":["1.1 Caddy"],"Content-Length":["109"]}}{appended}}}"#
        )
    }

    #[test]
    fn the_default_format_has_neither_upstream_nor_attempts() {
        with(Format::Caddy, &line(200, ""), |exchange| {
            assert_eq!(exchange.ts.micros(), 1_763_888_400_120_000);
            assert_eq!((exchange.upstream, exchange.attempts), ("shop", None));
            assert_eq!((exchange.duration, exchange.bytes), (Micros::from_millis(309), Some(109)));
            assert!(!exchange.partial && exchange.substitute.is_none());
        });
    }

    #[test]
    fn appended_fields_show_retries_and_rescues() {
        let retried =
            r#","retries":1,"upstream_latency_ms":12.1,"upstream":"10.0.0.2:80","upstream_status":200"#;
        with(Format::Caddy, &line(200, retried), |exchange| {
            assert_eq!((exchange.attempts, exchange.host), (Some(2), Some("10.0.0.2:80")));
            assert_eq!(exchange.attempt_log[0].duration, Some(Micros::new(12_100)));
            assert_eq!(exchange.substitute, None);
        });
        for status in ["502", "null"] {
            let rescued = format!(r#","retries":2,"upstream":"10.0.0.2:80","upstream_status":{status}"#);
            with(Format::Caddy, &line(200, &rescued), |exchange| {
                assert_eq!((exchange.attempts, exchange.substitute), (Some(3), Some(Substitute::Fallback)));
            });
            with(Format::Caddy, &line(502, &rescued), |exchange| assert_eq!(exchange.substitute, None));
        }
        let unasked = r#","retries":null,"upstream":null,"upstream_status":null"#;
        with(Format::Caddy, &line(200, unasked), |exchange| assert_eq!(exchange.upstream, "-"));
    }

    #[test]
    fn a_body_shorter_than_its_content_length_is_partial() {
        let cut = line(200, "").replace("\"size\":109", "\"size\":10").replace("0.309", "0");
        with(Format::Caddy, &cut, |exchange| assert!(exchange.partial));
        with(Format::Caddy, &cut.replace("GET", "HEAD"), |exchange| assert!(!exchange.partial));
    }

    #[test]
    fn other_loggers_write_notices() {
        let notice = r#"{"level":"error","ts":1763888400.1,"logger":"http.log.error.shop","msg":"dial tcp"}"#;
        assert_eq!(left_out(Format::Caddy, notice), "JSON object without a request");
    }

    #[test]
    fn durations_of_go_are_parsed() {
        for (text, micros) in [("0.309", 309_000), ("309ms", 309_000), ("1m2.5s", 62_500_000), ("12µs", 12)]
        {
            assert_eq!(duration_of(text.as_bytes()), Some(Micros::new(micros)), "{text}");
        }
        assert_eq!(duration_of(b"12parsec"), None);
    }
}
