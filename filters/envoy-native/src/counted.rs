//! Exchanges that are counted once, although several places see them: two copies of the filter, or a filter and a logger.
//!
//! Envoy ends all filters of an exchange and then calls its loggers, one after the other on one thread, and an access logger cannot read what
//! a filter has left in the filter state. So each thread remembers the exchange that it judged last, by the time at which it began.

use core::cell::Cell;
use nearmiss::Timestamp;

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// When an exchange began, in nanoseconds since the Unix epoch; on one thread no two exchanges begin at the same time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Start(pub(crate) u64);

impl Start {
    /// Returns true if this thread has judged another exchange last, and remembers this one.
    pub(crate) fn is_new(self) -> bool {
        LAST.with(|last| last.replace(self.0)) != self.0 || self.0 == 0
    }

    /// Returns the start.
    pub(crate) const fn timestamp(self) -> Timestamp {
        Timestamp::from_micros(self.0 / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::Start;

    #[test]
    fn an_exchange_is_new_once() {
        assert!(Start(1_000).is_new());
        assert!(!Start(1_000).is_new());
        assert!(Start(2_000).is_new());
        assert!(Start(1_000).is_new(), "only the last one is remembered");
        assert!(Start(0).is_new() && Start(0).is_new(), "a start that is not known is no identity");
    }
}
