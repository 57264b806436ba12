//! Exchanges whose client went away before the end.

use super::{Fate, LatencyBaseline, Past, Signals, outcome};
use crate::exchange::{Exchange, is_error};
use crate::flags::Flags;
use crate::thresholds::Thresholds;
use crate::units::Micros;

/// Median duration above which a route is a long poll, whose clients wait on purpose.
const LONG_POLL: Micros = Micros::from_seconds(1);

/// Returns true if the client went away: then its status says nothing about the upstream.
pub(super) fn is_client_gone(exchange: &Exchange<'_>) -> bool {
    exchange.aborted || exchange.status == 499 || exchange.flags.any(Flags::CLIENT_GONE)
}

/// Returns fate and signals of an exchange whose client went away.
pub(super) fn judge(exchange: &Exchange<'_>, thresholds: &Thresholds, past: Past) -> (Fate, Signals) {
    let has_failed = has_failed_attempt(exchange);
    if is_answered(exchange) || !(has_failed || has_waited(exchange, thresholds, past)) {
        return (Fate::Clean, Signals::ABORTED);
    }
    let mut signals = Signals::ABORTED;
    signals.set(Signals::RETRY, exchange.is_retry());
    signals.set(Signals::RETRY_LIMIT, exchange.flags.any(Flags::URX));
    signals.set(Signals::BREAKER, outcome::is_overloaded(exchange));
    signals.set(Signals::POOL, exchange.pool);
    (Fate::Abandoned, signals)
}

/// Returns true if response headers came before the client left. Proxies that saw none log 0 or a status of their own: nginx 499,
/// ALB 460.
fn is_answered(exchange: &Exchange<'_>) -> bool {
    !matches!(exchange.status, 0 | 460 | 499)
}

/// Returns true if an attempt is known to have failed. The last one has no status because the client left.
fn has_failed_attempt(exchange: &Exchange<'_>) -> bool {
    let logged = match exchange.attempt_log {
        [before @ .., last] => {
            before.iter().any(|attempt| attempt.failed())
                || last.status.is_some_and(|status| status > 0 && status != 499 && is_error(status))
        }
        [] => false,
    };
    logged || exchange.is_retry() || exchange.flags.any(Flags::FAILED_ATTEMPT)
}

/// Returns true if the wait was so long that it explains why the client left. Clients of streams and of long polls wait on purpose.
fn has_waited(exchange: &Exchange<'_>, thresholds: &Thresholds, past: Past) -> bool {
    let waited = exchange.service.unwrap_or(exchange.duration);
    let is_unusual = |baseline: LatencyBaseline| waited > baseline.limit && baseline.median <= LONG_POLL;
    !exchange.is_timeless()
        && waited > thresholds.abandon_after
        && (past.late || past.baseline.is_some_and(is_unusual))
}
