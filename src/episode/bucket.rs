//! Counts of one open bucket of ten seconds.
//!
//! Only whole numbers that add, and bit masks: the order in which a bucket's exchanges arrive changes nothing. With
//! `reorder` two or three buckets are open at once, so a bucket is kept small.
#![allow(clippy::indexing_slicing, reason = "slots are checked against the fixed tables on entry")]

use super::dimensions::{HOSTS, ROUTES};
use super::learned_timeout::TimedOut;
use super::observation::{AttemptObservation, Observation};
use super::residual::{BINS, UNIT, bin};
use super::rules::Rules;
use crate::codec::Codec;
use crate::verdict::{Fate, Signals};

/// Residual from which an attempt counts against its host: 3 sigmas.
const VERY_SLOW: i32 = 3 * UNIT;
/// Unit of the warm-up sums as a shift: they add log2 in 1/16 octave, so that the squares fit.
pub(super) const WARM_UP_SHIFT: u32 = 4;

const NO_MARGIN: u16 = u16::MAX;

/// Returns a bucket's number in 32 bits. Times after the year 2650 come from a broken clock and share one bucket.
pub(super) fn index_of(bucket: u64) -> u32 {
    bucket.min(1 << 31) as u32
}

/// Counts of the exchanges in a range of buckets, for the record of an episode.
#[derive(Clone, Debug)]
pub(crate) struct BucketCounts {
    pub(crate) exchanges: u32,
    pub(crate) aborted: u32,
    pub(crate) near_misses: u32,
    pub(crate) failed: u32,
    pub(crate) first_try: u32,
    pub(crate) attempts: u32,
    /// The smallest margin in basis points; [`NO_MARGIN`] if no limit is known.
    pub(crate) margin_min: u16,
    pub(crate) signals: [u16; Signals::COUNT],
    /// Attempts of each host that failed or were very slow.
    pub(crate) bad_attempts: [u16; HOSTS],
}

impl Default for BucketCounts {
    fn default() -> Self {
        Self {
            exchanges: 0,
            aborted: 0,
            near_misses: 0,
            failed: 0,
            first_try: 0,
            attempts: 0,
            margin_min: NO_MARGIN,
            signals: [0; Signals::COUNT],
            bad_attempts: [0; HOSTS],
        }
    }
}

impl BucketCounts {
    /// Returns the number of exchanges that were not aborted.
    pub(crate) fn judged(&self) -> u32 {
        self.exchanges.saturating_sub(self.aborted)
    }

    /// Returns the smallest margin, if any limit was known.
    pub(crate) fn margin_min(&self) -> Option<u16> {
        Some(self.margin_min).filter(|margin| *margin != NO_MARGIN)
    }

    /// Resets the count of a host slot that was reassigned.
    pub(super) fn forget_host(&mut self, slot: usize) {
        if let Some(bad) = self.bad_attempts.get_mut(slot) {
            *bad = 0;
        }
    }

    /// Encodes and drains everything except the hosts, or decodes and adds.
    fn transfer(&mut self, codec: &mut Codec<'_>) {
        codec.count(&mut self.exchanges);
        codec.count(&mut self.aborted);
        codec.count(&mut self.near_misses);
        codec.count(&mut self.failed);
        codec.count(&mut self.first_try);
        codec.count(&mut self.attempts);
        codec.extreme(&mut self.margin_min, NO_MARGIN, Ord::min);
        codec.counts(&mut self.signals);
    }

    /// Adds the counts of another range of buckets.
    pub(super) fn merge(&mut self, other: &Self) {
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.aborted = self.aborted.saturating_add(other.aborted);
        self.near_misses = self.near_misses.saturating_add(other.near_misses);
        self.failed = self.failed.saturating_add(other.failed);
        self.first_try = self.first_try.saturating_add(other.first_try);
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.margin_min = self.margin_min.min(other.margin_min);
        add_all(&mut self.signals, &other.signals);
        add_all(&mut self.bad_attempts, &other.bad_attempts);
    }
}

fn add_all(to: &mut [u16], from: &[u16]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a = a.saturating_add(*b);
    }
}

