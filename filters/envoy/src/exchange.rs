//! Maps an exchange from what Envoy exposes to what the core takes.
//!
//! A hostcall that returns bytes is expensive, whatever their number; so header maps are read whole and attributes as one list.
//! Rare data (gRPC trailers, the size of the body, the latency of the last attempt) is read only if the rest calls for it. A
//! lookup that finds nothing costs a fifth of one that does.

use crate::attempt_propagation::{self, AttemptLog, ExchangeResult};
use crate::attributes::{Attributes, Query, cluster, duration, integer, name};
use crate::client::ClientInfo;
use crate::headers::{Headers, text};
use crate::plugin::Plugin;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::MapType;
use crate::request::{LeftOut, RequestHeaders};
use crate::response::ResponseHeaders;
use nearmiss::{Exchange, Flags, Micros, Substitute, Timestamp};
use nearmiss_envoy_config::Mode;

/// The property by which access loggers and upstream filters know that an HTTP filter observes the exchange.
const SEEN: &str = "nearmiss_seen";

/// Envoy's detail of a response that came from the upstream as it is.
const FROM_UPSTREAM: &str = "via_upstream";

/// Marks the exchange as observed by an HTTP filter.
pub(crate) fn mark_seen(hostcalls: &Hostcalls) {
    let _ = hostcalls.set_property(SEEN, Some(b"1"));
}

/// Returns true if an HTTP filter observes the exchange.
pub(crate) fn is_seen(hostcalls: &Hostcalls) -> bool {
    hostcalls.get_property("filter_state\0wasm.nearmiss_seen").is_ok()
}

/// Reads and observes the exchange that has ended. `client` is the information read in the request phase.
pub(crate) fn observe(
    hostcalls: &Hostcalls,
    query: Query,
    mode: Mode,
    plugin: &mut Plugin,
    client: Option<ClientInfo>,
) {
    let attributes = query.read(hostcalls);
    let ts = plugin.now(hostcalls);
    if attributes.flags.any(Flags::LH) {
        return plugin.count_left_out(hostcalls, LeftOut::HealthCheck);
    }
    match mode {
        Mode::Full if !attributes.cluster.is_empty() => {
            observe_full(hostcalls, plugin, &attributes, client, ts);
        }
        _ => observe_lean(hostcalls, plugin, &attributes, ts),
    }
}

/// Observes an exchange at the lowest cost that still finds retries and failures.
fn observe_lean(hostcalls: &Hostcalls, plugin: &mut Plugin, attributes: &Attributes<'_>, ts: Timestamp) {
    let exchange = from_attributes(attributes, ts);
    let reason = if attributes.flags.any(Flags::NC) { reason(hostcalls, &exchange) } else { None };
    let exchange = Exchange { reason, ..exchange };
    let log = attempt_log(hostcalls, &exchange);
    let aborted = is_unanswered(&exchange);
    plugin.observe(
        hostcalls,
        &Exchange { aborted, hedged: log.hedged, attempt_log: log.attempts(), ..exchange },
    );
}

/// Returns true if the client left before there was a response: Envoy logs no status then, and no failure.
fn is_unanswered(exchange: &Exchange<'_>) -> bool {
    exchange.status == 0 && exchange.flags.is_empty()
}

/// Maps the attributes; everything else stays unknown.
fn from_attributes<'a>(attributes: &Attributes<'a>, ts: Timestamp) -> Exchange<'a> {
    Exchange {
        ts,
        upstream: attributes.cluster,
        host: attributes.host,
        route: attributes.route,
        status: attributes.status.unwrap_or_default(),
        duration: attributes.duration,
        attempts: attributes.attempts,
        flags: attributes.flags,
        ..Exchange::default()
    }
}

/// Observes an exchange with everything that its headers say.
fn observe_full(
    hostcalls: &Hostcalls,
    plugin: &mut Plugin,
    attributes: &Attributes<'_>,
    client: Option<ClientInfo>,
    ts: Timestamp,
) {
    let request = match hostcalls.get_map_bytes(MapType::HttpRequestHeaders) {
        Ok(headers) => RequestHeaders::read(headers, &plugin.config().ignore),
        Err(_) => RequestHeaders::default(),
    };
    if let Some(reason) = request.left_out {
        return plugin.count_left_out(hostcalls, reason);
    }
    let response = response_headers(hostcalls, plugin);
    // Headers read at the end may have been written by the router; those read in the request phase are the client's.
    let (client, overwritten) = match client {
        Some(client) => (client.completed_by(request.client), None),
        None => (request.client, attributes.attempts),
    };
    let grpc_status = grpc_status(hostcalls, &response);
    let exchange =
        Exchange { status: response.status.unwrap_or_default(), ..from_attributes(attributes, ts) };
    let exchange = Exchange { reason: reason(hostcalls, &exchange), ..exchange };
    let log = attempt_log(hostcalls, &exchange);
    let tier = match exchange.host {
        Some(host) => plugin.host_tiers.get_or_query(exchange.upstream, host, ts, || host_tier(hostcalls)),
        None => host_tier(hostcalls),
    };
    let is_single = exchange.attempts == Some(1) && exchange.flags.is_empty();
    plugin.observe(
        hostcalls,
        &Exchange {
            // A single attempt uses no retries, so their limit matters only if there is no other.
            max_attempts: if is_single && request.timeout.is_some() { None } else { max_attempts(hostcalls) },
            timeout: request.timeout,
            deadline: client.deadline,
            grpc_status,
            bytes: grpc_status
                .filter(|status| *status > 0)
                .and_then(|_| integer(hostcalls.get_property("response\0size"))),
            aborted: is_unanswered(&exchange),
            fail_open: request.fail_open,
            client_trusted: request.is_external.then_some(false),
            stream: request.is_connect || response.is_stream(),
            substitute: response.substitute(tier),
            cache_status: response.cache_status.as_deref(),
            proxy_status: response.proxy_status.as_deref(),
            client_attempt: client.attempt(overwritten),
            quota: response.quota.quota(),
            hedged: log.hedged,
            attempt_log: log.attempts(),
            ..exchange
        },
    );
}

