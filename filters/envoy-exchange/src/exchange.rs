//! Maps an exchange from what Envoy exposes to what the core takes.
//!
//! Over proxy-wasm a call that returns bytes is expensive, whatever their number; so header maps are read whole and attributes as one list.
//! Rare data (gRPC trailers, the size of the body, the latency of the last attempt) is read only if the rest calls for it. A
//! lookup that finds nothing costs a fifth of one that does.

use crate::attempt_propagation::{self, AttemptLog, ExchangeResult};
use crate::attributes::{Attributes, attempts, name, status};
use crate::client::ClientInfo;
use crate::clocks::Clocks;
use crate::config::PluginConfig;
use crate::host::{Host, Map, Number, State, Text};
use crate::host_tiers::HostTierCache;
use crate::metadata::{host_tier, max_attempts};
use crate::request::{LeftOut, RequestHeaders};
use crate::response::ResponseHeaders;
use crate::values::number;
use alloc::sync::Arc;
use nearmiss::{Attempt, Exchange, Flags, Micros, Substitute, Timestamp, is_error};
use nearmiss_envoy_config::Mode;

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
#[derive(Clone, Copy, Debug, Default)]
pub struct EarlyInfo {
    /// The client's information, before the router changes the headers.
    pub client: ClientInfo,
    /// True if headers cannot be read any more: over HTTP/3.
    pub has_lost_headers: bool,
    /// The gRPC status in the trailers of the upstream.
    pub grpc_status: Option<u32>,
}

/// Marks the exchange as observed by an HTTP filter.
pub fn mark_seen(envoy: &impl Host) {
    envoy.set_filter_state(State::Seen, b"1");
}

/// Returns true if an HTTP filter observes the exchange.
pub fn is_seen(envoy: &impl Host) -> bool {
    envoy.filter_state(State::Seen).is_some()
}

