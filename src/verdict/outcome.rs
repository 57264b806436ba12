//! Rules for the outcome of an exchange whose client stayed.

use crate::exchange::{Attempt, Exchange, Substitute, is_error};
use crate::flags::Flags;
use crate::structured_fields;

/// Envoy's detail of an authorization service that could not be asked, with the status that it answers with then.
const DEAD_CHECK: &str = "ext_authz_error";

/// Beginnings of Envoy's details of a load shedder other than a circuit breaker.
const LOAD_SHEDDERS: [&str; 3] = ["denied_by_admission_control", "overload", "envoy_overload"];

/// Returns true if a policy of the proxy turned the exchange away, with an error and before any attempt.
pub(super) fn is_rejected(exchange: &Exchange<'_>) -> bool {
    (exchange.rejected || exchange.flags.any(Flags::POLICY))
        && exchange.attempts.unwrap_or(0) <= 1
        && exchange.attempt_log.is_empty()
        && !is_overloaded(exchange)
        && exchange.status > 0
        && is_failed(exchange)
}

/// Returns true if the caller got an error.
pub(super) fn is_failed(exchange: &Exchange<'_>) -> bool {
    is_error(exchange.status)
        || is_grpc_fault(exchange) && exchange.bytes.is_none_or(|bytes| bytes == 0)
        || matches!(exchange.status, 400..500) && (is_unreached(exchange) || is_dead_check(exchange))
}

/// Returns true for the gRPC statuses that are the server's fault.
fn is_grpc_fault(exchange: &Exchange<'_>) -> bool {
    matches!(exchange.grpc_status, Some(2 | 4 | 8 | 13 | 14 | 15))
}

/// Returns true if the response cannot be the upstream's, because no attempt reached a host.
fn is_unreached(exchange: &Exchange<'_>) -> bool {
    exchange.flags.any(Flags::UH)
        || exchange.attempts.unwrap_or(0) <= 1 && exchange.flags.any(Flags::UF.with(Flags::NC))
        || exchange.attempts == Some(0) && exchange.flags.any(Flags::UO)
}

/// Returns true if a check before the upstream could not be asked.
pub(super) fn is_dead_check(exchange: &Exchange<'_>) -> bool {
    exchange.flags.any(Flags::RLSE) || exchange.reason.is_some_and(|reason| reason.starts_with(DEAD_CHECK))
}

/// Returns true if a circuit breaker, the retry budget or a load shedder was in the way.
pub(super) fn is_overloaded(exchange: &Exchange<'_>) -> bool {
    let is_load_shedder = |reason: &str| LOAD_SHEDDERS.iter().any(|prefix| reason.starts_with(prefix));
    exchange.flags.any(Flags::OVERLOAD) || exchange.reason.is_some_and(is_load_shedder)
}

/// Returns true for a success by status that failed inside.
pub(super) fn is_partial(exchange: &Exchange<'_>) -> bool {
    let success = (200..300).contains(&exchange.status);
    // The maximum stream duration is there to recycle streams.
    let cut_off = if exchange.stream { Flags::CUT_OFF.without(Flags::UMSDR) } else { Flags::CUT_OFF };
    exchange.partial
        || is_grpc_fault(exchange)
        || success && exchange.flags.any(cut_off)
        || success && exchange.proxy_status.is_some_and(|text| structured_fields::proxy_error(text).is_some())
}

/// Returns the source that answered instead of the upstream, as the host or the cache reports it or as the attempts prove it.
pub(super) fn substitute(exchange: &Exchange<'_>) -> Option<Substitute> {
    match exchange.substitute {
        Some(Substitute::Fallback) => Some(Substitute::Fallback),
        _ if exchange.cache_status.is_some_and(structured_fields::is_stale) => Some(Substitute::Stale),
        None if has_unproven_source(exchange) => Some(Substitute::Fallback),
        marked => marked,
    }
}

/// Returns true for a good response that no attempt of the upstream gave.
fn has_unproven_source(exchange: &Exchange<'_>) -> bool {
    let has_failed_last = match exchange.attempt_log.last() {
        Some(last) => last.failed() && !exchange.hedged,
        // No attempt was left, and the last one could not connect.
        None => exchange.flags.any(Flags::UF) && exchange.flags.any(Flags::URX),
    };
    (200..400).contains(&exchange.status)
        && exchange.grpc_status.is_none()
        && !is_partial(exchange)
        && (has_failed_last || is_unreached(exchange))
}

/// Returns true if the attempts before the last are not known to have failed otherwise than with a 4xx, and the caller got one too:
/// then it is the caller's fault and not a failure that a retry caught.
///
/// Where the ends of earlier attempts are unknown, `URX` says that the last answer was one that is retried.
pub(super) fn is_callers_own(exchange: &Exchange<'_>) -> bool {
    let log = exchange.attempt_log;
    let before = log.split_last().map_or(log, |(_, before)| before);
    let is_complete = exchange.attempts.is_none_or(|attempts| attempts as usize <= log.len());
    is_caller_fault(exchange.status)
        && !before.iter().any(Attempt::failed)
        && (is_complete || exchange.flags.any(Flags::URX))
}

fn is_caller_fault(status: u16) -> bool {
    (400..500).contains(&status) && !is_error(status)
}
