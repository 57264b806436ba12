//! What Envoy logs of an exchange, as text or JSON, and what Istio makes of it.

mod text;

pub(crate) use text::{Flavour, read as read_text};

use crate::bag::{Bag, slots};
use crate::error::{LineError, LineErrorKind};
use crate::exchange::{body_kind, fate, without_query};
use crate::fields::FieldConfig;
use crate::text::{utf8, wrong};
use crate::time::Clock;
use crate::{ParsedLine, PriorVerdict, number, time};
use alloc::vec::Vec;
use nearmiss::exchange::Exchange;
use nearmiss::flags::Flags;
use nearmiss::units::{Micros, Timestamp};

slots! {
    /// What Envoy can say of an exchange.
    Slot, null is none: true, nested: |_, json, _| json.leave(true) => {
        Start: "start_ts" = "start_time" | "timestamp" | "time";
        Status: "status" = "response_code" | "status" | "code";
        Flags: "flags" = "response_flags" | "flags";
        Duration: "duration_ms" = "duration";
        Upstream: "upstream" = "upstream_cluster" | "upstream_cluster_raw" | "cluster";
        Host: "host" = "upstream_host" | "upstream_remote_address";
        Attempts: "attempts" = "upstream_request_attempt_count" | "request_attempt_count" | "attempt_count" | "retry_count";
        MaxAttempts: "max_attempts" = "max_attempts";
        Timeout: "timeout_ms" = "x_envoy_expected_rq_timeout_ms" | "x-envoy-expected-rq-timeout-ms";
        Route: "route" = "route_name";
        Authority: "authority" = "authority" | ":authority";
        Agent: "user_agent" = "user_agent" | "user-agent";
        Bytes: "bytes" = "bytes_sent";
        Grpc: "grpc_status" = "grpc_status" | "grpc_status_number" | "grpc_response_status";
        Type: "content_type" = "content_type" | "response_content_type";
        Method: "method" = "method" | "request_method" | ":method";
        Cache: "cache_status" = "cache_status";
        Proxy: "proxy_status" = "proxy_status";
        Trace: "trace_id" = "trace_id";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// The name of the upstream where a format has none.
const NAMELESS: &str = "envoy";

/// What values say, kept for a line with the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    left_out: Option<&'static str>,
    clock: Clock,
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
    /// How long the route is without its query.
    route: usize,
}

/// Reads one line of JSON: the user chooses the keys, and nearly everybody takes the operators' names.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    fields: &FieldConfig,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    exchange(line, &Slot::FAMILY.read(line, fields, buffer)?, &mut Facts::default())
}

