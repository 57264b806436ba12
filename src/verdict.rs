//! Judges one exchange: its one fate, its signals, its margin.
//!
//! The rules are the table of fates in `docs/fates.md`. [`judge`] sets a signal for every rule that holds; the strongest signal is
//! the fate.

use crate::exchange::{Exchange, Substitute, is_error};
use crate::flags::Flags;
use crate::limits::{Limit, Limits, Usage};
use crate::structured_fields;
use crate::units::{Micros, Used};

/// Outcome of an exchange; later variants take precedence.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fate {
    /// None of the others, or the caller's own fault.
    #[default]
    Clean,
    /// Outlier against the upstream's own past.
    Slow,
    /// Too little margin to timeout, deadline or quota, or a breaker's flag.
    Tight,
    /// The request itself was a client's retry.
    ClientRetried,
    /// Success after more than one attempt.
    Retried,
    /// Another zone or priority answered.
    Failover,
    /// An expired copy was served.
    Stale,
    /// Another source answered instead of the upstream.
    Fallback,
    /// Success by its status, failure in its content.
    Partial,
    /// The caller got an error.
    Failed,
}

impl Fate {
    /// Number of fates.
    pub const COUNT: usize = 10;
    /// All fates, weakest first; `ALL[fate as usize] == fate`.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Clean,
        Self::Slow,
        Self::Tight,
        Self::ClientRetried,
        Self::Retried,
        Self::Failover,
        Self::Stale,
        Self::Fallback,
        Self::Partial,
        Self::Failed,
    ];

    /// Returns the name in records, metrics and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Slow => "slow",
            Self::Tight => "tight",
            Self::ClientRetried => "client_retried",
            Self::Retried => "retried",
            Self::Failover => "failover",
            Self::Stale => "stale",
            Self::Fallback => "fallback",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// Returns the fate with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.name() == name)
    }

    /// Returns true unless the fate is clean or failed.
    pub const fn is_near_miss(self) -> bool {
        !matches!(self, Self::Clean | Self::Failed)
    }
}

/// A set of reasons for a verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Signals(u16);

macro_rules! signals {
    ($($bit:literal $constant:ident $name:literal $doc:literal)*) => {
        impl Signals {
            $(#[doc = $doc] pub const $constant: Self = Self(1 << $bit);)*
            /// Names of all signals, in the order of their bits.
            pub const NAMES: [&'static str; Self::COUNT] = [$($name),*];
            /// Number of signals.
            pub const COUNT: usize = [$($bit),*].len();
        }
    };
}

signals! {
    0 RETRY "retry" "More than one attempt."
    1 FALLBACK "fallback" "Another source answered."
    2 STALE "stale" "An expired copy was served."
    3 FAILOVER "failover" "Another zone or priority answered."
    4 HEDGE "hedge" "The answer of a hedged attempt counted."
    5 CLIENT_RETRY "client_retry" "The request was a client's retry."
    6 PARTIAL "partial" "A failure inside a success, or a truncated response."
    7 TIMEOUT "timeout" "Too close to the timeout, or over it."
    8 DEADLINE "deadline" "Too close to the deadline, or over it."
    9 QUOTA "quota" "Too close to the quota."
    10 RETRY_LIMIT "retry_limit" "No attempt was left."
    11 BREAKER "breaker" "A circuit breaker or the retry budget was open."
    12 POOL "pool" "The connection pool was exhausted."
    13 SLOW "slow" "Outlier against the upstream's own past."
    14 FAILED "failed" "The caller got an error."
    15 ABORTED "aborted" "The client went away."
}

impl Signals {
    /// No signal.
    pub const NONE: Self = Self(0);
    /// Signals of a success that a safety net produced.
    pub const SAFETY_NETS: Self =
        Self(Self::RETRY.0 | Self::FALLBACK.0 | Self::STALE.0 | Self::FAILOVER.0 | Self::HEDGE.0);

    /// Returns true if any signal of `other` is set.
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds `other` if `holds`.
    pub const fn set(&mut self, other: Self, holds: bool) {
        if holds {
            self.0 |= other.0;
        }
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns true if no signal is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the position of the first signal of the set in [`NAMES`](Self::NAMES), and in arrays of counts by signal.
    pub const fn index(self) -> usize {
        self.0.trailing_zeros() as usize
    }

    /// Returns the bits, in the order of [`NAMES`](Self::NAMES).
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Returns the names of the signals that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, name)| name)
    }
}

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
    /// Median duration of the baseline; known where a duration was judged.
    pub typical: Option<Micros>,
    /// Duration that was compared with the baseline.
    pub judged_duration: Option<Micros>,
    /// True if its bucket was sealed already: counted, but in no baseline and no episode.
    pub late: bool,
}

