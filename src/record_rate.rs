//! Limits the rate of exchange records.

use crate::units::{Micros, Timestamp};

/// A token bucket that holds two seconds' worth of records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RecordRate {
    /// Time up to which the records emitted so far use up the rate.
    paid_until: Timestamp,
}

impl RecordRate {
    /// Takes a token; returns true if a record may be emitted at `now`.
    pub(crate) fn take(&mut self, now: Timestamp, per_second: u32) -> bool {
        const BURST: Micros = Micros::from_seconds(2);
        let Some(price) = 1_000_000u64.checked_div(per_second.into()) else { return false };
        let paid_until = self.paid_until.max(now).after(Micros::new(price));
        // A clock that jumped back must not keep the bucket empty until it has caught up.
        let allowed = paid_until.since(now) <= BURST;
        if allowed || paid_until.since(now).get() > 2 * BURST.get() {
            self.paid_until = if allowed { paid_until } else { now };
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seconds_worth_leave_at_once_and_then_the_rate() {
        let mut rate = RecordRate::default();
        let at = |millis: u64| Timestamp::from_micros(1_795_423_550_000_000 + millis * 1_000);
        assert_eq!((0..100).filter(|_| rate.take(at(0), 10)).count(), 20);
        assert!(!rate.take(at(99), 10));
        assert!(rate.take(at(100), 10));
    }
}
