//! Judges one exchange: its one fate, its signals, its margin.
//!
//! The rules are the table of fates in `docs/fates.md`. [`judge`] looks at the client first, then at policies of the proxy; for all
//! others it sets a signal for every rule that holds, and the strongest signal is the fate.

mod client;
mod failure;
mod fate;
mod outcome;
mod past;
mod signals;

pub use failure::FailureReason;
pub use fate::Fate;
pub(crate) use past::{LatencyBaseline, Past};
pub use signals::Signals;

use crate::exchange::{Exchange, Substitute};
use crate::flags::Flags;
use crate::limits::{Limit, Limits, Usage};
use crate::thresholds::Thresholds;
use crate::units::{Micros, Used};
use client::is_client_gone;

/// Verdict on one exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Outcome.
    pub fate: Fate,
    /// Reasons.
    pub signals: Signals,
    /// Nearest limit and the share of it that was used; `None` if no limit is known.
    pub nearest: Option<(Limit, Used)>,
    /// Limits that applied.
    pub limits: Limits,
    /// True if `limits.max_attempts` was learned, not configured or observed.
    pub learned_attempts: bool,
    /// True if `limits.timeout` was learned, not configured or observed.
    pub learned_timeout: bool,
    /// Median duration of the baseline; known where a duration was judged.
    pub typical: Option<Micros>,
    /// Duration that was compared with the baseline.
    pub judged_duration: Option<Micros>,
    /// True if its bucket was sealed already: counted, but in no baseline and no episode.
    pub late: bool,
}

impl Verdict {
    /// Marks the limits that were learned: those that are not among the `known` ones.
    #[must_use]
    pub(crate) fn with_learned(self, known: Limits) -> Self {
        Self {
            learned_attempts: self.limits.max_attempts != known.max_attempts,
            learned_timeout: self.limits.timeout != known.timeout,
            ..self
        }
    }

    /// Returns the margin in basis points; `None` if no limit is known.
    pub fn margin_bp(&self) -> Option<u16> {
        self.nearest.map(|(_, used)| used.margin())
    }

    /// Returns true if the client went away and nothing says that the upstream was at fault.
    pub fn is_aborted(&self) -> bool {
        self.fate == Fate::Clean && self.signals.any(Signals::ABORTED)
    }

    /// Returns true if the exchange is part of the success shares: neither rejected nor aborted.
    pub fn is_judged(&self) -> bool {
        self.fate != Fate::Rejected && !self.is_aborted()
    }

    /// Returns true for a success with one attempt and without a safety net.
    pub fn is_first_try(&self, exchange: &Exchange<'_>) -> bool {
        self.is_judged()
            && self.fate.is_first_try()
            && exchange.attempts.unwrap_or(1) <= 1
            && !self.signals.any(Signals::SAFETY_NETS)
    }

    /// Returns the duration of a slow exchange in tenths of the typical duration: 41 for 4.1 times.
    pub fn ratio_tenths(&self) -> Option<u64> {
        let typical = self.typical.filter(|_| self.signals.any(Signals::SLOW))?;
        (self.judged_duration?.get().saturating_mul(10)).checked_div(typical.get())
    }
}

/// Judges a [plain](Exchange::is_plain) exchange as [`judge`] does; `None` unless it is clean.
#[inline]
pub(crate) fn judge_plain(
    exchange: &Exchange<'_>,
    limits: Limits,
    tight: Used,
    baseline: Option<LatencyBaseline>,
) -> Option<Verdict> {
    let usage = Usage::of_plain(exchange, &limits);
    let judged_duration = exchange.judged_duration();
    let is_clean = timing(&usage, tight, judged_duration, baseline).is_empty();
    is_clean.then(|| Verdict {
        nearest: usage.nearest(),
        limits,
        typical: baseline.map(|baseline| baseline.median),
        judged_duration,
        ..Verdict::default()
    })
}

/// Judges one exchange against its limits and its upstream's past.
pub(crate) fn judge(
    exchange: &Exchange<'_>,
    limits: &Limits,
    thresholds: &Thresholds,
    past: Past,
) -> Verdict {
    let judged_duration = exchange.judged_duration();
    let mut verdict = Verdict {
        limits: *limits,
        typical: past.baseline.map(|baseline| baseline.median),
        judged_duration,
        late: past.late,
        ..Verdict::default()
    };
    if is_client_gone(exchange) {
        (verdict.fate, verdict.signals) = client::judge(exchange, thresholds, past);
        return verdict;
    }
    let usage = Usage::of(exchange, limits);
    let timing = timing(&usage, thresholds.tight, judged_duration, past.baseline);
    if exchange.is_plain() {
        (verdict.fate, verdict.signals, verdict.nearest) = (fate(timing), timing, usage.nearest());
        return verdict;
    }
    if outcome::is_rejected(exchange) {
        (verdict.fate, verdict.signals) = (Fate::Rejected, Signals::REJECTED);
        return verdict;
    }
    verdict.signals = signals(exchange, &usage, thresholds, timing);
    let not_caught = if outcome::is_callers_own(exchange) { Signals::RETRY } else { Signals::NONE };
    verdict.fate = fate(verdict.signals.without(not_caught));
    verdict.nearest = match verdict.fate {
        Fate::Failed => used_up(exchange.flags, &usage),
        _ => usage.nearest(),
    };
    verdict
}

