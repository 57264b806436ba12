//! The reasons for a verdict.

use crate::bit_set::bit_set;

bit_set! {
    /// A set of reasons for a verdict.
    Signals:
    0 "retry" RETRY "More than one attempt.";
    1 "fallback" FALLBACK "Another source answered.";
    2 "stale" STALE "An expired copy was served.";
    3 "failover" FAILOVER "Another zone or priority answered.";
    4 "hedge" HEDGE "The answer of a hedged attempt counted.";
    5 "client_retry" CLIENT_RETRY "The request was a client's retry.";
    6 "partial" PARTIAL "A failure inside a success, or a truncated response.";
    7 "timeout" TIMEOUT "Too close to the timeout, or over it.";
    8 "deadline" DEADLINE "Too close to the deadline, or over it.";
    9 "quota" QUOTA "Too close to the quota.";
    10 "retry_limit" RETRY_LIMIT "No attempt was left.";
    11 "breaker" BREAKER "A circuit breaker or the retry budget was open.";
    12 "pool" POOL "The connection pool was exhausted.";
    13 "slow" SLOW "Outlier against the upstream's own past.";
    14 "failed" FAILED "The caller got an error.";
    15 "aborted" ABORTED "The client went away.";
    16 "rejected" REJECTED "A policy of the proxy turned the exchange away.";
    17 "fail_open" FAIL_OPEN "An authorization that could not be checked was skipped.";
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

    /// Adds `other` if `holds`.
    pub const fn set(&mut self, other: Self, holds: bool) {
        if holds {
            self.0 |= other.0;
        }
    }

    /// Returns the position of the first signal of the set in [`NAMES`](Self::NAMES), and in arrays of counts by signal.
    pub const fn index(self) -> usize {
        self.0.trailing_zeros() as usize
    }

    /// Returns the bits, in the order of [`NAMES`](Self::NAMES).
    pub const fn bits(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_signal_is_the_position_of_its_name() {
        for (index, name) in Signals::NAMES.into_iter().enumerate() {
            let signal = Signals(1 << index);
            assert_eq!(
                (signal.index(), signal.names().collect::<alloc::vec::Vec<_>>()),
                (index, [name].into())
            );
        }
        assert_eq!(Signals::NAMES[Signals::ABORTED.index()], "aborted");
    }
}
