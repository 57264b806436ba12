//! Maps an exchange from what Envoy exposes to what the core takes.
//!
//! A hostcall that returns bytes is expensive, whatever their number; so header maps are read whole and attributes as one list.
//! Rare data (gRPC trailers, the size of the body, the latency of the last attempt) is read only if the rest calls for it. A
//! lookup that finds nothing costs a fifth of one that does.

use crate::attempt_propagation::{self, AttemptLog, ExchangeResult};
use crate::attributes::{Attributes, Query, cluster, integer, name, read_status};
use crate::client::ClientInfo;
use crate::clocks::Clocks;
use crate::config::PluginConfig;
use crate::headers::{Headers, number, text};
use crate::plugin::Plugin;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::{MapType, Status};
use crate::request::{LeftOut, RequestHeaders};
use crate::response::ResponseHeaders;
use crate::warnings::{self, Warning};
use alloc::rc::Rc;
use alloc::vec::Vec;
use nearmiss::{Attempt, Exchange, Flags, Micros, Substitute, Timestamp, is_error};
use nearmiss_envoy_config::Mode;

/// The property by which access loggers and upstream filters know that an HTTP filter observes the exchange.
const SEEN: &str = "nearmiss_seen";

const CODE_DETAILS: &str = "response\0code_details";

/// Envoy's detail of a response that came from the upstream as it is.
const FROM_UPSTREAM: &str = "via_upstream";

/// Beginning of Envoy's details of a response that its cache filter stored, or served after the upstream had confirmed it.
const FROM_CACHE: &[u8] = b"cache.";

/// Beginning of Envoy's details of a response of the health check filter.
const HEALTH_CHECK: &str = "health_check_";
/// Envoy's detail of a response that an internal redirect replaced: the cluster and the route are those of the next leg by then.
const INTERNAL_REDIRECT: &str = "internal_redirect";
/// The status of an exchange that an internal redirect ended; the upstream's own is that of its attempt.
const REDIRECT: u16 = 302;
/// Envoy's detail of a response that `max_stream_duration` cut off, for which some releases set no flag.
const CUT_OFF_BY_DURATION: &str = "max_duration_timeout";
/// The shortest duration of an exchange that `max_stream_duration` may have cut off.
const LONG: Micros = Micros::from_seconds(1);

/// Data that is read before the exchange ends, because it is overwritten or gone by then.
#[derive(Clone, Debug, Default)]
pub(crate) struct EarlyInfo {
    /// The client's information, before the router changes the headers.
    pub(crate) client: ClientInfo,
    /// The encoded request headers, if they are read early.
    pub(crate) request: Option<Vec<u8>>,
    /// The encoded response headers, if they are read early.
    pub(crate) response: Option<Vec<u8>>,
    /// True if headers cannot be read any more: over HTTP/3.
    pub(crate) has_lost_headers: bool,
    /// The gRPC status in the trailers of the upstream.
    pub(crate) grpc_status: Option<u32>,
}

/// Marks the exchange as observed by an HTTP filter.
pub(crate) fn mark_seen(hostcalls: &Hostcalls) {
    let _ = hostcalls.set_property(SEEN, Some(b"1"));
}

/// Returns true if an HTTP filter observes the exchange.
pub(crate) fn is_seen(hostcalls: &Hostcalls) -> bool {
    hostcalls.get_property("filter_state\0wasm.nearmiss_seen").is_ok()
}

/// Reads and observes the exchange that has ended. `early` is what the HTTP filter read before its end; `None` for an access logger.
pub(crate) fn observe(
    hostcalls: &Hostcalls,
    query: Query,
    config: &PluginConfig,
    plugin: &mut Plugin,
    early: Option<&EarlyInfo>,
) {
    let attributes = query.read(hostcalls);
    if let Some(reason) = left_out(hostcalls, config.envoy.mode, &attributes, early) {
        return plugin.count_left_out(hostcalls, reason);
    }
    let ts = plugin.now(hostcalls);
    match config.envoy.mode {
        Mode::Full if !attributes.cluster.is_empty() => {
            observe_full(hostcalls, config, plugin, &attributes, early, ts);
        }
        _ => observe_lean(hostcalls, config, plugin, &attributes, ts),
    }
}

