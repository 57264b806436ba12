//! Caddy's JSON access log, with what `log_append` adds of the reverse proxy's placeholders.
//!
//! The placeholders stay those of the first `reverse_proxy`: a good status for the caller beside a bad or missing one
//! of the upstream is a rescue by another handler.

use crate::bag::{Bag, slots};
use crate::error::{LineError, LineErrorKind};
use crate::exchange::fate;
use crate::fields::FieldConfig;
use crate::json::Json;
use crate::text::{utf8, wrong};
use crate::{Attempts, ParsedLine, PriorVerdict, number, time};
use alloc::vec::Vec;
use nearmiss::exchange::{Attempt, Exchange, Substitute, is_error};
use nearmiss::units::Micros;

slots! {
    /// What Caddy can say of an exchange. A placeholder without a value is `null`: what was appended and came to nothing.
    Slot, null is none: true, nested: nested => {
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

/// What access logs call themselves; a name that the configuration gave may follow.
const LOGGER: &str = "http.log.access";

/// The name of the upstream where neither the line nor the logger has one.
const NAMELESS: &str = "caddy";

/// Reads one line.
pub(crate) fn read<'a>(
    line: &'a [u8],
    fields: &FieldConfig,
    attempts: &'a mut Attempts<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    exchange(line, &Slot::FAMILY.read(line, fields, buffer)?, attempts)
}

fn nested<'a>(key: &str, json: &mut Json<'a>, bag: &mut Bag<'a, '_>) -> Result<(), LineError> {
    match key {
        "request" => request(json, bag),
        "resp_headers" => headers(json, bag),
        _ => json.leave(true),
    }
}

/// Of the request only its method is kept.
fn request<'a>(json: &mut Json<'a>, bag: &mut Bag<'a, '_>) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.key(&mut first)? {
        if key == "method" {
            bag.set(Slot::Method as usize, json.text_of("request.method")?.as_bytes());
        } else {
            json.skip()?;
        }
    }
    Ok(())
}

/// Of the response's headers those are kept that say something of its fate; each is a list of values.
fn headers<'a>(json: &mut Json<'a>, bag: &mut Bag<'a, '_>) -> Result<(), LineError> {
    let mut first = true;
    while let Some(key) = json.key(&mut first)? {
        let slot = match key {
            "Cache-Status" => Slot::Cache,
            "Proxy-Status" => Slot::Proxy,
            "Content-Length" => Slot::Length,
            "Content-Type" => Slot::Type,
            _ => {
                json.skip()?;
                continue;
            }
        };
        json.array_of("resp_headers")?;
        let mut first_item = true;
        while json.item(&mut first_item)? {
            bag.set(slot as usize, json.text_of("resp_headers")?.as_bytes());
        }
    }
    Ok(())
}

