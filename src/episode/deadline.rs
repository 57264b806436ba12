//! A timeout that nobody gives, learned from the spike of attempts that ended on it.
//!
//! Attempts that time out all take the same time; nothing else that fails does. Where the durations of a bucket's timed-out
//! attempts lie within 3 % of each other, their longest votes for itself; a value with five votes more than others holds.
//! It is published once a minute, like the rules of routes, and counts as known only for what is late: verdicts are judged by
//! limits that were told.

use super::bucket::Bucket;
use crate::codec::Codec;
use crate::histogram::Log2;

/// 3 % in 1/256 octave.
const SAME: u16 = 11;
const ENOUGH: u8 = 5;

/// The durations of a bucket's timed-out attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimedOut {
    count: u8,
    shortest: u16,
    longest: u16,
}

impl TimedOut {
    pub(super) const NONE: Self = Self { count: 0, shortest: u16::MAX, longest: 0 };

    pub(super) fn note(&mut self, log2: Log2) {
        self.count = self.count.saturating_add(1);
        self.shortest = self.shortest.min(log2.0);
        self.longest = self.longest.max(log2.0);
    }

    /// Passes them on, or takes others in.
    pub(super) fn pass(&mut self, codec: &mut Codec<'_>) {
        codec.count(&mut self.count);
        codec.extreme(&mut self.shortest, u16::MAX, Ord::min);
        codec.extreme(&mut self.longest, 0, Ord::max);
    }
}

/// What is learned of one upstream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deadline {
    log2: u16,
    votes: u8,
}

impl Deadline {
    /// Learns a sealed bucket.
    pub(super) fn learn(&mut self, bucket: &Bucket) {
        let seen = bucket.timed_out;
        if seen.count == 0 || seen.longest - seen.shortest > SAME {
            return;
        }
        if self.log2.abs_diff(seen.longest) <= SAME {
            self.votes = self.votes.saturating_add(seen.count);
        } else if self.votes > seen.count {
            self.votes -= seen.count;
        } else {
            *self = Self { log2: seen.longest, votes: seen.count };
        }
    }

    /// The timeout, if enough agree.
    pub(super) fn known(self) -> Option<Log2> {
        (self.votes >= ENOUGH).then_some(Log2(self.log2))
    }
}