/// Returns the signals of durations: the only ones that a plain exchange can have.
fn timing(
    usage: &Usage,
    tight: Used,
    duration: Option<Micros>,
    baseline: Option<LatencyBaseline>,
) -> Signals {
    let mut signals = Signals::NONE;
    signals.set(Signals::TIMEOUT, is_near(usage.timeout, tight));
    signals.set(Signals::DEADLINE, is_near(usage.deadline, tight));
    signals.set(
        Signals::SLOW,
        duration.zip(baseline).is_some_and(|(duration, baseline)| duration > baseline.limit),
    );
    signals
}

fn is_near(used: Option<Used>, tight: Used) -> bool {
    used.is_some_and(|used| used.margin() < tight.basis_points())
}

/// Returns all signals, including those of `timing` where the exchange is comparable with others.
fn signals(exchange: &Exchange<'_>, usage: &Usage, thresholds: &Thresholds, timing: Signals) -> Signals {
    let flags = exchange.flags;
    let failed = outcome::is_failed(exchange);
    let substitute = outcome::substitute(exchange).filter(|_| !failed);
    let comparable = !failed && !exchange.is_timeless() && substitute.is_none();
    let is_client_retry =
        exchange.client_attempt.is_some_and(|n| n > 1) && thresholds.client_retries.believes(exchange);
    let mut signals = if comparable { timing } else { timing.without(Signals::SLOW) };
    signals.set(Signals::RETRY, exchange.is_retry() || flags.any(Flags::URX));
    signals.set(Signals::FALLBACK, substitute == Some(Substitute::Fallback));
    signals.set(Signals::STALE, substitute == Some(Substitute::Stale));
    signals.set(Signals::FAILOVER, substitute == Some(Substitute::Failover));
    signals.set(Signals::FAIL_OPEN, exchange.fail_open);
    signals.set(Signals::HEDGE, exchange.hedged);
    signals.set(Signals::CLIENT_RETRY, is_client_retry);
    signals.set(Signals::PARTIAL, !failed && outcome::is_partial(exchange));
    signals.set(Signals::TIMEOUT, flags.any(Flags::UT));
    signals.set(Signals::DEADLINE, flags.any(Flags::DT));
    signals.set(Signals::QUOTA, is_near(usage.quota, thresholds.tight));
    signals.set(Signals::RETRY_LIMIT, flags.any(Flags::URX) || usage.attempts == Some(Used::ALL));
    signals.set(Signals::BREAKER, outcome::is_overloaded(exchange));
    signals.set(Signals::POOL, exchange.pool);
    signals.set(Signals::FAILED, failed);
    signals
}

/// Returns the limit that a failed exchange used up, if any.
fn used_up(flags: Flags, usage: &Usage) -> Option<(Limit, Used)> {
    const FLAGS: [(Flags, Limit); 3] =
        [(Flags::UT, Limit::Timeout), (Flags::DT, Limit::Deadline), (Flags::URX, Limit::Attempts)];
    let flagged = FLAGS.iter().find(|(flag, _)| flags.any(*flag)).map(|(_, limit)| (*limit, Used::ALL));
    flagged.or_else(|| usage.nearest().filter(|(_, used)| *used == Used::ALL))
}

/// Returns the fate of the strongest signal.
fn fate(signals: Signals) -> Fate {
    if signals.is_empty() {
        return Fate::Clean;
    }
    const TIGHT: Signals = Signals::TIMEOUT
        .with(Signals::DEADLINE)
        .with(Signals::QUOTA)
        .with(Signals::BREAKER)
        .with(Signals::POOL);
    const LADDER: [(Signals, Fate); 9] = [
        (Signals::FAILED, Fate::Failed),
        (Signals::PARTIAL, Fate::Partial),
        (Signals::FALLBACK.with(Signals::FAIL_OPEN), Fate::Fallback),
        (Signals::STALE, Fate::Stale),
        (Signals::FAILOVER, Fate::Failover),
        (Signals::RETRY.with(Signals::HEDGE), Fate::Retried),
        (Signals::CLIENT_RETRY, Fate::ClientRetried),
        (TIGHT, Fate::Tight),
        (Signals::SLOW, Fate::Slow),
    ];
    let strongest = LADDER.iter().find(|(reasons, _)| signals.any(*reasons));
    strongest.map_or(Fate::Clean, |(_, fate)| *fate)
}

#[cfg(test)]
mod tests;