impl Verdict {
    /// Returns the margin in basis points; `None` if no limit is known.
    pub fn margin_bp(&self) -> Option<u16> {
        self.nearest.map(|(_, used)| used.margin())
    }

    /// Returns true if the client went away; such exchanges are not part of the success shares.
    pub fn is_aborted(&self) -> bool {
        self.signals.any(Signals::ABORTED)
    }

    /// Returns true for a success with one attempt and without a safety net.
    pub fn is_first_try(&self, exchange: &Exchange<'_>) -> bool {
        self.fate != Fate::Failed
            && exchange.attempts.unwrap_or(1) <= 1
            && !self.signals.any(Signals::SAFETY_NETS.with(Signals::ABORTED))
    }

    /// Returns the duration of a slow exchange in tenths of the typical duration: 41 for 4.1 times.
    pub fn ratio_tenths(&self) -> Option<u64> {
        let typical = self.typical.filter(|_| self.signals.any(Signals::SLOW))?;
        (self.judged_duration?.get().saturating_mul(10)).checked_div(typical.get())
    }
}

/// Durations of the recent past: `median`, and the `limit` above which an exchange is slow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LatencyBaseline {
    /// Longest duration that is not slow.
    pub(crate) limit: Micros,
    /// Median duration.
    pub(crate) median: Micros,
}

/// Judges one exchange against its limits and its upstream's past.
///
/// An exchange is tight if its margin is strictly below `tight`. `duration` is the part of its duration that is comparable with
/// `baseline`.
pub(crate) fn judge(
    exchange: &Exchange<'_>,
    limits: &Limits,
    tight: Used,
    duration: Option<Micros>,
    baseline: Option<LatencyBaseline>,
) -> Verdict {
    if is_aborted(exchange) {
        return Verdict { signals: Signals::ABORTED, limits: *limits, ..Verdict::default() };
    }
    let usage = Usage::of(exchange, limits);
    let timing = timing(&usage, tight, duration, baseline);
    let signals = if is_plain(exchange) { timing } else { signals(exchange, &usage, tight, timing) };
    Verdict {
        fate: fate(signals),
        signals,
        nearest: usage.nearest(),
        limits: *limits,
        learned_attempts: false,
        typical: baseline.map(|baseline| baseline.median),
        judged_duration: duration,
        late: false,
    }
}

/// Returns true if the client went away: then nothing else is known about the exchange.
fn is_aborted(exchange: &Exchange<'_>) -> bool {
    exchange.aborted || exchange.status == 499 || exchange.flags.any(Flags::DC.with(Flags::DR))
}