/// Returns the reason why an exchange is left out, as far as its attributes say so. Only exchanges without an attempt, or without a status in
/// `Mode::Lean`, need further data.
fn left_out(
    hostcalls: &Hostcalls,
    mode: Mode,
    attributes: &Attributes<'_>,
    early: Option<&EarlyInfo>,
) -> Option<LeftOut> {
    if attributes.flags.any(Flags::LH) {
        return Some(LeftOut::HealthCheck);
    }
    let has_no_attempt = attributes.attempts.unwrap_or(0) == 0;
    let has_no_status = mode == Mode::Lean && attributes.status.unwrap_or(0) == 0;
    if !has_no_attempt && !has_no_status {
        return None;
    }
    // A filter sees only HTTP. A logger also sees requests that end before their headers are complete, but these have a status.
    let has_no_headers =
        || request_headers(hostcalls, early).is_ok_and(|mut headers| headers.next().is_none());
    if early.is_none() && has_no_headers() && read_status(hostcalls).unwrap_or(0) == 0 {
        return Some(LeftOut::NotHttp);
    }
    if !attributes.flags.is_empty() {
        return None;
    }
    match code_details(hostcalls) {
        Some(details) if details.starts_with(HEALTH_CHECK) => Some(LeftOut::HealthCheck),
        // The router's `upstream_log` logs every attempt, without details and without a number.
        None if has_no_attempt && attributes.host.is_some() => Some(LeftOut::Attempt),
        _ => None,
    }
}

/// Observes an exchange at the lowest cost that still finds retries and failures.
fn observe_lean(
    hostcalls: &Hostcalls,
    config: &PluginConfig,
    plugin: &mut Plugin,
    attributes: &Attributes<'_>,
    ts: Timestamp,
) {
    let exchange = from_attributes(attributes, ts);
    let is_explained = attributes.flags.any(Flags::NC.with(Flags::UO));
    let reason = if is_explained { reason(hostcalls, &exchange) } else { None };
    let exchange = Exchange { reason, ..exchange };
    let log = attempt_log(hostcalls, &exchange, Clocks::read(hostcalls, &exchange, None), None);
    let aborted = is_unanswered(&exchange);
    plugin.observe(
        hostcalls,
        config,
        &Exchange { aborted, hedged: log.hedged, attempt_log: log.attempts(), ..exchange },
    );
}

/// Returns the cluster of an exchange that an internal redirect ended: the upstream filter knows it, otherwise it is the one that the
/// host last served.
fn cluster_before_redirect(
    hostcalls: &Hostcalls,
    plugin: &Plugin,
    exchange: &Exchange<'_>,
) -> Option<Rc<str>> {
    let seen = attempt_propagation::read(hostcalls).and_then(attempt_propagation::last_cluster);
    seen.map(Rc::from).or_else(|| plugin.host_tiers.cluster_of(exchange.host?))
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
    config: &PluginConfig,
    plugin: &mut Plugin,
    attributes: &Attributes<'_>,
    early: Option<&EarlyInfo>,
    ts: Timestamp,
) {
    let request = match request_headers(hostcalls, early) {
        Ok(headers) => RequestHeaders::read(headers, &config.core.ignore),
        Err(_) => RequestHeaders::default(),
    };
    if let Some(reason) = request.left_out {
        return plugin.count_left_out(hostcalls, reason);
    }
    let response = response_headers(hostcalls, early, config);
    // Headers read at the end may have been written by the router; those read in the request phase are the client's.
    let (client, overwritten) = match early {
        Some(early) => (early.client.completed_by(request.client), None),
        None => (request.client, attributes.attempts),
    };
    let grpc_status = grpc_status(hostcalls, &response, early);
    let has_lost_headers = early.is_some_and(|early| early.has_lost_headers);
    let status = response.status.or_else(|| has_lost_headers.then(|| read_status(hostcalls)).flatten());
    let exchange = Exchange { status: status.unwrap_or_default(), ..from_attributes(attributes, ts) };
    let exchange = Exchange { reason: reason(hostcalls, &exchange), ..exchange };
    let is_redirected = exchange.reason == Some(INTERNAL_REDIRECT);
    let before = is_redirected.then(|| cluster_before_redirect(hostcalls, plugin, &exchange)).flatten();
    let exchange = match &before {
        Some(cluster) => Exchange { upstream: cluster, route: None, ..exchange },
        None => exchange,
    };
    let clocks = Clocks::read(hostcalls, &exchange, response.service);
    let log = attempt_log(hostcalls, &exchange, clocks, request.timeout);
    let is_redirected_error = is_redirected && is_error(exchange.status);
    let is_replaced = is_redirected_error || is_own_page(hostcalls, &exchange, &response);
    let exchange = if is_redirected_error { Exchange { status: REDIRECT, ..exchange } } else { exchange };
    let tier = match exchange.host {
        Some(host) => plugin.host_tiers.get_or_query(exchange.upstream, host, ts, || host_tier(hostcalls)),
        None => host_tier(hostcalls),
    };
    let is_single = exchange.attempts == Some(1) && exchange.flags.is_empty();
    plugin.observe(
        hostcalls,
        config,
        &Exchange {
            // A single attempt uses no retries, so their limit matters only if there is no other.
            max_attempts: if is_single && request.timeout.is_some() { None } else { max_attempts(hostcalls) },
            timeout: request.timeout,
            timeout_used: clocks.timeout_used(),
            service: clocks.service(exchange.duration),
            deadline: client.deadline(),
            grpc_status,
            partial: is_cut_off(&exchange, &response, grpc_status),
            bytes: grpc_status
                .filter(|status| *status > 0)
                .and_then(|_| integer(hostcalls.get_property("response\0size"))),
            aborted: is_unanswered(&exchange),
            fail_open: request.fail_open,
            client_trusted: request.is_external.then_some(false),
            stream: request.is_connect || response.is_stream(),
            substitute: if is_replaced { Some(Substitute::Fallback) } else { response.substitute(tier) },
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
    config: &PluginConfig,
    plugin: &mut Plugin,
    client: ClientInfo,
    started: Option<u64>,
) {
    let response = response_headers(hostcalls, None, config);
    let now = hostcalls.get_current_time().ok();
    let elapsed = now.zip(started).map(|(now, started)| Micros::new(now.saturating_sub(started) / 1_000));
    let attempts = integer(hostcalls.get_property("upstream\0request_attempt_count"));
    let exchange = Exchange {
        status: response.status.unwrap_or_default(),
        duration: elapsed.unwrap_or_default(),
        attempts: attempts.and_then(|count| u32::try_from(count).ok()),
        max_attempts: max_attempts(hostcalls),
        deadline: client.deadline(),
        grpc_status: response.grpc_status.filter(|_| response.is_grpc()),
        stream: response.is_stream(),
        substitute: response.substitute(host_tier(hostcalls)),
        cache_status: response.cache_status.as_deref(),
        proxy_status: response.proxy_status.as_deref(),
        client_attempt: client.attempt(None),
        quota: response.quota.quota(),
        ..Exchange::default()
    };
    plugin.annotate_response(hostcalls, config, &exchange, || cluster(hostcalls));
}

/// Returns the request headers, as they are now or as they were.
fn request_headers<'a>(
    hostcalls: &'a Hostcalls,
    early: Option<&'a EarlyInfo>,
) -> Result<Headers<'a>, Status> {
    match early.and_then(|early| early.request.as_deref()) {
        Some(bytes) => Ok(Headers::new(bytes)),
        None if early.is_some_and(|early| early.has_lost_headers) => Err(Status::NotFound),
        None => hostcalls.get_map_bytes(MapType::HttpRequestHeaders),
    }
}

