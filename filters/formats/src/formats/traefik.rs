//! Traefik's JSON and its common log format.
//!
//! `RetryAttempts` is 0 even if there were retries, so only a larger number has a meaning. A truncated body appears as a
//! good status for the client next to an origin's status of 0.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::fate;
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::schema::schema;
use crate::swar::split_at_text;
use crate::text::{TextCursor, invalid, utf8};
use crate::{AttemptList, OtherLine, ParsedLine, PriorVerdict, number, time};
use alloc::vec::Vec;
use nearmiss::{Attempt, Exchange, Micros, Substitute, is_error};

schema! {
    /// The fields of an exchange that Traefik can log.
    FieldId, null is absent: false, nested: |_, json, _| json.skip_rest(true) => {
        Start: "start_ts" = "StartUTC" | "StartLocal";
        End: "ts" = "time";
        Status: "status" = "DownstreamStatus";
        Duration: "duration_ns" = "Duration";
        Upstream: "upstream" = "ServiceName" | "BackendName";
        Host: "host" = "ServiceAddr" | "BackendAddr";
        Router: "route" = "RouterName" | "FrontendName";
        OriginStatus: "origin_status" = "OriginStatus";
        OriginDuration: "origin_duration_ns" = "OriginDuration";
        Retries: "retries" = "RetryAttempts";
        Bytes: "bytes" = "DownstreamContentSize";
        Method: "method" = "RequestMethod";
        Cache: "cache_status" = "downstream_Cache-Status";
        Proxy: "proxy_status" = "downstream_Proxy-Status";
        Type: "content_type" = "downstream_Content-Type";
        Trace: "trace_id" = "trace_id" | "TraceId";
        Error: "reason" = "OriginError";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// Status of a connection that changed its protocol.
const SWITCHING_PROTOCOLS: u16 = 101;
/// Status of an answer without a body.
const NO_CONTENT: u16 = 204;

/// Reads one line of JSON.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    parse_values(line, &mapping.read_json(&FieldId::SCHEMA, line, buffer)?, attempts)
}

/// Parses the `values` found in `line`.
pub(crate) fn parse_values<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    attempts.clear();
    let get = |id: FieldId| values.find(id as usize);
    let text = |id: FieldId| get(id).map(|part| utf8(line, part)).transpose();
    let code = |id: FieldId, field: &'static str| {
        let Some(part) = get(id) else { return Ok(None) };
        let status = number::all_whole(part).filter(|status| *status <= 999).map(|status| status as u16);
        status.map(Some).ok_or_else(|| invalid(line, part, field, "a status, 0 to 999"))
    };
    let nanos = |id: FieldId, field: &'static str| {
        let Some(part) = get(id) else { return Ok(None) };
        let nanos = number::all_scaled(part, 0)
            .map(|nanos| nanos / 1_000)
            .filter(|micros| *micros <= time::MAX_DURATION);
        nanos.map(|micros| Some(Micros::new(micros))).ok_or_else(|| invalid(line, part, field, "nanoseconds"))
    };
    let duration = nanos(FieldId::Duration, "Duration")?;
    let at = |id: FieldId, field: &'static str| {
        let Some(part) = get(id) else { return Ok(None) };
        time::parse(part).map(Some).ok_or_else(|| invalid(line, part, field, time::TAKES))
    };
    let ts = match at(FieldId::Start, "StartUTC")? {
        Some(start) => Some(start.after(duration.unwrap_or_default())),
        None => at(FieldId::End, "time")?.or(values.default_time),
    };
    if let Some(annotation) = values.raw(FieldId::NearMiss as usize) {
        let fate = fate(utf8(line, annotation)?)?;
        return Ok(ParsedLine::Judged(PriorVerdict { ts, upstream: text(FieldId::Upstream)?, fate }));
    }
    let Some(status) = code(FieldId::Status, "DownstreamStatus")? else {
        return match (duration, get(FieldId::Router)) {
            (None, None) if get(FieldId::End).is_some() => Ok(ParsedLine::Other(OtherLine::Json)),
            _ => Err(LineError::new(line.len(), LineErrorKind::MissingField { field: "DownstreamStatus" })),
        };
    };
    let duration = duration
        .ok_or_else(|| LineError::new(line.len(), LineErrorKind::MissingField { field: "Duration" }))?;
    let origin = code(FieldId::OriginStatus, "OriginStatus")?;
    let answered = origin.filter(|origin| *origin > 0);
    let host = text(FieldId::Host)?;
    let origin_duration =
        nanos(FieldId::OriginDuration, "OriginDuration")?.filter(|duration| duration.get() > 0);
    // A connection that was handed over, as to a WebSocket, and a preflight have no status of their own.
    let status = match status {
        0 if get(FieldId::Method) == Some(b"OPTIONS") => NO_CONTENT,
        0 if origin_duration.is_some() => SWITCHING_PROTOCOLS,
        status => status,
    };
    let retries =
        get(FieldId::Retries).and_then(number::all_whole).and_then(|retries| u32::try_from(retries).ok());
    let aborted = status == 499;
    let good = !is_error(status) && !aborted;
    let is_stream = status == SWITCHING_PROTOCOLS
        || get(FieldId::Method) == Some(b"CONNECT")
        || get(FieldId::Type).is_some_and(|kind| kind.starts_with(b"text/event-stream"));
    let partial = good
        && origin == Some(0)
        && origin_duration.is_none()
        && (200..300).contains(&status)
        && !is_stream
        && get(FieldId::Method) != Some(b"OPTIONS");
    // Without a status, a duration says that the origin answered, and so does a whole answer that is no error.
    let is_unknown = origin == Some(0) && (origin_duration.is_some() || good && !partial);
    if origin.is_some() && host.is_some() && !is_unknown {
        let duration = origin_duration;
        attempts.push(Attempt { host, status: answered, duration, ..Attempt::default() });
    }
    Ok(ParsedLine::Exchange(Exchange {
        ts: ts
            .ok_or_else(|| LineError::new(line.len(), LineErrorKind::MissingField { field: "StartUTC" }))?,
        upstream: match (text(FieldId::Upstream)?, text(FieldId::Router)?) {
            (Some(service), _) => service,
            // The line does not name a service without a server, but its router.
            (None, Some(router)) if status >= 500 => router,
            _ => "-",
        },
        host,
        route: text(FieldId::Router)?,
        status,
        duration,
        attempts: retries.filter(|retries| *retries > 0).map(|retries| retries.saturating_add(1)),
        bytes: get(FieldId::Bytes).and_then(number::all_whole),
        partial,
        aborted,
        stream: is_stream,
        substitute: (good && answered.is_some_and(is_error)).then_some(Substitute::Fallback),
        cache_status: text(FieldId::Cache)?,
        proxy_status: text(FieldId::Proxy)?,
        attempt_log: attempts.as_slice(),
        trace_id: text(FieldId::Trace)?,
        reason: text(FieldId::Error)?,
        ..Exchange::default()
    }))
}