/// One bucket of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) index: u32,
    pub(super) counts: BucketCounts,
    pub(super) residuals: [u16; BINS],
    /// Sum of (log2 − mean of the route), in 1/64 octave.
    pub(super) shift: i32,
    pub(super) attempts: [u16; ROUTES],
    pub(super) timed: [u16; ROUTES],
    pub(super) sum: [i32; ROUTES],
    pub(super) squares: [u32; ROUTES],
    /// Seconds in which an attempt failed.
    pub(super) failed_in: [u16; ROUTES],
    pub(super) caught: [u8; ROUTES],
    pub(super) late: [u8; ROUTES],
    pub(super) host_attempts: [u16; HOSTS],
    pub(super) host_failed: [u8; HOSTS],
    pub(super) host_sum: [i32; HOSTS],
    pub(super) timed_out: TimedOut,
}

impl Bucket {
    pub(super) fn new(index: u32) -> Self {
        Self {
            index,
            counts: BucketCounts::default(),
            residuals: [0; BINS],
            shift: 0,
            attempts: [0; ROUTES],
            timed: [0; ROUTES],
            sum: [0; ROUTES],
            squares: [0; ROUTES],
            failed_in: [0; ROUTES],
            caught: [0; ROUTES],
            late: [0; ROUTES],
            host_attempts: [0; HOSTS],
            host_failed: [0; HOSTS],
            host_sum: [0; HOSTS],
            timed_out: TimedOut::NONE,
        }
    }

    /// Counts one exchange; `host` finds the slot of a host.
    pub(super) fn observe(
        &mut self,
        observation: &Observation<'_>,
        rules: &Rules,
        host: impl Fn(&str) -> Option<u8>,
    ) {
        self.count(observation);
        if observation.verdict.is_aborted() {
            return;
        }
        let route = observation.route.map_or(ROUTES - 1, |slot| usize::from(slot).min(ROUTES - 1));
        if observation.is_caught() {
            self.caught[route] = self.caught[route].saturating_add(1);
        }
        if observation.is_short() {
            self.late[route] = self.late[route].saturating_add(1);
        }
        let timeout = rules.timeout(self.index);
        if let Some(attempt) = observation.only_attempt(timeout) {
            let host = attempt.host.and_then(host);
            return self.add_attempt(observation, &attempt, route, host, rules);
        }
        observation.for_each_attempt(timeout, |attempt| {
            let host = attempt.host.and_then(&host);
            self.add_attempt(observation, &attempt, route, host, rules);
        });
    }

    fn add_attempt(
        &mut self,
        observation: &Observation<'_>,
        attempt: &AttemptObservation<'_>,
        route: usize,
        host: Option<u8>,
        rules: &Rules,
    ) {
        let host = host.map(usize::from).filter(|slot| *slot < HOSTS);
        self.attempts[route] = self.attempts[route].saturating_add(1);
        if let Some(slot) = host {
            self.host_attempts[slot] = self.host_attempts[slot].saturating_add(1);
        }
        if attempt.late {
            self.late[route] = self.late[route].saturating_add(1);
        }
        if let Some(log2) = attempt.timed_out {
            self.timed_out.add(log2);
        }
        if attempt.failed {
            self.failed_in[route] |= 1 << observation.second();
            if let Some(slot) = host {
                self.host_failed[slot] = self.host_failed[slot].saturating_add(1);
                self.counts.bad_attempts[slot] = self.counts.bad_attempts[slot].saturating_add(1);
            }
        } else if let Some(log2) = attempt.log2 {
            self.add_duration(route, host, log2.0, rules);
        }
    }

    fn count(&mut self, observation: &Observation<'_>) {
        let counts = &mut self.counts;
        counts.exchanges = counts.exchanges.saturating_add(1);
        counts.attempts = counts.attempts.saturating_add(observation.exchange.attempts.unwrap_or(1));
        match observation.verdict.fate {
            _ if observation.verdict.is_aborted() => counts.aborted = counts.aborted.saturating_add(1),
            Fate::Failed => counts.failed = counts.failed.saturating_add(1),
            fate => counts.near_misses = counts.near_misses.saturating_add(u32::from(fate.is_near_miss())),
        }
        if observation.verdict.is_first_try(observation.exchange) {
            counts.first_try = counts.first_try.saturating_add(1);
        }
        if let Some(margin) = observation.verdict.margin_bp() {
            counts.margin_min = counts.margin_min.min(margin);
        }
        let mut bits = observation.verdict.signals.bits();
        while bits != 0 {
            if let Some(count) = counts.signals.get_mut(bits.trailing_zeros() as usize) {
                *count = count.saturating_add(1);
            }
            bits &= bits - 1;
        }
    }

