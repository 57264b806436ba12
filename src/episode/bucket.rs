//! Counts of one open bucket of ten seconds.
//!
//! Only whole numbers that add, and bit masks: the order in which a bucket's exchanges arrive changes nothing. With
//! `reorder` two or three buckets are open at once, so a bucket is kept small.

use super::dimensions::{HOSTS, PerRoute};
use super::learned_timeout::TimedOut;
use super::observation::{AttemptHost, AttemptObservation, Observation};
use super::residual::{BINS, UNIT, bin};
use super::rules::Rules;
use crate::codec::{Absorb, Decoder, Drain, Encoder, counts};
use crate::histogram::Log2;
use crate::upstream::{BucketHost, BucketHosts, HostPlace, SlotMap};
use crate::verdict::{Fate, Signals, Verdict};

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
    /// Attempts of each host that failed or were very slow; zeros while the bucket is open.
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

    /// Returns the number of exchanges with signal `slow`.
    pub(super) fn slow(&self) -> u32 {
        let slow = self.signals.get(Signals::SLOW.index());
        slow.copied().unwrap_or_default().into()
    }

    fn add_margin(&mut self, verdict: &Verdict) {
        if let Some(margin) = verdict.margin_bp() {
            self.margin_min = self.margin_min.min(margin);
        }
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

/// One bucket of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) index: u32,
    pub(super) counts: BucketCounts,
    pub(super) residuals: [u16; BINS],
    /// Sum of (log2 − mean of the route), in 1/64 octave.
    pub(super) shift: i32,
    pub(super) routes: PerRoute<RouteCounts>,
    pub(super) hosts: [BucketHost; HOSTS],
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
            hosts: [BucketHost::default(); HOSTS],
            timed_out: TimedOut::NONE,
        }
    }

    /// Counts one exchange.
    pub(super) fn observe(
        &mut self,
        observation: &Observation<'_>,
        rules: &Rules,
        mut hosts: BucketHosts<'_>,
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
        if let Some(attempt) = observation.only_attempt() {
            return self.add_attempt(observation, &attempt, rules, &mut hosts);
        }
        observation.for_each_attempt(|attempt| {
            self.add_attempt(observation, &attempt, rules, &mut hosts);
        });
    }

    /// Counts a plain exchange whose verdict is clean, as [`observe`](Self::observe) does.
    #[inline]
    pub(super) fn observe_plain(
        &mut self,
        observation: &Observation<'_>,
        rules: &Rules,
        mut hosts: BucketHosts<'_>,
    ) {
        let counts = &mut self.counts;
        counts.exchanges = counts.exchanges.saturating_add(1);
        counts.attempts = counts.attempts.saturating_add(1);
        counts.first_try = counts.first_try.saturating_add(1);
        counts.add_margin(observation.verdict);
        let (took, log2) = observation.plain_attempt();
        let late = took.is_some_and(|took| observation.is_late(took));
        let route = self.routes.get_mut(observation.route);
        route.attempts = route.attempts.saturating_add(1);
        route.late = route.late.saturating_add(late.into());
        let residual = log2.and_then(|log2| self.add_duration(observation.route, log2.0, rules));
        self.add_host(observation.host, attempt_at_host(false, residual), &mut hosts);
    }

    fn add_attempt(
        &mut self,
        observation: &Observation<'_>,
        attempt: &AttemptObservation<'_>,
        rules: &Rules,
        hosts: &mut BucketHosts<'_>,
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
        let log2 = attempt.log2.filter(|_| !attempt.failed);
        let residual = log2.and_then(|log2| self.add_duration(observation.route, log2.0, rules));
        let place = match attempt.host {
            AttemptHost::At(place) => place,
            AttemptHost::Named(name) => hosts.place(name),
        };
        self.add_host(place, attempt_at_host(attempt.failed, residual), hosts);
    }

    fn add_host(&mut self, place: Option<HostPlace>, counts: BucketHost, hosts: &mut BucketHosts<'_>) {
        match place {
            Some(HostPlace::Slot(slot)) => self.add_to_slot(slot, counts),
            Some(HostPlace::Candidate(hash)) => hosts.add(hash, counts),
            None => {}
        }
    }

    /// Adds counts of a tracked host.
    pub(super) fn add_to_slot(&mut self, slot: u8, counts: BucketHost) {
        if let Some(host) = self.hosts.get_mut(usize::from(slot)) {
            host.add(counts);
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
        counts.add_margin(observation.verdict);
        let mut bits = observation.verdict.signals.bits();
        while bits != 0 {
            if let Some(count) = counts.signals.get_mut(bits.trailing_zeros() as usize) {
                *count = count.saturating_add(1);
            }
            bits &= bits - 1;
        }
    }

    /// Adds the duration of an attempt. Returns its residual; `None` while its route has no rule.
    fn add_duration(&mut self, slot: Option<u8>, log2: u16, rules: &Rules) -> Option<i32> {
        let route = self.routes.get_mut(slot);
        route.timed = route.timed.saturating_add(1);
        if let Some((learned, _)) = rules.timeout(self.index) {
            self.timed_out.compare(Log2(log2), learned);
        }
        let Some((offset, residual)) = rules.residual(slot, self.index, log2) else {
            let coarse = i32::from(log2 >> WARM_UP_SHIFT);
            route.sum = route.sum.saturating_add(coarse);
            route.squares = route.squares.saturating_add(coarse.unsigned_abs().pow(2));
            return None;
        };
        let core = residual.clamp(-5 * UNIT / 2, 5 * UNIT / 2);
        route.sum = route.sum.saturating_add(core);
        route.squares = route.squares.saturating_add((core >> 3).unsigned_abs().pow(2));
        self.shift = self.shift.saturating_add(offset >> 4);
        if let Some(count) = self.residuals.get_mut(bin(residual)) {
            *count = count.saturating_add(1);
        }
        Some(residual)
    }

    /// Returns the number of durations that have a residual.
    pub(super) fn timed(&self) -> u32 {
        self.residuals.iter().map(|count| u32::from(*count)).sum()
    }

    /// Returns the counts for the record of an episode, with those of the hosts.
    pub(super) fn all_counts(&self) -> BucketCounts {
        BucketCounts { bad_attempts: self.hosts.map(|host| host.bad), ..self.counts.clone() }
    }

    /// Decodes the counts of the same bucket elsewhere and adds them; `slots` maps the sender's slots to ours. A route that
    /// is not tracked here counts with all others. Without `hosts`, the counts of hosts are discarded.
    pub(super) fn absorb(
        &mut self,
        from: &mut Decoder<'_>,
        slots: &SlotMap,
        mut hosts: Option<BucketHosts<'_>>,
    ) {
        self.counts.absorb(from);
        self.residuals.absorb(from);
        self.shift.absorb(from);
        self.timed_out.absorb(from);
        for slot in &slots.routes {
            self.routes.get_mut(*slot).absorb(from);
        }
        for place in slots.hosts {
            let mut counts = BucketHost::default();
            counts.absorb(from);
            if let Some(hosts) = &mut hosts {
                self.add_host(place, counts, hosts);
            }
        }
    }

    /// Resets the counts of a route slot that was reassigned.
    pub(super) fn forget_route(&mut self, slot: usize) {
        self.routes.forget(slot);
    }

    /// Resets the counts of a host slot that was reassigned.
    pub(super) fn forget_host(&mut self, slot: usize) {
        if let Some(host) = self.hosts.get_mut(slot) {
            *host = BucketHost::default();
        }
    }
}

/// Returns the counts of one attempt for its host.
fn attempt_at_host(failed: bool, residual: Option<i32>) -> BucketHost {
    BucketHost {
        attempts: 1,
        failed: failed.into(),
        bad: (failed || residual.is_some_and(|residual| residual >= VERY_SLOW)).into(),
        sum: residual.map_or(0, |residual| residual.clamp(-2 * UNIT, 3 * UNIT)),
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
        hosts.iter_mut().for_each(|host| host.drain(to));
    }
}