/// Reads one line of the common log format, which names the router and no service.
pub(crate) fn read_clf<'a>(line: &'a [u8]) -> Result<ParsedLine<'a>, LineError> {
    let mut text = TextCursor::new(line);
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::EmptyLine));
    }
    let start = text.common_time()?;
    let start = time::common(start).ok_or_else(|| invalid(line, start, "start time", time::TAKES))?;
    let request = text.quoted("the request in quotes")?;
    let status = text.word("the status")?;
    let bytes = text.word("the bytes sent")?;
    text.quoted("the referer in quotes")?;
    text.quoted("the user agent in quotes")?;
    text.word("the request's number")?;
    let router = text.quoted("the router's name in quotes")?;
    let url = utf8(line, text.quoted("the server's URL in quotes")?)?;
    let duration = text.word("the duration")?;
    let millis = duration.strip_suffix(b"ms").and_then(time::millis);
    let duration =
        millis.ok_or_else(|| invalid(line, duration, "the duration", "milliseconds such as 12ms"))?;
    let host = split_at_text(url, "://").map(|(_, host)| host.split('/').next().unwrap_or(host));
    let status = match status {
        b"-" => 0,
        digits => number::all_whole(digits)
            .filter(|status| *status <= 999)
            .ok_or_else(|| invalid(line, digits, "the status", "a status, 0 to 999"))?
            as u16,
    };
    Ok(ParsedLine::Exchange(Exchange {
        ts: start.after(duration),
        upstream: utf8(line, router)?,
        host,
        status,
        duration,
        bytes: number::all_whole(bytes),
        aborted: status == 499,
        stream: request.starts_with(b"CONNECT "),
        ..Exchange::default()
    }))
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::testing::{error, left_out, with};
    use nearmiss::Micros;
    use nearmiss::Substitute;

    const LINE: &str = r#"{"ServiceName":"web@docker","ServiceAddr":"10.46.207.28:9114","OriginStatus":200,"DownstreamStatus":200,"Duration":312000000,"OriginDuration":309000000,"RetryAttempts":0,"RouterName":"r@docker","RequestMethod":"GET","RequestPath":"/","StartUTC":"2026-11-23T08:00:00.123456789Z","level":"info","msg":"","time":"2026-11-23T08:00:00Z"}"#;

    #[test]
    fn durations_are_nanoseconds_and_0_retries_mean_unknown_attempts() {
        with(Format::Traefik, LINE, |exchange| {
            assert_eq!(exchange.ts.micros(), 1_795_420_800_435_456);
            assert_eq!((exchange.upstream, exchange.route), ("web@docker", Some("r@docker")));
            assert_eq!((exchange.duration, exchange.attempts), (Micros::from_millis(312), None));
            assert_eq!(exchange.attempt_log[0].duration, Some(Micros::from_millis(309)));
        });
        with(Format::Traefik, &LINE.replace("\"RetryAttempts\":0", "\"RetryAttempts\":1"), |exchange| {
            assert_eq!(exchange.attempts, Some(2));
        });
    }

    #[test]
    fn the_origins_status_distinguishes_partial_from_fallback() {
        let unknown = LINE.replace("\"OriginStatus\":200", "\"OriginStatus\":0");
        with(Format::Traefik, &unknown, |exchange| assert!(!exchange.partial, "the status was not captured"));
        with(Format::Traefik, &unknown.replace("309000000", "0"), |exchange| {
            assert!(exchange.partial, "the body was truncated");
        });
        with(Format::Traefik, &LINE.replace("\"OriginStatus\":200", "\"OriginStatus\":503"), |exchange| {
            assert_eq!(exchange.substitute, Some(Substitute::Fallback));
        });
        with(Format::Traefik, &LINE.replace("Status\":200", "Status\":499"), |exchange| {
            assert!(exchange.aborted && exchange.substitute.is_none());
        });
    }

    #[test]
    fn a_line_without_a_service_has_no_upstream_and_a_notice_is_left_out() {
        with(Format::Traefik, &LINE.replace("ServiceName", "x"), |exchange| {
            assert_eq!(exchange.upstream, "-")
        });
        let notice = r#"{"level":"info","msg":"Configuration loaded","time":"2026-11-23T08:00:00Z"}"#;
        assert_eq!(left_out(Format::Traefik, notice), "JSON object without a request");
        assert!(
            error(Format::Traefik, &LINE.replace("\"Duration\"", "\"D\""))
                .starts_with("`Duration` is missing")
        );
    }

    #[test]
    fn the_upstream_of_the_common_log_format_is_the_router() {
        let line = r#"127.0.0.1 - - [23/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-" 5 "router@file" "http://127.0.0.1:9001" 12ms"#;
        with(Format::TraefikClf, line, |exchange| {
            assert_eq!(exchange.ts.micros(), 1_795_428_000_012_000);
            assert_eq!((exchange.upstream, exchange.host), ("router@file", Some("127.0.0.1:9001")));
            assert_eq!((exchange.attempts, exchange.bytes), (None, Some(12)));
        });
        assert!(error(Format::TraefikClf, &line.replace("12ms", "12")).starts_with("`the duration` is `12`"));
    }
}
