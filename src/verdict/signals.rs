//! The reasons for a verdict.

/// A set of reasons for a verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Signals(pub(super) u32);

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
    16 REJECTED "rejected" "A policy of the proxy turned the exchange away."
    17 FAIL_OPEN "fail_open" "An authorization that could not be checked was skipped."
}

impl Signals {
    /// No signal.
    pub const NONE: Self = Self(0);
    /// Signals of a success that a safety net produced.
    pub const SAFETY_NETS: Self = Self::RETRY
        .with(Self::FALLBACK)
        .with(Self::STALE)
        .with(Self::FAILOVER)
        .with(Self::HEDGE)
        .with(Self::FAIL_OPEN);

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
    pub const fn bits(self) -> u32 {
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
