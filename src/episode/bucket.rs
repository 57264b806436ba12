//! Counts of one open bucket of ten seconds.
//!
//! Only whole numbers that add, and bit masks: the order in which a bucket's exchanges arrive changes nothing. With
//! `reorder` two or three buckets are open at once, so a bucket is kept small.

use super::dimensions::{HOSTS, PerRoute, ROUTES};
use super::learned_timeout::TimedOut;
use super::observation::{AttemptObservation, Observation};
use super::residual::{BINS, UNIT, bin};
use super::rules::Rules;
use crate::codec::{Absorb, Decoder, Drain, Encoder, counts};
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
    /// Exchanges outside of the shares: aborted and rejected ones.
    pub(crate) left_out: u32,
    pub(crate) near_misses: u32,
    /// Failures, abandoned exchanges included.
    pub(crate) failed: u32,
    pub(crate) first_try: u32,
    pub(crate) attempts: u32,
    pub(crate) abandoned: u16,
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
            left_out: 0,
            near_misses: 0,
            failed: 0,
            first_try: 0,
            attempts: 0,
            abandoned: 0,
            margin_min: NO_MARGIN,
            signals: [0; Signals::COUNT],
            bad_attempts: [0; HOSTS],
        }
    }
}

counts! {
    BucketCounts {
        exchanges, left_out, near_misses, failed, first_try, attempts, abandoned, margin_min: Min, signals
    } not { bad_attempts }
}

impl BucketCounts {
    /// Returns the number of exchanges that were neither aborted nor rejected.
    pub(crate) fn judged(&self) -> u32 {
        self.exchanges.saturating_sub(self.left_out)
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

    /// Adds the counts of another range of buckets.
    pub(super) fn merge(&mut self, other: &Self) {
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.left_out = self.left_out.saturating_add(other.left_out);
        self.near_misses = self.near_misses.saturating_add(other.near_misses);
        self.failed = self.failed.saturating_add(other.failed);
        self.first_try = self.first_try.saturating_add(other.first_try);
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.abandoned = self.abandoned.saturating_add(other.abandoned);
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

/// Counts of one route in a bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RouteCounts {
    pub(super) attempts: u16,
    pub(super) timed: u16,
    pub(super) sum: i32,
    pub(super) squares: u32,
    /// Seconds in which an attempt failed.
    pub(super) failed_in: u16,
    pub(super) caught: u8,
    pub(super) late: u8,
}

counts! { RouteCounts { attempts, timed, sum, squares, failed_in: Bits, caught, late } }

/// Counts of one host in a bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HostCounts {
    pub(super) attempts: u16,
    pub(super) failed: u8,
    pub(super) sum: i32,
}

counts! { HostCounts { attempts, failed, sum } }

/// One bucket of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) index: u32,
    pub(super) counts: BucketCounts,
    pub(super) residuals: [u16; BINS],
    /// Sum of (log2 − mean of the route), in 1/64 octave.
    pub(super) shift: i32,
    pub(super) routes: PerRoute<RouteCounts>,
    pub(super) hosts: [HostCounts; HOSTS],
    pub(super) timed_out: TimedOut,
}

