//! From Envoy's field values to an exchange.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::{body_kind, fate, without_query};
use crate::field_values::FieldValues;
use crate::schema::schema;
use crate::text::{invalid, utf8};
use crate::time::TimeParser;
use crate::{ParsedLine, PriorVerdict, nested_fields, number, time};
use nearmiss::{Exchange, Flags, Micros, Timestamp, is_mirrored};

schema! {
    /// The fields of an exchange that Envoy can log.
    FieldId, null is absent: true, nested: |key, json, values| nested_fields::read(&FieldId::SCHEMA, key, json, values) => {
        Start: "start_ts" = "start_time" | "timestamp" | "@timestamp" | "time";
        Status: "status" = "response_code" | "status" | "code";
        Flags: "flags" = "response_flags" | "flags";
        Duration: "duration_ms" = "duration";
        Upstream: "upstream" = "upstream_cluster" | "upstream_cluster_raw" | "cluster";
        Host: "host" = "upstream_host" | "upstream_remote_address";
        Attempts: "attempts" = "upstream_request_attempt_count" | "request_attempt_count" | "attempt_count" | "retry_count" | "upstream_attempts";
        MaxAttempts: "max_attempts" = "max_attempts";
        Timeout: "timeout_ms" = "x_envoy_expected_rq_timeout_ms" | "x-envoy-expected-rq-timeout-ms";
        Route: "route" = "route_name";
        Authority: "authority" = "authority" | ":authority";
        Agent: "user_agent" = "user_agent" | "user-agent";
        Bytes: "bytes" = "bytes_sent";
        Grpc: "grpc_status" = "grpc_status" | "grpc_status_number" | "grpc_response_status";
        Type: "content_type" = "content_type" | "response_content_type";
        Method: "method" = "method" | "request_method" | ":method";
        Path: "path" = "path" | ":path" | "x-envoy-origin-path" | "uri_path";
        Protocol: "protocol" = "protocol";
        Cache: "cache_status" = "cache_status";
        Proxy: "proxy_status" = "proxy_status";
        Trace: "trace_id" = "trace_id";
        Details: "reason" = "response_code_details";
        Transport: "transport_failure" = "upstream_transport_failure_reason";
        RequestId: "request_id" = "request_id" | "x_request_id" | "x-request-id";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// The name of the upstream if the line has none.
const DEFAULT_UPSTREAM: &str = "envoy";

/// Values parsed from the previous line, reused while their text is unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ParsedFields {
    left_out: Option<&'static str>,
    time_parser: TimeParser,
    start: Option<Timestamp>,
    status: u16,
    duration: Micros,
    flags: Flags,
    bytes: Option<u64>,
    timeout: Option<Micros>,
    attempts: Option<u32>,
    max_attempts: Option<u32>,
    is_grpc: bool,
    is_stream: bool,
    /// Length of the route without its query.
    route_len: usize,
}

/// Parses the `values` found in `line`; `parsed` holds those of the previous line.
pub(crate) fn parse_values<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    parsed: &mut ParsedFields,
) -> Result<ParsedLine<'a>, LineError> {
    let get = |id: FieldId| if values.has(id as usize) { values.get(id as usize) } else { None };
    let text = |id: FieldId| if values.has(id as usize) { text(line, values, id) } else { Ok(None) };
    let is_changed = |id: FieldId| values.is_changed(id as usize);
    if is_changed(FieldId::Agent) || is_changed(FieldId::Authority) {
        parsed.left_out = left_out(get(FieldId::Agent), get(FieldId::Authority));
    }
    if let Some(why) = parsed.left_out {
        return Ok(ParsedLine::LeftOut(why));
    }
    if get(FieldId::Status) == Some(b"0")
        && matches!(values.raw(FieldId::Method as usize), Some(b"-" | b"- - -"))
    {
        return Ok(ParsedLine::LeftOut("a TCP connection"));
    }
    if is_changed(FieldId::Flags) {
        parsed.flags = text(FieldId::Flags)?.map(flags).unwrap_or_default();
    }
    if parsed.flags.any(Flags::parse("LH")) {
        return Ok(ParsedLine::LeftOut("a health check"));
    }
    let start = if is_changed(FieldId::Start) {
        start(line, values, &mut parsed.time_parser)
    } else {
        Ok(parsed.start)
    };
    parsed.start = start.as_ref().map_or(None, |start| *start);
    if let Some(annotation) = values.raw(FieldId::NearMiss as usize) {
        let duration = get(FieldId::Duration).and_then(time::millis).unwrap_or_default();
        return Ok(ParsedLine::Judged(PriorVerdict {
            ts: start.ok().and_then(|start| Some(start.or(values.default_time)?.after(duration))),
            upstream: text(FieldId::Upstream)?,
            fate: fate(utf8(line, annotation)?)?,
        }));
    }
    if is_changed(FieldId::Status) {
        let status = required(line, values, FieldId::Status, "response_code")?;
        parsed.status = number::all_whole(status)
            .filter(|status| *status <= 999)
            .ok_or_else(|| invalid(line, status, "response_code", "a status, 0 to 999"))?
            as u16;
    }
    if is_changed(FieldId::Duration) {
        let Some(duration) = get(FieldId::Duration) else { return without_duration(line, values) };
        parsed.duration =
            time::millis(duration).ok_or_else(|| invalid(line, duration, "duration", "milliseconds"))?;
    }
    if is_changed(FieldId::Bytes) {
        parsed.bytes = get(FieldId::Bytes).and_then(number::all_whole);
    }
    if is_changed(FieldId::Timeout) {
        parsed.timeout = get(FieldId::Timeout).and_then(time::millis).filter(|timeout| timeout.get() > 0);
    }
    if is_changed(FieldId::Attempts) {
        parsed.attempts = count(line, get(FieldId::Attempts), "upstream_request_attempt_count")?;
    }
    if is_changed(FieldId::MaxAttempts) {
        parsed.max_attempts = count(line, get(FieldId::MaxAttempts), "max_attempts")?;
    }
    if is_changed(FieldId::Type) || is_changed(FieldId::Method) {
        (parsed.is_grpc, parsed.is_stream) = body_kind(get(FieldId::Type), get(FieldId::Method));
    }
    let route = text(FieldId::Route)?;
    if is_changed(FieldId::Route) {
        parsed.route_len = route.map_or(0, |route| without_query(route).len());
    }
    let mut exchange = Exchange {
        ts: start?.or(values.default_time).ok_or_else(|| missing(line, "start_time"))?.after(parsed.duration),
        status: parsed.status,
        duration: parsed.duration,
        host: text(FieldId::Host)?.map(|host| host.strip_prefix("tcp://").unwrap_or(host)),
        route: route.and_then(|route| route.get(..parsed.route_len)),
        flags: parsed.flags,
        bytes: parsed.bytes,
        cache_status: text(FieldId::Cache)?,
        proxy_status: text(FieldId::Proxy)?,
        trace_id: text(FieldId::Trace)?,
        reason: reason(text(FieldId::Transport)?, text(FieldId::Details)?),
        timeout: parsed.timeout,
        attempts: parsed.attempts,
        max_attempts: parsed.max_attempts,
        stream: parsed.is_stream,
        ..Exchange::default()
    };
    if parsed.is_grpc {
        exchange.grpc_status = text(FieldId::Grpc)?.and_then(grpc_status);
    }
    if is_grpc_local_reply(&exchange, values) {
        exchange.grpc_status = Some(GRPC_UNAVAILABLE);
    }
    // A failure of the upstream has a status or a flag: without both, the client left before an answer.
    exchange.aborted = exchange.status == 0 && exchange.flags.is_empty();
    let name = text(FieldId::Upstream)?;
    exchange.upstream = match values.raw(FieldId::Upstream as usize) {
        _ if is_unrouted(&exchange, name) => "-",
        Some(name) => utf8(line, name)?,
        None if exchange.host.is_none() && exchange.flags.is_empty() => "-",
        None => DEFAULT_UPSTREAM,
    };
    Ok(ParsedLine::Exchange(exchange))
}