/// What the values in `bag`, found in `line`, say; `facts` are what those of the line before said.
pub(crate) fn exchange<'a>(
    line: &[u8],
    bag: &Bag<'a, '_>,
    facts: &mut Facts,
) -> Result<ParsedLine<'a>, LineError> {
    let get = |slot: Slot| if bag.has(slot as usize) { bag.get(slot as usize) } else { None };
    let text = |slot: Slot| if bag.has(slot as usize) { text(line, bag, slot) } else { Ok(None) };
    let is_fresh = |slot: Slot| bag.is_fresh(slot as usize);
    if is_fresh(Slot::Agent) || is_fresh(Slot::Authority) {
        facts.left_out = left_out(get(Slot::Agent), get(Slot::Authority));
    }
    if let Some(why) = facts.left_out {
        return Ok(ParsedLine::LeftOut(why));
    }
    let start = if is_fresh(Slot::Start) { start(line, bag, &mut facts.clock) } else { Ok(facts.start) };
    facts.start = start.as_ref().map_or(None, |start| *start);
    if let Some(annotation) = bag.raw(Slot::NearMiss as usize) {
        let duration = get(Slot::Duration).and_then(time::millis).unwrap_or_default();
        return Ok(ParsedLine::Judged(PriorVerdict {
            ts: start.ok().and_then(|start| Some(start.or(bag.arrived)?.after(duration))),
            upstream: text(Slot::Upstream)?,
            fate: fate(utf8(line, annotation)?)?,
        }));
    }
    if is_fresh(Slot::Status) {
        let status = need(line, bag, Slot::Status, "response_code")?;
        facts.status = number::all_whole(status)
            .filter(|status| *status <= 999)
            .ok_or_else(|| wrong(line, status, "response_code", "a status, 0 to 999"))?
            as u16;
    }
    if is_fresh(Slot::Duration) {
        let duration = need(line, bag, Slot::Duration, "duration")?;
        facts.duration =
            time::millis(duration).ok_or_else(|| wrong(line, duration, "duration", "milliseconds"))?;
    }
    if is_fresh(Slot::Flags) {
        facts.flags = text(Slot::Flags)?.map(Flags::parse).unwrap_or_default();
    }
    if is_fresh(Slot::Bytes) {
        facts.bytes = get(Slot::Bytes).and_then(number::all_whole);
    }
    if is_fresh(Slot::Timeout) {
        facts.timeout = get(Slot::Timeout).and_then(time::millis).filter(|timeout| timeout.get() > 0);
    }
    if is_fresh(Slot::Attempts) {
        facts.attempts = count(line, get(Slot::Attempts), "upstream_request_attempt_count")?;
    }
    if is_fresh(Slot::MaxAttempts) {
        facts.max_attempts = count(line, get(Slot::MaxAttempts), "max_attempts")?;
    }
    if is_fresh(Slot::Type) || is_fresh(Slot::Method) {
        (facts.is_grpc, facts.is_stream) = body_kind(get(Slot::Type), get(Slot::Method));
    }
    let route = text(Slot::Route)?;
    if is_fresh(Slot::Route) {
        facts.route = route.map_or(0, |route| without_query(route).len());
    }
    let mut exchange = Exchange {
        ts: start?.or(bag.arrived).ok_or_else(|| missing(line, "start_time"))?.after(facts.duration),
        status: facts.status,
        duration: facts.duration,
        host: text(Slot::Host)?.map(|host| host.strip_prefix("tcp://").unwrap_or(host)),
        route: route.and_then(|route| route.get(..facts.route)),
        flags: facts.flags,
        bytes: facts.bytes,
        cache_status: text(Slot::Cache)?,
        proxy_status: text(Slot::Proxy)?,
        trace_id: text(Slot::Trace)?,
        timeout: facts.timeout,
        attempts: facts.attempts,
        max_attempts: facts.max_attempts,
        stream: facts.is_stream,
        ..Exchange::default()
    };
    if facts.is_grpc {
        exchange.grpc_status = text(Slot::Grpc)?.and_then(grpc_status);
    }
    exchange.upstream = match bag.raw(Slot::Upstream as usize) {
        _ if is_unrouted(&exchange) => "-",
        Some(name) => utf8(line, name)?,
        None if exchange.host.is_none() && exchange.flags.is_empty() => "-",
        None => NAMELESS,
    };
    Ok(ParsedLine::Exchange(exchange))
}

fn start(line: &[u8], bag: &Bag<'_, '_>, clock: &mut Clock) -> Result<Option<Timestamp>, LineError> {
    let Some(start) = bag.get(Slot::Start as usize) else { return Ok(None) };
    let start = clock.any(start).ok_or_else(|| wrong(line, start, "start_time", time::TAKES))?;
    Ok(Some(start))
}

/// What was found for `slot`, as text.
fn text<'a>(line: &[u8], bag: &Bag<'a, '_>, slot: Slot) -> Result<Option<&'a str>, LineError> {
    bag.get(slot as usize).map(|part| utf8(line, part)).transpose()
}

fn left_out(agent: Option<&[u8]>, authority: Option<&[u8]>) -> Option<&'static str> {
    if agent.is_some_and(|agent| agent.starts_with(b"Envoy/HC")) {
        return Some("a health check");
    }
    authority.is_some_and(|authority| authority.ends_with(b"-shadow")).then_some("mirrored traffic")
}

/// Envoy answered before it came to choosing a host.
fn is_unrouted(exchange: &Exchange<'_>) -> bool {
    exchange.host.is_none()
        && (exchange.attempts == Some(0) && exchange.flags.is_empty()
            || !exchange.flags.is_empty()
                && exchange.flags.any(Flags::parse("LH,NR,FI,RL,UAEX,RLSE,IH,DPE,RFCF,NFCF,NC,OM")))
}

/// A gRPC status by its number or its name, in any of Envoy's spellings.
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
    let place = NAMES.iter().position(|name| letters().eq(name.bytes()));
    place.or_else(|| letters().eq("cancelled".bytes()).then_some(1)).map(|place| place as u32)
}

fn count(line: &[u8], part: Option<&[u8]>, field: &'static str) -> Result<Option<u32>, LineError> {
    let Some(part) = part else { return Ok(None) };
    let count = number::all_whole(part).and_then(|count| u32::try_from(count).ok());
    count.map(Some).ok_or_else(|| wrong(line, part, field, "a whole number, 0 to 4294967295"))
}

fn need<'a>(line: &[u8], bag: &Bag<'a, '_>, slot: Slot, field: &'static str) -> Result<&'a [u8], LineError> {
    bag.get(slot as usize).ok_or_else(|| missing(line, field))
}

#[cold]
fn missing(line: &[u8], field: &'static str) -> LineError {
    LineError::new(line.len(), LineErrorKind::Missing { field })
}

#[cfg(test)]
mod tests;