impl Bucket {
    pub(super) fn new(index: u32) -> Self {
        Self {
            index,
            counts: BucketCounts::default(),
            residuals: [0; BINS],
            shift: 0,
            routes: PerRoute::default(),
            hosts: [HostCounts::default(); HOSTS],
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
        if !observation.verdict.is_judged() {
            return;
        }
        let route = self.routes.get_mut(observation.route);
        if observation.is_caught() {
            route.caught = route.caught.saturating_add(1);
        }
        if observation.is_short() {
            route.late = route.late.saturating_add(1);
        }
        let timeout = rules.timeout(self.index);
        if let Some(attempt) = observation.only_attempt(timeout) {
            let host = attempt.host.and_then(host);
            return self.add_attempt(observation, &attempt, host, rules);
        }
        observation.for_each_attempt(timeout, |attempt| {
            let host = attempt.host.and_then(&host);
            self.add_attempt(observation, &attempt, host, rules);
        });
    }

    fn add_attempt(
        &mut self,
        observation: &Observation<'_>,
        attempt: &AttemptObservation<'_>,
        host: Option<u8>,
        rules: &Rules,
    ) {
        let route = self.routes.get_mut(observation.route);
        route.attempts = route.attempts.saturating_add(1);
        if attempt.late {
            route.late = route.late.saturating_add(1);
        }
        if attempt.failed {
            route.failed_in |= 1 << observation.second();
        }
        if let Some(log2) = attempt.timed_out {
            self.timed_out.add(log2);
        }
        let slot = host.map(usize::from);
        if let Some(host) = slot.and_then(|slot| self.hosts.get_mut(slot)) {
            host.attempts = host.attempts.saturating_add(1);
            host.failed = host.failed.saturating_add(attempt.failed.into());
        }
        let log2 = attempt.log2.filter(|_| !attempt.failed);
        let is_very_slow = log2.is_some_and(|log2| self.add_duration(observation.route, slot, log2.0, rules));
        if (attempt.failed || is_very_slow)
            && let Some(bad) = slot.and_then(|slot| self.counts.bad_attempts.get_mut(slot))
        {
            *bad = bad.saturating_add(1);
        }
    }

    fn count(&mut self, observation: &Observation<'_>) {
        let counts = &mut self.counts;
        counts.exchanges = counts.exchanges.saturating_add(1);
        counts.attempts = counts.attempts.saturating_add(observation.exchange.attempts.unwrap_or(1));
        match observation.verdict.fate {
            _ if !observation.verdict.is_judged() => counts.left_out = counts.left_out.saturating_add(1),
            Fate::Failed => counts.failed = counts.failed.saturating_add(1),
            Fate::Abandoned => {
                counts.failed = counts.failed.saturating_add(1);
                counts.abandoned = counts.abandoned.saturating_add(1);
            }
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

    /// Adds the duration of an attempt. Returns true if it counts against the host.
    fn add_duration(&mut self, slot: Option<u8>, host: Option<usize>, log2: u16, rules: &Rules) -> bool {
        let route = self.routes.get_mut(slot);
        route.timed = route.timed.saturating_add(1);
        let Some((offset, residual)) = rules.residual(slot, self.index, log2) else {
            let coarse = i32::from(log2 >> WARM_UP_SHIFT);
            route.sum = route.sum.saturating_add(coarse);
            route.squares = route.squares.saturating_add(coarse.unsigned_abs().pow(2));
            return false;
        };
        let core = residual.clamp(-5 * UNIT / 2, 5 * UNIT / 2);
        route.sum = route.sum.saturating_add(core);
        route.squares = route.squares.saturating_add((core >> 3).unsigned_abs().pow(2));
        self.shift = self.shift.saturating_add(offset >> 4);
        if let Some(count) = self.residuals.get_mut(bin(residual)) {
            *count = count.saturating_add(1);
        }
        if let Some(host) = host.and_then(|slot| self.hosts.get_mut(slot)) {
            host.sum = host.sum.saturating_add(residual.clamp(-2 * UNIT, 3 * UNIT));
        }
        residual >= VERY_SLOW
    }

    /// Returns the number of durations that have a residual.
    pub(super) fn timed(&self) -> u32 {
        self.residuals.iter().map(|count| u32::from(*count)).sum()
    }

    /// Decodes the counts of the same bucket elsewhere and adds them; `hosts` and `routes` map the sender's slots to
    /// ours. A route that is not tracked here counts with all others.
    pub(super) fn absorb(
        &mut self,
        from: &mut Decoder<'_>,
        hosts: &[Option<u8>; HOSTS],
        routes: &[Option<u8>; ROUTES],
    ) {
        self.counts.absorb(from);
        self.residuals.absorb(from);
        self.shift.absorb(from);
        self.timed_out.absorb(from);
        for slot in routes {
            self.routes.get_mut(*slot).absorb(from);
        }
        for slot in hosts.map(|slot| slot.map(usize::from)) {
            let (mut no_host, mut no_bad) = (HostCounts::default(), 0);
            slot.and_then(|slot| self.hosts.get_mut(slot)).unwrap_or(&mut no_host).absorb(from);
            let bad = slot.and_then(|slot| self.counts.bad_attempts.get_mut(slot));
            bad.unwrap_or(&mut no_bad).absorb(from);
        }
    }

    /// Resets the counts of a route slot that was reassigned.
    pub(super) fn forget_route(&mut self, slot: usize) {
        self.routes.forget(slot);
    }

    /// Resets the counts of a host slot that was reassigned.
    pub(super) fn forget_host(&mut self, slot: usize) {
        if let Some(host) = self.hosts.get_mut(slot) {
            *host = HostCounts::default();
        }
        self.counts.forget_host(slot);
    }
}

impl Drain for Bucket {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        let Self { index: _, counts, residuals, shift, routes, hosts, timed_out } = self;
        counts.drain(to);
        residuals.drain(to);
        shift.drain(to);
        timed_out.drain(to);
        routes.iter_mut().for_each(|route| route.drain(to));
        for (host, bad) in hosts.iter_mut().zip(&mut counts.bad_attempts) {
            host.drain(to);
            bad.drain(to);
        }
    }
}