/// Returns the result of reading a line without a duration. Envoy logs an exchange that has not ended with the value `-` or `null`.
#[cold]
fn without_duration<'a>(line: &[u8], values: &FieldValues<'_, '_>) -> Result<ParsedLine<'a>, LineError> {
    match values.raw(FieldId::Duration as usize) {
        Some(b"-") => Ok(ParsedLine::LeftOut("an exchange that has not ended")),
        _ => Err(missing(line, "duration")),
    }
}

fn start(
    line: &[u8],
    values: &FieldValues<'_, '_>,
    time_parser: &mut TimeParser,
) -> Result<Option<Timestamp>, LineError> {
    let Some(start) = values.get(FieldId::Start as usize) else { return Ok(None) };
    let start = time_parser.parse(start).ok_or_else(|| invalid(line, start, "start_time", time::TAKES))?;
    Ok(Some(start))
}

/// Returns the value of a field as UTF-8.
#[cfg_attr(target_arch = "wasm32", inline(never))]
fn text<'a>(line: &[u8], values: &FieldValues<'a, '_>, id: FieldId) -> Result<Option<&'a str>, LineError> {
    values.get(id as usize).map(|part| utf8(line, part)).transpose()
}

fn left_out(agent: Option<&[u8]>, authority: Option<&[u8]>) -> Option<&'static str> {
    if agent.is_some_and(|agent| agent.starts_with(b"Envoy/HC")) {
        return Some("a health check");
    }
    authority.is_some_and(is_mirrored).then_some("mirrored traffic")
}

