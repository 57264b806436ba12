//! What Envoy logs of an exchange, as text or JSON, and what Istio makes of it.

mod json;
mod text;

pub(crate) use json::read as read_json;
pub(crate) use text::{Flavour, read as read_text};

use crate::bag::{Bag, slots};
use crate::error::{LineError, Problem};
use crate::exchange::{fate, without_query};
use crate::text::{utf8, wrong};
use crate::{Judged, Line, number, time};
use nearmiss::exchange::Exchange;
use nearmiss::flags::Flags;

slots! {
    /// What Envoy can say of an exchange.
    Slot, null is none: true {
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

/// What the values in `bag`, found in `line`, say.
pub(crate) fn exchange<'a>(line: &[u8], bag: &Bag<'a>) -> Result<Line<'a>, LineError> {
    let get = |slot: Slot| bag.get(slot as usize);
    let text = |slot: Slot| get(slot).map(|part| utf8(line, part)).transpose();
    if get(Slot::Agent).is_some_and(|agent| agent.starts_with(b"Envoy/HC")) {
        return Ok(Line::LeftOut("a health check"));
    }
    if get(Slot::Authority).is_some_and(|authority| authority.ends_with(b"-shadow")) {
        return Ok(Line::LeftOut("mirrored traffic"));
    }
    let start = match (get(Slot::Start), bag.arrived) {
        (None, Some(arrived)) => Ok(arrived),
        _ => {
            let start = need(line, bag, Slot::Start, "start_time")?;
            time::any(start).ok_or_else(|| wrong(line, start, "start_time", time::TAKES))
        }
    };
    let duration = need(line, bag, Slot::Duration, "duration");
    if let Some(annotation) = bag.raw(Slot::NearMiss as usize) {
        let duration = duration.ok().and_then(time::millis).unwrap_or_default();
        return Ok(Line::Judged(Judged {
            ts: start.ok().map(|start| start.after(duration)),
            upstream: text(Slot::Upstream)?,
            fate: fate(utf8(line, annotation)?)?,
        }));
    }
    let status = need(line, bag, Slot::Status, "response_code")?;
    let duration = duration?;
    let duration = time::millis(duration).ok_or_else(|| wrong(line, duration, "duration", "milliseconds"))?;
    let mut exchange = Exchange {
        ts: start?.after(duration),
        status: number::all_whole(status)
            .filter(|status| *status <= 999)
            .ok_or_else(|| wrong(line, status, "response_code", "a status, 0 to 999"))?
            as u16,
        duration,
        host: text(Slot::Host)?.map(|host| host.strip_prefix("tcp://").unwrap_or(host)),
        route: text(Slot::Route)?.map(without_query),
        flags: text(Slot::Flags)?.map(Flags::parse).unwrap_or_default(),
        bytes: get(Slot::Bytes).and_then(number::all_whole),
        cache_status: text(Slot::Cache)?,
        proxy_status: text(Slot::Proxy)?,
        trace_id: text(Slot::Trace)?,
        timeout: get(Slot::Timeout).and_then(time::millis).filter(|timeout| timeout.get() > 0),
        ..Exchange::default()
    };
    exchange.attempts = count(line, get(Slot::Attempts), "upstream_request_attempt_count")?;
    exchange.max_attempts = count(line, get(Slot::MaxAttempts), "max_attempts")?;
    let kind = get(Slot::Type).unwrap_or_default();
    if kind.is_empty() || kind.starts_with(b"application/grpc") {
        exchange.grpc_status = text(Slot::Grpc)?.and_then(grpc_status);
    }
    exchange.stream = get(Slot::Method).is_some_and(|method| method.starts_with(b"CONNECT"))
        || kind.starts_with(b"text/event-stream");
    exchange.upstream = match bag.raw(Slot::Upstream as usize) {
        _ if is_unrouted(&exchange) => "-",
        Some(name) => utf8(line, name)?,
        None if exchange.host.is_none() && exchange.flags.is_empty() => "-",
        None => NAMELESS,
    };
    Ok(Line::Exchange(exchange))
}

/// Envoy answered before it came to choosing a host.
fn is_unrouted(exchange: &Exchange<'_>) -> bool {
    exchange.host.is_none()
        && (exchange.attempts == Some(0) && exchange.flags.is_empty()
            || exchange.flags.any(Flags::parse("LH,NR,FI,RL,UAEX,RLSE,IH,DPE,RFCF,NFCF,NC,OM")))
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

fn need<'a>(line: &[u8], bag: &Bag<'a>, slot: Slot, field: &'static str) -> Result<&'a [u8], LineError> {
    bag.get(slot as usize).ok_or_else(|| LineError::new(line.len(), Problem::Missing { field }))
}

#[cfg(test)]
mod tests;