fn response_headers<'a>(
    hostcalls: &'a Hostcalls,
    early: Option<&'a EarlyInfo>,
    config: &PluginConfig,
) -> ResponseHeaders<'a> {
    let headers = match early.and_then(|early| early.response.as_deref()) {
        Some(bytes) => Headers::new(bytes),
        None => hostcalls.get_map_bytes(MapType::HttpResponseHeaders).unwrap_or(Headers::new(&[])),
    };
    ResponseHeaders::read(headers, config.core.fallback_header.as_deref())
}

/// Returns the gRPC status: from the headers of a headers-only response, otherwise from the trailers.
fn grpc_status(
    hostcalls: &Hostcalls,
    response: &ResponseHeaders<'_>,
    early: Option<&EarlyInfo>,
) -> Option<u32> {
    let in_trailers = early.and_then(|early| early.grpc_status);
    match response.grpc_status.filter(|_| response.is_grpc() || response.is_grpc_web()).or(in_trailers) {
        None if response.is_grpc() => grpc_status_in_trailers(hostcalls),
        status => status,
    }
}

/// Returns the gRPC status in the response trailers.
pub(crate) fn grpc_status_in_trailers(hostcalls: &Hostcalls) -> Option<u32> {
    let trailer = hostcalls.get_map_value_bytes(MapType::HttpResponseTrailers, "grpc-status").ok()?;
    number(trailer).and_then(|status| u32::try_from(status).ok())
}

/// Returns true if the response ended early, although no flag says so: a gRPC response without a status, or one that was cut off by
/// `max_stream_duration`.
fn is_cut_off(exchange: &Exchange<'_>, response: &ResponseHeaders<'_>, grpc_status: Option<u32>) -> bool {
    let lacks_status = response.is_grpc() && grpc_status.is_none() && exchange.status == 200;
    lacks_status || exchange.reason == Some(CUT_OFF_BY_DURATION) && !response.is_stream()
}

/// Returns true if Envoy responded with a page of its own although the upstream had been asked: by a custom response, or by a filter that
/// replaced the response. The router notes the time of every response of the upstream in a header.
fn is_own_page(hostcalls: &Hostcalls, exchange: &Exchange<'_>, response: &ResponseHeaders<'_>) -> bool {
    (200..400).contains(&exchange.status)
        && exchange.attempts.is_some_and(|attempts| attempts > 0)
        && exchange.flags.is_empty()
        && exchange.reason != Some(INTERNAL_REDIRECT)
        && response.service.is_none()
        && hostcalls
            .get_property(CODE_DETAILS)
            .is_ok_and(|details| details != FROM_UPSTREAM.as_bytes() && !details.starts_with(FROM_CACHE))
}

