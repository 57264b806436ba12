//! A timeout that is not configured, learned from the spike of attempts that ended on it.
//!
//! Attempts that time out all take the same time; no other failure does. If the durations of a bucket's timed-out
//! attempts lie within 3 % of each other, the longest is a vote for itself; a value with five more votes than others
//! holds. It is published once a minute, like the rules of routes, and applies to exchanges whose timeout is neither
//! reported nor configured. A success that took longer disproves it.

use crate::codec::counts;
use crate::histogram::Log2;

/// 3 % in 1/256 octave.
const TOLERANCE: u16 = 11;
/// Votes that make a timeout known.
const MIN_VOTES: u8 = 5;

/// Durations of a bucket's timed-out attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimedOut {
    count: u8,
    /// 0 if an attempt succeeded after the learned timeout.
    shortest: u16,
    longest: u16,
}

counts! { TimedOut { count, shortest: Min, longest: Max } }

impl TimedOut {
    pub(super) const NONE: Self = Self { count: 0, shortest: u16::MAX, longest: 0 };

    /// Adds a timed-out attempt.
    pub(super) fn add(&mut self, log2: Log2) {
        self.count = self.count.saturating_add(1);
        self.shortest = self.shortest.min(log2.0);
        self.longest = self.longest.max(log2.0);
    }

    /// Compares a success with the timeout that was learned.
    pub(super) fn compare(&mut self, success: Log2, learned: Log2) {
        if success.0 > learned.0 + TOLERANCE {
            self.shortest = 0;
        }
    }
}

/// The learned timeout of one upstream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LearnedTimeout {
    log2: u16,
    votes: u8,
}

impl LearnedTimeout {
    /// Learns the timed-out attempts of a sealed bucket.
    pub(super) fn learn(&mut self, timed_out: TimedOut) {
        if timed_out.shortest == 0 {
            *self = Self::default();
        }
        if timed_out.longest.checked_sub(timed_out.shortest).is_none_or(|spread| spread > TOLERANCE) {
            return;
        }
        if self.log2.abs_diff(timed_out.longest) <= TOLERANCE {
            self.votes = self.votes.saturating_add(timed_out.count);
        } else if self.votes > timed_out.count {
            self.votes -= timed_out.count;
        } else {
            *self = Self { log2: timed_out.longest, votes: timed_out.count };
        }
    }

    /// Returns the timeout, if it has enough votes.
    pub(super) fn known(self) -> Option<Log2> {
        (self.votes >= MIN_VOTES).then_some(Log2(self.log2))
    }
}