/// Returns true if only its timing can be wrong with an exchange, which holds for most: at most one known attempt, a good status and no
/// other evidence.
fn is_plain(exchange: &Exchange<'_>) -> bool {
    matches!(exchange.status, 200..400)
        && matches!(exchange.attempts, None | Some(1))
        && exchange.flags.is_empty()
        && !(exchange.partial | exchange.hedged | exchange.stream)
        && exchange.grpc_status.is_none()
        && exchange.substitute.is_none()
        && exchange.cache_status.is_none()
        && exchange.proxy_status.is_none()
        && exchange.client_attempt.is_none()
        && exchange.quota.is_none()
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
fn signals(exchange: &Exchange<'_>, usage: &Usage, tight: Used, timing: Signals) -> Signals {
    let flags = exchange.flags;
    let failed = is_failed(exchange);
    let substitute = substitute(exchange);
    let comparable = !failed && !exchange.stream && exchange.status != 101 && substitute.is_none();
    let mut signals = if comparable { timing } else { timing.without(Signals::SLOW) };
    signals.set(
        Signals::RETRY,
        (exchange.attempts.is_some_and(|n| n > 1) && !exchange.hedged) || flags.any(Flags::URX),
    );
    signals.set(Signals::FALLBACK, substitute == Some(Substitute::Fallback));
    signals.set(Signals::STALE, substitute == Some(Substitute::Stale));
    signals.set(Signals::FAILOVER, substitute == Some(Substitute::Failover));
    signals.set(Signals::HEDGE, exchange.hedged);
    signals.set(Signals::CLIENT_RETRY, exchange.client_attempt.is_some_and(|n| n > 1));
    signals.set(Signals::PARTIAL, !failed && is_partial(exchange));
    signals.set(Signals::TIMEOUT, flags.any(Flags::UT));
    signals.set(Signals::DEADLINE, flags.any(Flags::DT));
    signals.set(Signals::QUOTA, is_near(usage.quota, tight));
    signals.set(Signals::RETRY_LIMIT, flags.any(Flags::URX) || usage.attempts == Some(Used::ALL));
    signals.set(Signals::BREAKER, flags.any(Flags::UO));
    signals.set(Signals::FAILED, failed);
    signals
}

/// Returns true if the caller got an error.
fn is_failed(exchange: &Exchange<'_>) -> bool {
    is_error(exchange.status) || is_grpc_fault(exchange) && exchange.bytes.is_none_or(|bytes| bytes == 0)
}

/// Returns true for the gRPC statuses that are the server's fault.
fn is_grpc_fault(exchange: &Exchange<'_>) -> bool {
    matches!(exchange.grpc_status, Some(2 | 4 | 8 | 13 | 14 | 15))
}

/// Returns true for a success by status that failed inside.
fn is_partial(exchange: &Exchange<'_>) -> bool {
    let success = (200..300).contains(&exchange.status);
    exchange.partial
        || is_grpc_fault(exchange)
        || success && exchange.flags.any(Flags::CUT_OFF)
        || success && exchange.proxy_status.is_some_and(|text| structured_fields::proxy_error(text).is_some())
}

/// Returns the source that answered instead of the upstream, as the host or the cache reports it.
fn substitute(exchange: &Exchange<'_>) -> Option<Substitute> {
    match exchange.substitute {
        Some(Substitute::Fallback) => Some(Substitute::Fallback),
        _ if exchange.cache_status.is_some_and(structured_fields::is_stale) => Some(Substitute::Stale),
        marked => marked,
    }
}

/// Returns the fate of the strongest signal.
fn fate(signals: Signals) -> Fate {
    if signals.is_empty() {
        return Fate::Clean;
    }
    const LADDER: [(Signals, Fate); 8] = [
        (Signals::FAILED, Fate::Failed),
        (Signals::PARTIAL, Fate::Partial),
        (Signals::FALLBACK, Fate::Fallback),
        (Signals::STALE, Fate::Stale),
        (Signals::FAILOVER, Fate::Failover),
        (Signals(Signals::RETRY.0 | Signals::HEDGE.0), Fate::Retried),
        (Signals::CLIENT_RETRY, Fate::ClientRetried),
        (
            Signals(Signals::TIMEOUT.0 | Signals::DEADLINE.0 | Signals::QUOTA.0 | Signals::BREAKER.0),
            Fate::Tight,
        ),
    ];
    let strongest = LADDER.iter().find(|(reasons, _)| signals.any(*reasons)).map(|(_, fate)| *fate);
    strongest.unwrap_or(if signals.any(Signals::SLOW) { Fate::Slow } else { Fate::Clean })
}

#[cfg(test)]
mod tests;