/// Returns Envoy's reason for the end of an exchange: the failure of the connection, otherwise the details of the status.
fn reason<'a>(transport: Option<&'a str>, details: Option<&'a str>) -> Option<&'a str> {
    transport.or(details).filter(|reason| *reason != "via_upstream")
}

/// Returns true if Envoy responded before it selected a host, and the line names no cluster.
fn is_unrouted(exchange: &Exchange<'_>, cluster: Option<&str>) -> bool {
    cluster.is_none()
        && exchange.host.is_none()
        && (exchange.attempts == Some(0) && exchange.flags.is_empty()
            || !exchange.flags.is_empty()
                && exchange.flags.any(Flags::parse("NR,FI,RL,UAEX,RLSE,IH,DPE,RFCF,NFCF,NC,OM")))
}

/// The gRPC status of an answer that Envoy gives in place of the upstream.
const GRPC_UNAVAILABLE: u32 = 14;

/// Returns true if Envoy itself failed a gRPC call: its answer is a 200 without a body, whose gRPC status the line does
/// not show, and a flag says that the upstream failed.
fn is_grpc_local_reply(exchange: &Exchange<'_>, values: &FieldValues<'_, '_>) -> bool {
    let failed = Flags::CUT_OFF.with(Flags::UH).with(Flags::UF).with(Flags::UO).with(Flags::URX);
    let is_local = exchange.status == 200
        && exchange.bytes == Some(0)
        && exchange.grpc_status.is_none()
        && exchange.flags.any(failed);
    is_local
        && match values.find(FieldId::Type as usize) {
            Some(kind) => kind.starts_with(b"application/grpc"),
            None => is_grpc_request(values),
        }
}

/// Returns true for a request such as `POST /package.Service/Method HTTP/2`.
fn is_grpc_request(values: &FieldValues<'_, '_>) -> bool {
    let get = |id: FieldId| values.find(id as usize).unwrap_or_default();
    let mut words = get(FieldId::Method).split(|byte| *byte == b' ');
    let method = words.next();
    let path = words.next().unwrap_or(get(FieldId::Path));
    let protocol = words.next().unwrap_or(get(FieldId::Protocol));
    let mut segments = path.split(|byte| *byte == b'/');
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    method == Some(b"POST")
        && protocol.starts_with(b"HTTP/2")
        && segments.next() == Some(b"")
        && segments.next().is_some_and(|service| service.contains(&b'.'))
        && segments.next().is_some_and(|method| !method.is_empty() && method.iter().all(is_word))
        && segments.next().is_none()
}

/// Parses response flags, by their short names or by the long ones of `%RESPONSE_FLAGS_LONG%`.
fn flags(text: &str) -> Flags {
    let long = text.split(',').filter(|name| name.len() > 5);
    long.fold(Flags::parse(text), |flags, name| flags.with(Flags::from_long_name(name.trim_ascii())))
}

/// Parses a gRPC status: its number, or its name in any of Envoy's spellings.
fn grpc_status(text: &str) -> Option<u32> {
    const NAMES: [&str; 17] = [
        "ok",
        "canceled",
        "unknown",
        "invalidargument",
        "deadlineexceeded",
        "notfound",
        "alreadyexists",
        "permissiondenied",
        "resourceexhausted",
        "failedprecondition",
        "aborted",
        "outofrange",
        "unimplemented",
        "internal",
        "unavailable",
        "dataloss",
        "unauthenticated",
    ];
    if let Some(status) = number::all_whole(text.as_bytes()) {
        return u32::try_from(status).ok();
    }
    let letters = || text.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase());
    let index = NAMES.iter().position(|name| letters().eq(name.bytes()));
    index.or_else(|| letters().eq("cancelled".bytes()).then_some(1)).map(|index| index as u32)
}

fn count(line: &[u8], part: Option<&[u8]>, field: &'static str) -> Result<Option<u32>, LineError> {
    let Some(part) = part else { return Ok(None) };
    let count = number::all_whole(part).and_then(|count| u32::try_from(count).ok());
    count.map(Some).ok_or_else(|| invalid(line, part, field, "a whole number, 0 to 4294967295"))
}

fn required<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    id: FieldId,
    field: &'static str,
) -> Result<&'a [u8], LineError> {
    values.get(id as usize).ok_or_else(|| missing(line, field))
}

#[cold]
fn missing(line: &[u8], field: &'static str) -> LineError {
    LineError::new(line.len(), LineErrorKind::MissingField { field })
}
