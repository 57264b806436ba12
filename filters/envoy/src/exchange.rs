//! What Envoy shows of an exchange, as the core takes it.
//!
//! Header maps are read whole and attributes in one list: an answer of the host is dear, and its length is not. What is rare
//! (gRPC's trailers, the size of a body, the last attempt's share) is asked for only when the common says so. A lookup of what
//! is not there costs a fifth of one that answers.

use crate::attributes::{Attributes, integer, name, span};
use crate::client::Client;
use crate::handover::{self, AttemptLog, Outcome};
use crate::headers::{Headers, text};
use crate::host::{Call, Map};
use crate::request::Request;
use crate::response::Response;
use crate::root::Root;
use crate::watch::Watch;
use nearmiss::config::Mode;
use nearmiss::{Exchange, Micros, Substitute, Timestamp};

/// The mark by which access loggers and upstream filters know that an HTTP filter counts the exchange.
const SEEN: &str = "nearmiss_seen";

/// Marks the exchange as counted by this filter.
pub(crate) fn mark_seen(call: &Call) {
    let _ = call.leave(SEEN, b"1");
}

/// Whether an HTTP filter counts the exchange.
pub(crate) fn is_seen(call: &Call) -> bool {
    call.property("filter_state\0wasm.nearmiss_seen").is_ok()
}

/// Counts and judges the exchange that is over. `client` is what was read in the request phase.
pub(crate) fn take(call: &Call, root: &mut Root, client: Option<Client>) {
    let attributes = root.query(call).read(call);
    let Some(watch) = root.watch() else { return };
    let mut watch = watch.borrow_mut();
    let ts = watch.clock(call);
    match root.mode {
        Mode::Full if !attributes.cluster.is_empty() => full(call, &mut watch, &attributes, client, ts),
        _ => lean(call, &mut watch, &attributes, ts),
    }
}

/// The cheapest that still sees retries and failures.
fn lean(call: &Call, watch: &mut Watch, attributes: &Attributes<'_>, ts: Timestamp) {
    let exchange = bare(attributes, ts);
    let log = attempt_log(call, &exchange);
    watch.observe(call, &Exchange { hedged: log.hedged, attempt_log: log.attempts(), ..exchange });
}

/// What the attributes alone tell.
fn bare<'a>(attributes: &Attributes<'a>, ts: Timestamp) -> Exchange<'a> {
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

fn full(call: &Call, watch: &mut Watch, attributes: &Attributes<'_>, client: Option<Client>, ts: Timestamp) {
    let request = call.headers(Map::Request).map(Request::read).unwrap_or_default();
    let response = response(call, watch);
    // What is read here may have been written by the router; what was read in the request phase is the client's own.
    let (client, overwritten) = match client {
        Some(client) => (client.completed_by(request.client), None),
        None => (request.client, attributes.attempts),
    };
    let grpc_status = grpc_status(call, &response);
    let exchange = Exchange { status: response.status.unwrap_or_default(), ..bare(attributes, ts) };
    let log = attempt_log(call, &exchange);
    let tier = match exchange.host {
        Some(host) => watch.tiers.of(exchange.upstream, host, ts, || tier(call)),
        None => tier(call),
    };
    let is_only = exchange.attempts == Some(1) && exchange.flags.is_empty();
    watch.observe(
        call,
        &Exchange {
            // An only attempt has used none of those allowed: that matters where it is the only limit.
            max_attempts: if is_only && request.timeout.is_some() { None } else { max_attempts(call) },
            timeout: request.timeout,
            deadline: client.deadline,
            grpc_status,
            bytes: grpc_status
                .filter(|status| *status > 0)
                .and_then(|_| integer(call.property("response\0size"))),
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

/// Adds the `near-miss` header to a response whose headers have come: what is known so far.
pub(crate) fn annotate_response(call: &Call, root: &Root, client: Client, started: Option<u64>) {
    let Some(watch) = root.watch() else { return };
    let mut watch = watch.borrow_mut();
    let response = response(call, &watch);
    let now = call.now().ok();
    let passed = now.zip(started).map(|(now, started)| Micros::new(now.saturating_sub(started) / 1_000));
    let attempts = integer(call.property("upstream\0request_attempt_count"));
    let exchange = Exchange {
        status: response.status.unwrap_or_default(),
        duration: passed.unwrap_or_default(),
        attempts: attempts.and_then(|count| u32::try_from(count).ok()),
        max_attempts: max_attempts(call),
        deadline: client.deadline,
        grpc_status: response.grpc_status.filter(|_| response.is_grpc()),
        stream: response.is_stream(),
        substitute: response.substitute(tier(call)),
        cache_status: response.cache_status.as_deref(),
        proxy_status: response.proxy_status.as_deref(),
        client_attempt: client.attempt(None),
        quota: response.quota.quota(),
        ..Exchange::default()
    };
    watch.annotate_response(call, &exchange, || name(call.property("xds\0cluster_name")).unwrap_or_default());
}

fn response<'a>(call: &'a Call, watch: &Watch) -> Response<'a> {
    let headers = call.headers(Map::Response).unwrap_or(Headers::new(&[]));
    Response::read(headers, watch.config().fallback_header.as_deref())
}

/// gRPC's status: in the headers if there is nothing else, otherwise in the trailers.
fn grpc_status(call: &Call, response: &Response<'_>) -> Option<u32> {
    if !response.is_grpc() {
        return None;
    }
    response.grpc_status.or_else(|| {
        let trailer = call.header(Map::ResponseTrailers, "grpc-status").ok()?;
        crate::headers::number(trailer).and_then(|status| u32::try_from(status).ok())
    })
}

/// The attempts, where there were several: all of them if upstream filters have seen them, else the one that answered,
/// because the exchange's duration is not its own.
fn attempt_log<'a>(call: &'a Call, exchange: &Exchange<'a>) -> AttemptLog<'a> {
    let attempts = exchange.attempts.unwrap_or(1);
    if attempts <= 1 {
        return AttemptLog::default();
    }
    let outcome = Outcome {
        attempts,
        host: exchange.host,
        status: exchange.status,
        answered: exchange.flags.is_empty(),
        latency: span(call.property("response\0backend_latency")),
    };
    AttemptLog::new(handover::take(call).unwrap_or_default(), &outcome)
}

/// How users mark hosts that answer in others' stead.
fn tier(call: &Call) -> Option<Substitute> {
    let tier = call.property("xds\0upstream_host_metadata\0filter_metadata\0nearmiss\0tier").ok()?;
    match text(tier) {
        "fallback" => Some(Substitute::Fallback),
        "failover" => Some(Substitute::Failover),
        _ => None,
    }
}

/// How users tell the number of attempts a route allows.
fn max_attempts(call: &Call) -> Option<u32> {
    let value = call.property("xds\0route_metadata\0filter_metadata\0nearmiss\0max_attempts").ok()?;
    whole(f64::from_le_bytes(value.try_into().ok()?))
}

/// A number of attempts from a binary float; anything that cannot be one is none.
fn whole(value: f64) -> Option<u32> {
    ((1.0..=1_000.0).contains(&value)).then_some(value as u32)
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_number_of_attempts_is_a_small_whole_number() {
        assert_eq!(whole(4.0), Some(4));
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(whole(odd), None);
        }
    }
}