/// Returns the attempts of an exchange with more than one. Without upstream filters only the attempt that answered is known; it
/// is needed because the exchange's duration is not the attempt's. A single attempt is of interest if it failed and another filter
/// replaced the response.
fn attempt_log<'a>(
    hostcalls: &'a Hostcalls,
    exchange: &Exchange<'a>,
    clocks: Clocks,
    timeout: Option<Micros>,
) -> AttemptLog<'a> {
    let attempts = exchange.attempts.unwrap_or(1);
    let may_be_masked = || {
        (200..400).contains(&exchange.status)
            && attempt_propagation::has_failed_since(exchange.ts.before(exchange.duration))
    };
    if attempts <= 1 && !may_be_masked() {
        return AttemptLog::default();
    }
    let result = ExchangeResult {
        attempts,
        host: exchange.host,
        status: exchange.status,
        is_upstreams: exchange.reason.is_none(),
        answered: exchange.flags.is_empty(),
        latency: clocks.last_attempt(),
        timeout,
    };
    let log = AttemptLog::new(attempt_propagation::read(hostcalls).unwrap_or_default(), &result);
    if attempts > 1 || log.attempts().last().is_some_and(Attempt::failed) {
        log
    } else {
        AttemptLog::default()
    }
}

/// Returns Envoy's reason for an exchange in which something went wrong: the failure of the connection, otherwise the details of the
/// response code.
fn reason<'a>(hostcalls: &'a Hostcalls, exchange: &Exchange<'_>) -> Option<&'a str> {
    if exchange.flags.is_empty() && matches!(exchange.status, 100..300) && exchange.duration < LONG {
        return None;
    }
    let transport = || name(hostcalls.get_property("upstream\0transport_failure_reason"));
    let failure = exchange.flags.any(Flags::UF).then(transport).flatten();
    failure.or_else(|| code_details(hostcalls).filter(|details| *details != FROM_UPSTREAM))
}

fn code_details(hostcalls: &Hostcalls) -> Option<&str> {
    name(hostcalls.get_property(CODE_DETAILS))
}

/// Returns the tier of the upstream host, from the metadata by which users mark fallback and failover hosts: that of the host, otherwise
/// that of its locality.
fn host_tier(hostcalls: &Hostcalls) -> Option<Substitute> {
    let tier = hostcalls
        .get_property("xds\0upstream_host_metadata\0filter_metadata\0nearmiss\0tier")
        .or_else(|_| {
            hostcalls.get_property("xds\0upstream_host_locality_metadata\0filter_metadata\0nearmiss\0tier")
        })
        .ok()?;
    match text(tier) {
        tier if tier.eq_ignore_ascii_case("fallback") => Some(Substitute::Fallback),
        tier if tier.eq_ignore_ascii_case("failover") => Some(Substitute::Failover),
        other => {
            let message =
                "`tier` of a host's metadata is neither \"fallback\" nor \"failover\", so it is ignored";
            warnings::log_once(hostcalls, Warning::Tier, message, other);
            None
        }
    }
}

/// Returns the route's maximum number of attempts, from the metadata by which users configure it.
fn max_attempts(hostcalls: &Hostcalls) -> Option<u32> {
    let value =
        hostcalls.get_property("xds\0route_metadata\0filter_metadata\0nearmiss\0max_attempts").ok()?;
    let count = attempt_count(value);
    if count.is_none() {
        let message = "`max_attempts` of a route's metadata is not a number from 1 to 1000, so it is ignored";
        warnings::log_once(hostcalls, Warning::MaxAttempts, message, text(value));
    }
    count
}

/// Reads a number of attempts, which is a float, or text where a template has put it in quotes; `None` outside 1 to 1 000.
fn attempt_count(value: &[u8]) -> Option<u32> {
    let count = number(value).and_then(|count| u32::try_from(count).ok()).map(f64::from);
    let count = count.or_else(|| value.try_into().ok().map(f64::from_le_bytes))?;
    (1.0..=1_000.0).contains(&count).then_some(count as u32)
}

#[cfg(test)]
mod tests {
    use super::attempt_count;

    #[test]
    fn a_number_of_attempts_is_a_small_whole_number() {
        assert_eq!(attempt_count(&4f64.to_le_bytes()), Some(4));
        assert_eq!(attempt_count(b"3"), Some(3), "Helm writes numbers in quotes");
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(attempt_count(&odd.to_le_bytes()), None);
        }
        for odd in [&b""[..], b"many", b"-3", b"\xff"] {
            assert_eq!(attempt_count(odd), None);
        }
    }
}