/// Adds the `near-miss` header to a response whose headers have arrived, with the verdict on what is known so far.
pub(crate) fn annotate_response(
    hostcalls: &Hostcalls,
    plugin: &mut Plugin,
    client: ClientInfo,
    started: Option<u64>,
) {
    let response = response_headers(hostcalls, plugin);
    let now = hostcalls.get_current_time().ok();
    let elapsed = now.zip(started).map(|(now, started)| Micros::new(now.saturating_sub(started) / 1_000));
    let attempts = integer(hostcalls.get_property("upstream\0request_attempt_count"));
    let exchange = Exchange {
        status: response.status.unwrap_or_default(),
        duration: elapsed.unwrap_or_default(),
        attempts: attempts.and_then(|count| u32::try_from(count).ok()),
        max_attempts: max_attempts(hostcalls),
        deadline: client.deadline,
        grpc_status: response.grpc_status.filter(|_| response.is_grpc()),
        stream: response.is_stream(),
        substitute: response.substitute(host_tier(hostcalls)),
        cache_status: response.cache_status.as_deref(),
        proxy_status: response.proxy_status.as_deref(),
        client_attempt: client.attempt(None),
        quota: response.quota.quota(),
        ..Exchange::default()
    };
    plugin.annotate_response(hostcalls, &exchange, || cluster(hostcalls));
}

fn response_headers<'a>(hostcalls: &'a Hostcalls, plugin: &Plugin) -> ResponseHeaders<'a> {
    let headers = hostcalls.get_map_bytes(MapType::HttpResponseHeaders).unwrap_or(Headers::new(&[]));
    ResponseHeaders::read(headers, plugin.config().fallback_header.as_deref())
}

/// Returns the gRPC status: from the headers of a headers-only response, otherwise from the trailers.
fn grpc_status(hostcalls: &Hostcalls, response: &ResponseHeaders<'_>) -> Option<u32> {
    if !response.is_grpc() {
        return None;
    }
    response.grpc_status.or_else(|| {
        let trailer = hostcalls.get_map_value_bytes(MapType::HttpResponseTrailers, "grpc-status").ok()?;
        crate::headers::number(trailer).and_then(|status| u32::try_from(status).ok())
    })
}

/// Returns the attempts of an exchange with more than one. Without upstream filters only the attempt that answered is known; it
/// is needed because the exchange's duration is not the attempt's.
fn attempt_log<'a>(hostcalls: &'a Hostcalls, exchange: &Exchange<'a>) -> AttemptLog<'a> {
    let attempts = exchange.attempts.unwrap_or(1);
    if attempts <= 1 {
        return AttemptLog::default();
    }
    let result = ExchangeResult {
        attempts,
        host: exchange.host,
        status: exchange.status,
        answered: exchange.flags.is_empty(),
        latency: duration(hostcalls.get_property("response\0backend_latency")),
    };
    AttemptLog::new(attempt_propagation::read(hostcalls).unwrap_or_default(), &result)
}

/// Returns Envoy's reason for an exchange in which something went wrong: the failure of the connection, otherwise the details of the
/// response code.
fn reason<'a>(hostcalls: &'a Hostcalls, exchange: &Exchange<'_>) -> Option<&'a str> {
    if exchange.flags.is_empty() && matches!(exchange.status, 100..400) {
        return None;
    }
    let transport = || name(hostcalls.get_property("upstream\0transport_failure_reason"));
    let failure = exchange.flags.any(Flags::UF).then(transport).flatten();
    failure.or_else(|| {
        let details = name(hostcalls.get_property("response\0code_details"));
        details.filter(|details| *details != FROM_UPSTREAM)
    })
}

/// Returns the tier of the upstream host, from the metadata by which users mark fallback and failover hosts.
fn host_tier(hostcalls: &Hostcalls) -> Option<Substitute> {
    let tier = hostcalls.get_property("xds\0upstream_host_metadata\0filter_metadata\0nearmiss\0tier").ok()?;
    match text(tier) {
        "fallback" => Some(Substitute::Fallback),
        "failover" => Some(Substitute::Failover),
        _ => None,
    }
}

/// Returns the route's maximum number of attempts, from the metadata by which users configure it.
fn max_attempts(hostcalls: &Hostcalls) -> Option<u32> {
    let value =
        hostcalls.get_property("xds\0route_metadata\0filter_metadata\0nearmiss\0max_attempts").ok()?;
    attempt_count(f64::from_le_bytes(value.try_into().ok()?))
}

/// Converts a float to a number of attempts; `None` outside 1 to 1 000.
fn attempt_count(value: f64) -> Option<u32> {
    ((1.0..=1_000.0).contains(&value)).then_some(value as u32)
}

#[cfg(test)]
mod tests {
    use super::attempt_count;

    #[test]
    fn a_number_of_attempts_is_a_small_whole_number() {
        assert_eq!(attempt_count(4.0), Some(4));
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(attempt_count(odd), None);
        }
    }
}