    fn add_duration(&mut self, route: usize, host: Option<usize>, log2: u16, rules: &Rules) {
        self.timed[route] = self.timed[route].saturating_add(1);
        let Some((offset, residual)) = rules.residual(route, self.index, log2) else {
            let coarse = i32::from(log2 >> WARM_UP_SHIFT);
            self.sum[route] = self.sum[route].saturating_add(coarse);
            self.squares[route] = self.squares[route].saturating_add(coarse.unsigned_abs().pow(2));
            return;
        };
        self.shift = self.shift.saturating_add(offset >> 4);
        let count = &mut self.residuals[bin(residual)];
        *count = count.saturating_add(1);
        let core = residual.clamp(-5 * UNIT / 2, 5 * UNIT / 2);
        self.sum[route] = self.sum[route].saturating_add(core);
        self.squares[route] = self.squares[route].saturating_add((core >> 3).unsigned_abs().pow(2));
        if let Some(slot) = host {
            self.host_sum[slot] = self.host_sum[slot].saturating_add(residual.clamp(-2 * UNIT, 3 * UNIT));
            if residual >= VERY_SLOW {
                self.counts.bad_attempts[slot] = self.counts.bad_attempts[slot].saturating_add(1);
            }
        }
    }

    /// Returns the offset of the mean duration from its routes' means, in octaves; `None` for fewer than three
    /// durations.
    pub(super) fn mean_shift(&self) -> Option<f32> {
        let timed: u32 = self.residuals.iter().map(|count| u32::from(*count)).sum();
        (timed >= 3).then(|| self.shift as f32 / timed as f32 / 64.0)
    }

    /// Encodes and drains all counts, or decodes and adds those of the same bucket elsewhere; `hosts` and `routes` map
    /// the sender's slots to ours.
    pub(super) fn transfer(
        &mut self,
        codec: &mut Codec<'_>,
        hosts: &[Option<u8>; HOSTS],
        routes: &[Option<u8>; ROUTES],
    ) {
        self.counts.transfer(codec);
        codec.counts(&mut self.residuals);
        codec.sum(&mut self.shift);
        self.timed_out.transfer(codec);
        for slot in routes {
            // A route that is not tracked here counts with all others.
            let slot = slot.map_or(ROUTES - 1, |slot| usize::from(slot).min(ROUTES - 1));
            codec.count(&mut self.attempts[slot]);
            codec.count(&mut self.timed[slot]);
            codec.sum(&mut self.sum[slot]);
            codec.count(&mut self.squares[slot]);
            codec.bits(&mut self.failed_in[slot]);
            codec.count(&mut self.caught[slot]);
            codec.count(&mut self.late[slot]);
        }
        let mut discarded = (0, 0, 0, 0);
        for slot in hosts {
            match slot.map(usize::from).filter(|slot| *slot < HOSTS) {
                Some(slot) => {
                    codec.count(&mut self.host_attempts[slot]);
                    codec.count(&mut self.host_failed[slot]);
                    codec.sum(&mut self.host_sum[slot]);
                    codec.count(&mut self.counts.bad_attempts[slot]);
                }
                None => {
                    codec.count::<u16>(&mut discarded.0);
                    codec.count::<u8>(&mut discarded.1);
                    codec.sum(&mut discarded.2);
                    codec.count::<u16>(&mut discarded.3);
                }
            }
        }
    }

    /// Resets the counts of a route slot that was reassigned.
    pub(super) fn forget_route(&mut self, slot: usize) {
        if slot < ROUTES {
            self.attempts[slot] = 0;
            self.timed[slot] = 0;
            self.sum[slot] = 0;
            self.squares[slot] = 0;
            self.failed_in[slot] = 0;
            self.caught[slot] = 0;
            self.late[slot] = 0;
        }
    }

    /// Resets the counts of a host slot that was reassigned.
    pub(super) fn forget_host(&mut self, slot: usize) {
        if slot < HOSTS {
            self.host_attempts[slot] = 0;
            self.host_failed[slot] = 0;
            self.host_sum[slot] = 0;
            self.counts.bad_attempts[slot] = 0;
        }
    }
}
