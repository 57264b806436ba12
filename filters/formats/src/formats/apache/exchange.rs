//! From Apache's or Varnish's values to an exchange.

use super::worker::without_scheme;
use crate::error::{LineError, LineErrorKind};
use crate::exchange::{body_kind, fate, without_query};
use crate::field_values::FieldValues;
use crate::schema::schema;
use crate::text::{invalid, utf8};
use crate::{Format, ParsedLine, PriorVerdict, number, time};
use nearmiss::{Exchange, Micros, is_error};

schema! {
    /// The fields of an exchange that Apache and Varnish can log.
    FieldId, null is absent: true, nested: |_, json, _| json.skip_rest(true) => {
        Start: "start_ts" = "time" | "timestamp" | "@timestamp";
        End: "ts" = ;
        Status: "status" = "status";
        Bytes: "bytes" = "bytes";
        Seconds: "duration_s" = ;
        Millis: "duration_ms" = "duration_ms";
        Micros: "duration_us" = "duration_us";
        Upstream: "upstream" = "upstream";
        Server: "server_name" = ;
        Worker: "host" = ;
        Route: "route" = "route";
        Attempts: "attempts" = "attempts";
        MaxAttempts: "max_attempts" = ;
        Timeout: "timeout_ms" = ;
        Handling: "handling" = ;
        Side: "side" = ;
        Connection: "connection" = ;
        Cache: "cache_status" = ;
        Proxy: "proxy_status" = ;
        Reason: "reason" = ;
        Method: "method" = ;
        Type: "content_type" = ;
        Grpc: "grpc_status" = ;
        Trace: "trace_id" = ;
        NearMiss: "near_miss" = "near_miss";
    }
}

/// Parses the `values` found in `line`.
pub(crate) fn parse_values<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    format: Format,
) -> Result<ParsedLine<'a>, LineError> {
    let get = |id: FieldId| values.find(id as usize);
    let text = |id: FieldId| get(id).map(|part| utf8(line, part)).transpose();
    let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
    let at = |id: FieldId| {
        let Some(part) = get(id) else { return Ok(None) };
        // `%t` brings its own brackets.
        let part = part.strip_prefix(b"[").and_then(|part| part.strip_suffix(b"]")).unwrap_or(part);
        time::parse(part).map(Some).ok_or_else(|| invalid(line, part, "%t", time::TAKES))
    };
    if get(FieldId::Side) == Some(b"b") {
        return Ok(ParsedLine::LeftOut("a request of Varnish to its backend"));
    }
    let duration = duration(line, values)?;
    let ts = match (at(FieldId::End)?, at(FieldId::Start)?) {
        (Some(end), _) => end,
        (None, Some(start)) => start.after(duration),
        (None, None) => values.default_time.ok_or_else(|| missing("%t"))?,
    };
    let upstream = match text(FieldId::Upstream)? {
        Some(balancer) => Some(balancer.strip_prefix("balancer://").unwrap_or(balancer)),
        None => text(FieldId::Server)?,
    };
    if let Some(verdict) = values.raw(FieldId::NearMiss as usize) {
        let fate = fate(utf8(line, verdict)?)?;
        return Ok(ParsedLine::Judged(PriorVerdict { ts: Some(ts), upstream, fate }));
    }
    let status = get(FieldId::Status).ok_or_else(|| missing("%>s"))?;
    let status = number::all_whole(status)
        .filter(|status| *status <= 999)
        .ok_or_else(|| invalid(line, status, "%>s", "a status, 0 to 999"))? as u16;
    let count = |id: FieldId| get(id).and_then(number::all_whole).and_then(|count| u32::try_from(count).ok());
    let (is_grpc, is_stream) = body_kind(get(FieldId::Type), get(FieldId::Method));
    // `X`: the connection was cut before the response was complete.
    let is_cut = get(FieldId::Connection) == Some(b"X");
    Ok(ParsedLine::Exchange(Exchange {
        ts,
        upstream: upstream.unwrap_or(format.name()),
        host: text(FieldId::Worker)?.map(without_scheme),
        route: text(FieldId::Route)?.map(without_query),
        status,
        duration,
        attempts: count(FieldId::Attempts),
        max_attempts: count(FieldId::MaxAttempts),
        timeout: get(FieldId::Timeout).and_then(time::millis),
        bytes: get(FieldId::Bytes).and_then(number::all_whole),
        aborted: status == 499 || is_cut && !is_error(status),
        stream: is_stream || status == 101 || get(FieldId::Handling) == Some(b"pipe"),
        grpc_status: if is_grpc { count(FieldId::Grpc) } else { None },
        cache_status: text(FieldId::Cache)?,
        proxy_status: text(FieldId::Proxy)?,
        reason: text(FieldId::Reason)?,
        trace_id: text(FieldId::Trace)?,
        ..Exchange::default()
    }))
}

fn duration(line: &[u8], values: &FieldValues<'_, '_>) -> Result<Micros, LineError> {
    // The finest unit that is logged counts.
    for (id, shift, takes) in [
        (FieldId::Micros, 0, "microseconds"),
        (FieldId::Millis, 3, "milliseconds"),
        (FieldId::Seconds, 6, "seconds"),
    ] {
        if let Some(part) = values.find(id as usize) {
            let micros = number::all_scaled(part, shift).filter(|micros| *micros <= time::MAX_DURATION);
            return micros.map(Micros::new).ok_or_else(|| invalid(line, part, "%D", takes));
        }
    }
    Err(LineError::new(line.len(), LineErrorKind::MissingField { field: "%D" }))
}