fn exchange<'a>(
    line: &[u8],
    bag: &Bag<'a, '_>,
    attempts: &'a mut Attempts<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    attempts.clear();
    let get = |slot: Slot| bag.get(slot as usize);
    let text = |slot: Slot| get(slot).map(|part| utf8(line, part)).transpose();
    let missing = |field| LineError::new(line.len(), LineErrorKind::Missing { field });
    let logger = text(Slot::Logger)?.unwrap_or(LOGGER);
    let Some(site) = logger.strip_prefix(LOGGER) else { return Ok(ParsedLine::LeftOut("a notice")) };
    let ts = match get(Slot::Time) {
        Some(ts) => time::any(ts).ok_or_else(|| wrong(line, ts, "ts", time::TAKES))?,
        None => bag.arrived.ok_or_else(|| missing("ts"))?,
    };
    let name = text(Slot::Upstream)?;
    if let Some(annotation) = bag.raw(Slot::NearMiss as usize) {
        let fate = fate(utf8(line, annotation)?)?;
        return Ok(ParsedLine::Judged(PriorVerdict { ts: Some(ts), upstream: name, fate }));
    }
    let duration = get(Slot::Duration).ok_or_else(|| missing("duration"))?;
    let duration = duration_of(duration)
        .ok_or_else(|| wrong(line, duration, "duration", "seconds, or such as 12.5ms"))?;
    let status = get(Slot::Status).ok_or_else(|| missing("status"))?;
    let status = status_of(status).ok_or_else(|| wrong(line, status, "status", "a status, 0 to 999"))?;
    let upstream_status = get(Slot::UpstreamStatus).and_then(status_of);
    let host = text(Slot::Host)?;
    let retries =
        get(Slot::Retries).and_then(number::all_whole).and_then(|retries| u32::try_from(retries).ok());

    // Until 2.7, a client that left before the response was logged with status 0.
    let aborted = matches!(status, 0 | 499);
    let good = !is_error(status) && !aborted;
    let unanswered = bag.raw(Slot::UpstreamStatus as usize).is_some() && upstream_status.is_none();
    let rescued = good && host.is_some() && (unanswered || upstream_status.is_some_and(is_error));
    let appended = bag.raw(Slot::Host as usize).is_some();
    let nobody_asked = appended && host.is_none() && !is_error(status);
    if host.is_some() && upstream_status.is_some() {
        let took = get(Slot::UpstreamDuration).or(get(Slot::UpstreamLatency)).and_then(time::millis);
        attempts.push(Attempt { host, status: upstream_status, duration: took });
    }
    Ok(ParsedLine::Exchange(Exchange {
        ts,
        upstream: match (name, site.strip_prefix('.')) {
            (Some(name), _) => name,
            _ if nobody_asked => "-",
            (None, Some(site)) if !site.is_empty() => site,
            _ => NAMELESS,
        },
        host,
        route: text(Slot::Route)?,
        status,
        duration,
        attempts: retries.map(|retries| retries.saturating_add(1)),
        bytes: get(Slot::Bytes).and_then(number::all_whole),
        partial: good && is_cut_off(bag, status),
        aborted,
        stream: get(Slot::Method) == Some(b"CONNECT")
            || get(Slot::Type).is_some_and(|kind| kind.starts_with(b"text/event-stream")),
        substitute: rescued.then_some(Substitute::Fallback),
        cache_status: text(Slot::Cache)?,
        proxy_status: text(Slot::Proxy)?,
        attempt_log: attempts.as_slice(),
        trace_id: text(Slot::Trace)?,
        ..Exchange::default()
    }))
}

/// Fewer bytes left than the response's own headers had promised.
fn is_cut_off(bag: &Bag<'_, '_>, status: u16) -> bool {
    let number = |slot: Slot| bag.get(slot as usize).and_then(number::all_whole);
    let (Some(sent), Some(promised)) = (number(Slot::Bytes), number(Slot::Length)) else { return false };
    sent < promised
        && (200..300).contains(&status)
        && status != 204
        && bag.get(Slot::Method as usize) != Some(b"HEAD")
}

fn status_of(text: &[u8]) -> Option<u16> {
    number::all_whole(text).filter(|status| *status <= 999).map(|status| status as u16)
}

/// A duration in seconds, or as Go writes it: `1m2.5s`, `309ms`.
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
    (total <= time::LONGEST).then_some(Micros::new(total))
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
    fn the_default_format_shows_neither_upstream_nor_attempts() {
        with(Format::Caddy, &line(200, ""), |exchange| {
            assert_eq!(exchange.ts.micros(), 1_763_888_400_120_000);
            assert_eq!((exchange.upstream, exchange.attempts), ("shop", None));
            assert_eq!((exchange.duration, exchange.bytes), (Micros::from_millis(309), Some(109)));
            assert!(!exchange.partial && exchange.substitute.is_none());
        });
    }

    #[test]
    fn what_was_appended_shows_retries_and_rescues() {
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
    fn a_body_shorter_than_promised_is_cut_off() {
        let cut = line(200, "").replace("\"size\":109", "\"size\":10").replace("0.309", "0");
        with(Format::Caddy, &cut, |exchange| assert!(exchange.partial));
        with(Format::Caddy, &cut.replace("GET", "HEAD"), |exchange| assert!(!exchange.partial));
    }

    #[test]
    fn other_loggers_write_notices() {
        let notice = r#"{"level":"error","ts":1763888400.1,"logger":"http.log.error.shop","msg":"dial tcp"}"#;
        assert_eq!(left_out(Format::Caddy, notice), "a notice");
    }

    #[test]
    fn durations_may_be_written_as_go_does() {
        for (text, micros) in [("0.309", 309_000), ("309ms", 309_000), ("1m2.5s", 62_500_000), ("12µs", 12)]
        {
            assert_eq!(duration_of(text.as_bytes()), Some(Micros::new(micros)), "{text}");
        }
        assert_eq!(duration_of(b"12parsec"), None);
    }
}