/// Reads the exchange that has ended, and passes it to `take`, or the reason why it is left out. `early` is what the HTTP filter read
/// before its end; `None` for an access logger.
pub fn read(
    envoy: &impl Host,
    config: &PluginConfig,
    tiers: &mut HostTierCache,
    attributes: &Attributes<'_>,
    early: Option<&EarlyInfo>,
    ts: Timestamp,
    take: impl FnOnce(Result<&Exchange<'_>, LeftOut>),
) {
    match config.envoy.mode {
        Mode::Full if !attributes.cluster.is_empty() => {
            read_full(envoy, config, tiers, attributes, early, ts, take);
        }
        _ => read_lean(envoy, attributes, ts, take),
    }
}

/// Returns the reason why an exchange is left out, as far as its attributes say so. Only exchanges without an attempt, or without a status in
/// `Mode::Lean`, need further data.
pub fn left_out(
    envoy: &impl Host,
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
    let has_no_headers = || envoy.headers(Map::Request).is_some_and(|mut headers| headers.next().is_none());
    if early.is_none() && has_no_headers() && status(envoy).unwrap_or(0) == 0 {
        return Some(LeftOut::NotHttp);
    }
    if !attributes.flags.is_empty() {
        return None;
    }
    match code_details(envoy) {
        Some(details) if details.starts_with(HEALTH_CHECK) => Some(LeftOut::HealthCheck),
        // The router's `upstream_log` logs every attempt, without details and without a number.
        None if has_no_attempt && attributes.host.is_some() => Some(LeftOut::Attempt),
        _ => None,
    }
}

/// Reads an exchange at the lowest cost that still finds retries and failures.
fn read_lean(
    envoy: &impl Host,
    attributes: &Attributes<'_>,
    ts: Timestamp,
    take: impl FnOnce(Result<&Exchange<'_>, LeftOut>),
) {
    let exchange = from_attributes(attributes, ts);
    let is_explained = attributes.flags.any(Flags::NC.with(Flags::UO));
    let reason = if is_explained { reason(envoy, &exchange) } else { None };
    let exchange = Exchange { reason, ..exchange };
    let log = attempt_log(envoy, &exchange, Clocks::read(envoy, &exchange, None), None);
    let aborted = is_unanswered(&exchange);
    take(Ok(&Exchange { aborted, hedged: log.hedged, attempt_log: log.attempts(), ..exchange }));
}

/// Returns the cluster of an exchange that an internal redirect ended: the upstream filter knows it, otherwise it is the one that the
/// host last served.
fn cluster_before_redirect(
    envoy: &impl Host,
    tiers: &HostTierCache,
    exchange: &Exchange<'_>,
) -> Option<Arc<str>> {
    let seen = attempt_propagation::read(envoy).and_then(attempt_propagation::last_cluster);
    seen.map(Arc::from).or_else(|| tiers.cluster_of(exchange.host?))
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

/// Reads an exchange with everything that its headers say.
fn read_full(
    envoy: &impl Host,
    config: &PluginConfig,
    tiers: &mut HostTierCache,
    attributes: &Attributes<'_>,
    early: Option<&EarlyInfo>,
    ts: Timestamp,
    take: impl FnOnce(Result<&Exchange<'_>, LeftOut>),
) {
    let request = match envoy.headers(Map::Request) {
        Some(headers) => RequestHeaders::read(headers, &config.core.ignore),
        None => RequestHeaders::default(),
    };
    if let Some(reason) = request.left_out {
        return take(Err(reason));
    }
    let response = response_headers(envoy, config);
    // Headers read at the end may have been written by the router; those read in the request phase are the client's.
    let (client, overwritten) = match early {
        Some(early) => (early.client.completed_by(request.client), None),
        None => (request.client, attributes.attempts),
    };
    let grpc_status = grpc_status(envoy, &response, early);
    let has_lost_headers = early.is_some_and(|early| early.has_lost_headers);
    let code = response.status.or_else(|| has_lost_headers.then(|| status(envoy)).flatten());
    // Changed in place: a copy of an exchange is four hundred bytes.
    let mut exchange = from_attributes(attributes, ts);
    exchange.status = code.unwrap_or_default();
    exchange.reason = reason(envoy, &exchange);
    let is_redirected = exchange.reason == Some(INTERNAL_REDIRECT);
    let before = is_redirected.then(|| cluster_before_redirect(envoy, tiers, &exchange)).flatten();
    if let Some(cluster) = &before {
        (exchange.upstream, exchange.route) = (cluster, None);
    }
    let clocks = Clocks::read(envoy, &exchange, response.service);
    let log = attempt_log(envoy, &exchange, clocks, request.timeout);
    let is_redirected_error = is_redirected && is_error(exchange.status);
    let is_replaced = is_redirected_error || is_own_page(envoy, &exchange, &response);
    if is_redirected_error {
        exchange.status = REDIRECT;
    }
    let tier = match exchange.host {
        Some(host) => tiers.get_or_query(exchange.upstream, host, ts, || host_tier(envoy)),
        None => host_tier(envoy),
    };
    let is_single = exchange.attempts == Some(1) && exchange.flags.is_empty();
    // A single attempt uses no retries, so their limit matters only if there is no other.
    let needs_max_attempts = !is_single || request.timeout.is_none();
    exchange.max_attempts = if needs_max_attempts { max_attempts(envoy) } else { None };
    exchange.timeout = request.timeout;
    exchange.timeout_used = clocks.timeout_used();
    exchange.service = clocks.service(exchange.duration);
    exchange.deadline = client.deadline();
    exchange.grpc_status = grpc_status;
    exchange.partial = is_cut_off(&exchange, &response, grpc_status);
    exchange.bytes =
        grpc_status.filter(|status| *status > 0).and_then(|_| envoy.number(Number::ResponseSize));
    exchange.aborted = is_unanswered(&exchange);
    exchange.fail_open = request.fail_open;
    exchange.client_trusted = request.is_external.then_some(false);
    exchange.stream = request.is_connect || response.is_stream();
    exchange.substitute = if is_replaced { Some(Substitute::Fallback) } else { response.substitute(tier) };
    exchange.cache_status = response.cache_status.as_deref();
    exchange.proxy_status = response.proxy_status.as_deref();
    exchange.client_attempt = client.attempt(overwritten);
    exchange.quota = response.quota.quota();
    exchange.hedged = log.hedged;
    exchange.attempt_log = log.attempts();
    take(Ok(&exchange));
}

/// Reads an exchange whose response headers have arrived, as far as it is known by then, and passes it to `take`.
pub fn read_so_far(
    envoy: &impl Host,
    config: &PluginConfig,
    client: ClientInfo,
    started: Option<Timestamp>,
    take: impl FnOnce(&Exchange<'_>),
) {
    let response = response_headers(envoy, config);
    let elapsed = envoy.now().zip(started).map(|(now, started)| now.since(started));
    take(&Exchange {
        status: response.status.unwrap_or_default(),
        duration: elapsed.unwrap_or_default(),
        attempts: attempts(envoy),
        max_attempts: max_attempts(envoy),
        deadline: client.deadline(),
        grpc_status: response.grpc_status.filter(|_| response.is_grpc()),
        stream: response.is_stream(),
        substitute: response.substitute(host_tier(envoy)),
        cache_status: response.cache_status.as_deref(),
        proxy_status: response.proxy_status.as_deref(),
        client_attempt: client.attempt(None),
        quota: response.quota.quota(),
        ..Exchange::default()
    });
}

fn response_headers<'a>(envoy: &'a impl Host, config: &PluginConfig) -> ResponseHeaders<'a> {
    let headers = envoy.headers(Map::Response);
    headers.map_or_else(ResponseHeaders::default, |headers| {
        ResponseHeaders::read(headers, config.core.fallback_header.as_deref())
    })
}

/// Returns the gRPC status: from the headers of a headers-only response, otherwise from the trailers.
fn grpc_status(envoy: &impl Host, response: &ResponseHeaders<'_>, early: Option<&EarlyInfo>) -> Option<u32> {
    let in_trailers = early.and_then(|early| early.grpc_status);
    match response.grpc_status.filter(|_| response.is_grpc() || response.is_grpc_web()).or(in_trailers) {
        None if response.is_grpc() => grpc_status_in_trailers(envoy),
        status => status,
    }
}

/// Returns the gRPC status in the response trailers.
pub fn grpc_status_in_trailers(envoy: &impl Host) -> Option<u32> {
    let trailer = envoy.header(Map::ResponseTrailers, "grpc-status")?;
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
fn is_own_page(envoy: &impl Host, exchange: &Exchange<'_>, response: &ResponseHeaders<'_>) -> bool {
    (200..400).contains(&exchange.status)
        && exchange.attempts.is_some_and(|attempts| attempts > 0)
        && exchange.flags.is_empty()
        && exchange.reason != Some(INTERNAL_REDIRECT)
        && response.service.is_none()
        && envoy
            .text(Text::CodeDetails)
            .is_some_and(|details| details != FROM_UPSTREAM.as_bytes() && !details.starts_with(FROM_CACHE))
}

/// Returns the attempts of an exchange with more than one. Without upstream filters only the attempt that answered is known; it
/// is needed because the exchange's duration is not the attempt's. A single attempt is of interest if it failed and another filter
/// replaced the response.
fn attempt_log<'a>(
    envoy: &'a impl Host,
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
    let log = AttemptLog::new(attempt_propagation::read(envoy).unwrap_or_default(), &result);
    if attempts > 1 || log.attempts().last().is_some_and(Attempt::failed) {
        log
    } else {
        AttemptLog::default()
    }
}

/// Returns Envoy's reason for an exchange in which something went wrong: the failure of the connection, otherwise the details of the
/// response code.
fn reason<'a>(envoy: &'a impl Host, exchange: &Exchange<'_>) -> Option<&'a str> {
    if exchange.flags.is_empty() && matches!(exchange.status, 100..300) && exchange.duration < LONG {
        return None;
    }
    let transport = || name(envoy, Text::TransportFailure);
    let failure = exchange.flags.any(Flags::UF).then(transport).flatten();
    failure.or_else(|| code_details(envoy).filter(|details| *details != FROM_UPSTREAM))
}

fn code_details(envoy: &impl Host) -> Option<&str> {
    name(envoy, Text::CodeDetails)
}
