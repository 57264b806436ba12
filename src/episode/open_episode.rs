//! An open episode, and its pattern.
//!
//! Evidence keeps an episode open, and the longer the quiet, the more evidence it takes: noise does not keep an episode
//! open, and a blip that comes back does. The pattern is determined when the episode opens and again when it closes:
//! the first guess and the final classification.

use super::bucket::BucketCounts;
use super::dimensions::{HOSTS, ROUTES};
use super::evidence::{Cause, Evidence};
use super::excursion::Excursion;
use super::pattern::Pattern;
#[cfg(test)]
use super::residual;
use super::shift::{DurationBaseline, Durations};
use crate::units::Used;
use alloc::vec::Vec;

/// Buckets without evidence after which an episode is over: ten minutes.
const QUIET: u32 = 60;
/// Quiet buckets with traffic that this takes.
const QUIET_BUCKETS: u16 = 6;
/// Beats that a recurring cause must miss before it is over.
const MISSED_BEATS: u32 = 3;
/// Buckets without evidence after which a slowdown can be another fault: two minutes.
const PAUSE: u32 = 12;
/// Share of the largest shift so far that another fault has at least, in logarithms.
const AS_LARGE: f32 = 0.7;
/// Buckets since the last evidence after which an episode is over, even without traffic.
const EXPIRES_AFTER: u32 = 180;
/// The smallest total impact with which a route is blamed.
const MIN_IMPACT: u64 = 20;
/// Share of the impact, in basis points, with which a route is blamed. For a route with half of the attempts, chance
/// gives that once in eight hundred episodes.
const ROUTE_SHARE: u16 = 8_500;
/// Buckets up to which a host that raised the alarm is blamed without further evidence: two minutes.
const SHORT: u32 = 12;
/// Attempts per hundred exchanges that make a storm.
const STORM: u32 = 150;
/// Shortest interval of peaks, in buckets, that chance does not explain: visits and their tolerance cover a sixth of it.
const SURE_INTERVAL: u32 = 18;
/// Runs whose intervals show that they are regular.
const REGULAR_RUNS: u16 = 4;

/// State of an open episode.
#[derive(Clone, Debug)]
pub(crate) struct OpenEpisode {
    pub(crate) start: u32,
    pub(crate) detected: u32,
    /// The last bucket with evidence.
    pub(crate) last: u32,
    pub(crate) cause: Cause,
    /// Counts from the start to the last bucket with evidence.
    pub(crate) counts: BucketCounts,
    /// Counts since then.
    counts_since: BucketCounts,
    /// Durations in buckets with evidence.
    durations: Durations,
    /// Durations before the episode.
    baseline: DurationBaseline,
    /// The largest shift of all durations in a bucket, in nats.
    largest_shift: f32,
    /// True if several upstreams have one cause.
    pub(crate) is_correlated: bool,
    /// Upstreams with an episode at the same time.
    pub(crate) related: Vec<u32>,
    /// Period in buckets; 0 without a periodicity.
    interval: u32,
    /// Visits of the periodicity before the episode began.
    earlier: u16,
    /// Maximum attempts per hundred exchanges over three buckets.
    pub(crate) amplification: u32,
    /// The bucket in which the episode became an outage, or 0.
    pub(crate) escalated: u32,
    /// Nats of the periodicity.
    periodicity: f32,
    /// Quiet buckets with traffic since the last evidence.
    quiet: u16,
    /// Buckets with evidence.
    buckets: u16,
    /// Runs of buckets with evidence.
    runs: u16,
    /// First bucket of the last run.
    run_start: u32,
    /// Shortest and longest time between the starts of two runs, in buckets.
    shortest: u32,
    longest: u32,
    /// Minutes in which each host was a significant outlier.
    votes: [u8; HOSTS],
    /// Impact on each route in buckets with evidence, and its attempts in them.
    routes: [(u16, u16); ROUTES],
    /// Attempts and exchanges of the last three buckets.
    window: [(u32, u32); 3],
    /// The bucket in which the ratio of attempts first reached [`STORM`], or 0.
    amplified: u32,
    /// Slowness before the episode became an outage, in nats.
    slow: f32,
    /// Closeness to limits in the same time, in nats.
    late: f32,
    /// Sum of the same nats times their age in buckets.
    slow_age: f32,
    /// True if slowness had been adding up long before another cause raised the alarm.
    drifted: bool,
}

impl OpenEpisode {
    pub(super) fn new(excursion: Excursion, now: u32, cause: Cause, evidence: &Evidence) -> Self {
        let mut open = Self {
            start: excursion.start,
            detected: now,
            last: now,
            cause,
            counts: excursion.counts,
            counts_since: BucketCounts::default(),
            durations: excursion.durations,
            baseline: excursion.baseline,
            largest_shift: 0.0,
            is_correlated: false,
            related: Vec::new(),
            interval: 0,
            earlier: 0,
            amplification: 0,
            escalated: 0,
            periodicity: 0.0,
            quiet: 0,
            buckets: 0,
            runs: 1,
            run_start: 0,
            shortest: 0,
            longest: 0,
            votes: [0; HOSTS],
            routes: [(0, 0); ROUTES],
            window: [(0, 0); 3],
            amplified: 0,
            slow: 0.0,
            late: 0.0,
            slow_age: 0.0,
            drifted: evidence.drifted,
        };
        open.apply(now, evidence);
        open.run_start = open.start;
        open
    }

    /// Returns the nats that a bucket needs to belong to this episode.
    pub(super) fn needed_nats(&self, now: u32) -> f32 {
        4.0 + now.saturating_sub(self.last + 1) as f32 / 8.0
    }

    /// Adds a bucket with traffic.
    pub(super) fn add(&mut self, now: u32, evidence: &Evidence) {
        self.counts_since.merge(&evidence.counts);
        if self.apply(now, evidence) {
            self.durations.add(&evidence.residuals);
        }
    }

    /// Applies a bucket. Returns true if it has evidence.
    fn apply(&mut self, now: u32, evidence: &Evidence) -> bool {
        let counted = [Cause::Errors, Cause::Caught, Cause::Late, Cause::Tail];
        let nats = |cause: Cause| evidence.nats.get(cause as usize).copied().unwrap_or(0.0);
        let needed = self.needed_nats(now);
        let has_evidence = evidence.is_alive || counted.into_iter().any(|cause| nats(cause) > needed);
        if has_evidence {
            if now > self.last + 4 {
                self.begin_run(now);
            }
            self.largest_shift = self.largest_shift.max(evidence.shift);
            self.counts.merge(&core::mem::take(&mut self.counts_since));
            self.last = now;
            self.quiet = 0;
            self.buckets = self.buckets.saturating_add(1);
            self.add_impact(&evidence.routes);
        } else {
            self.quiet = self.quiet.saturating_add(1);
        }
        if self.escalated == 0 {
            let slow = nats(Cause::Tail).max(0.0) + nats(Cause::LocationShift).max(0.0);
            self.slow += slow;
            self.late += nats(Cause::Late).max(0.0);
            self.slow_age += slow * now.saturating_sub(self.start) as f32;
        }
        if evidence.is_outage && self.escalated == 0 {
            self.escalated = now;
        }
        if let Some(outlier) =
            evidence.outlier.filter(|outlier| outlier.is_significant() && outlier.is_rising)
            && let Some(votes) = self.votes.get_mut(usize::from(outlier.slot))
        {
            *votes = votes.saturating_add(1);
        }
        if let Some(periodicity) =
            evidence.periodicity.filter(|periodicity| periodicity.nats >= self.periodicity)
        {
            self.interval = periodicity.interval;
            if now == self.detected {
                self.earlier = periodicity.visits.saturating_sub(1);
            }
            self.periodicity = periodicity.nats;
        }
        self.track_amplification(now, evidence);
        has_evidence
    }

    fn begin_run(&mut self, now: u32) {
        let interval = now.saturating_sub(self.run_start);
        self.shortest = if self.runs == 1 { interval } else { self.shortest.min(interval) };
        self.longest = self.longest.max(interval);
        self.runs = self.runs.saturating_add(1);
        self.run_start = now;
    }

    /// Adds the impact on each route. Only the shares matter, so all are halved before one overflows.
    fn add_impact(&mut self, here: &[(u16, u16); ROUTES]) {
        let is_large = self.routes.iter().any(|(impact, attempts)| *impact.max(attempts) > u16::MAX / 2);
        for (all, here) in self.routes.iter_mut().zip(here) {
            let (impact, attempts) = if is_large { (all.0 / 2, all.1 / 2) } else { *all };
            *all = (impact.saturating_add(here.0), attempts.saturating_add(here.1));
        }
    }

    fn track_amplification(&mut self, now: u32, evidence: &Evidence) {
        self.window.rotate_left(1);
        if let Some(newest) = self.window.last_mut() {
            *newest = (evidence.counts.attempts, evidence.counts.exchanges);
        }
        let (attempts, exchanges) = self.window.iter().fold((0, 0), |(a, e), w| (a + w.0, e + w.1));
        if exchanges < 5 {
            return;
        }
        let ratio = attempts.saturating_mul(100) / exchanges;
        self.amplification = self.amplification.max(ratio);
        if ratio >= STORM && self.amplified == 0 {
            self.amplified = now;
        }
    }

    /// Returns true if the episode is over.
    pub(super) fn is_over(&self, now: u32) -> bool {
        let patience = QUIET.max(self.missed_beats());
        now >= self.last.saturating_add(patience) && self.quiet >= QUIET_BUCKETS || self.is_expired(now)
    }

    /// Returns true if the evidence of a bucket is another fault: after a pause, a slowdown about as large as this episode
    /// has ever had, or larger.
    pub(super) fn is_another_fault(&self, now: u32, evidence: &Evidence) -> bool {
        let has_paused = now > self.last + PAUSE && self.interval().is_none();
        let is_slow = evidence.alarm == Some(Cause::LocationShift);
        has_paused && is_slow && evidence.shift >= AS_LARGE * self.largest_shift
    }

    /// Returns the buckets after which a recurring cause has missed its beats; 0 without an interval.
    fn missed_beats(&self) -> u32 {
        self.interval().map_or(0, |interval| MISSED_BEATS * interval + 2)
    }

    /// Returns the interval at which the cause recurs, in buckets: that of its periodicity, or that of its own runs. The many
    /// peaks of a fault that lasts always fit a short period, so that counts only if it raised the alarm.
    pub(crate) fn interval(&self) -> Option<u32> {
        let is_regular = self.runs >= REGULAR_RUNS && self.longest <= self.shortest + self.shortest / 4 + 2;
        let mean = self.run_start.saturating_sub(self.start) / u32::from(self.runs - 1).max(1);
        let least = if self.cause == Cause::Periodicity { 1 } else { SURE_INTERVAL };
        if self.interval >= least { Some(self.interval) } else { is_regular.then_some(mean) }
    }

    /// Returns the number of times that the cause was seen.
    pub(crate) fn count(&self) -> u32 {
        u32::from(self.runs) + u32::from(self.earlier)
    }

    /// Returns the shift of the durations from those before the episode, in basis points.
    pub(crate) fn shift_bp(&self) -> Option<u32> {
        self.durations.shift(&self.baseline).map(|shift| shift.basis_points())
    }

    /// Returns true if the last evidence is so old that new evidence belongs to another episode.
    pub(super) fn is_expired(&self, now: u32) -> bool {
        now >= self.last.saturating_add(EXPIRES_AFTER.max(self.missed_beats()))
    }

    /// Returns true if the episode was overdispersed traffic: only timing, over at once, and with few near misses.
    pub(super) fn is_false_alarm(&self) -> bool {
        self.cause.is_timing()
            && self.buckets <= 3
            && self.counts.near_misses.saturating_mul(50) < self.counts.exchanges
    }

    /// Resets the counts of a host slot that was reassigned.
    pub(super) fn forget_host(&mut self, slot: usize) {
        self.counts.forget_host(slot);
        self.counts_since.forget_host(slot);
        if let Some(votes) = self.votes.get_mut(slot) {
            *votes = 0;
        }
    }

    /// Returns the host to blame: an outlier again and again, or in a short episode once, with more bad attempts than the
    /// other hosts that have some.
    pub(crate) fn host(&self) -> Option<u8> {
        let votes: u32 = self.votes.iter().map(|votes| u32::from(*votes)).sum();
        let (slot, most) = self.votes.iter().enumerate().max_by_key(|(_, votes)| **votes)?;
        let most = u32::from(*most);
        let is_sure = most >= 5 && most * 10 >= votes * 8 && self.has_more(slot, 140);
        let is_likely = most >= 2 && most * 10 >= votes * 6 && self.has_more(slot, 170);
        let is_short =
            self.cause == Cause::Host && self.length() < SHORT && most >= 1 && self.has_more(slot, 140);
        (is_sure || is_likely || is_short).then_some(slot as u8)
    }

    /// Returns true if a host has this percentage of the bad attempts of another host with some: the mean over the bad
    /// attempts elsewhere, so that hosts with next to none do not lower it.
    fn has_more(&self, slot: usize, percent: u64) -> bool {
        let bad = self.counts.bad_attempts.map(u64::from);
        let own = bad.get(slot).copied().unwrap_or_default();
        let others = || bad.iter().enumerate().filter(|(other, _)| *other != slot).map(|(_, bad)| *bad);
        let squares: u64 = others().map(|bad| bad * bad).sum();
        own * others().sum::<u64>() * 100 >= squares * percent
    }

    /// Resets the impact of a route slot that was reassigned.
    pub(super) fn forget_route(&mut self, slot: usize) {
        if let Some(route) = self.routes.get_mut(slot) {
            *route = (0, 0);
        }
    }

    /// Returns the route to blame, with its share of the impact in basis points: nearly all of it, on no more than half
    /// of the attempts.
    pub(crate) fn route(&self) -> Option<(u8, u16)> {
        let sum =
            |of: fn(&(u16, u16)) -> u16| self.routes.iter().map(|route| u64::from(of(route))).sum::<u64>();
        let (impact, attempts) = (sum(|route| route.0), sum(|route| route.1));
        // The last entry stands for all routes that are not tracked.
        let [tracked @ .., _] = &self.routes;
        let (slot, route) = tracked.iter().enumerate().max_by_key(|(_, route)| route.0)?;
        let share = Used::of(route.0.into(), impact).filter(|_| impact >= MIN_IMPACT)?.basis_points();
        let is_minor = u64::from(route.1) * 2 <= attempts;
        (is_minor && share >= ROUTE_SHARE).then_some((slot as u8, share))
    }

    /// Returns the buckets from its first to its last evidence.
    fn length(&self) -> u32 {
        (self.last + 1).saturating_sub(self.start)
    }

    /// Returns the strongest pattern that fits the evidence so far.
    pub(crate) fn pattern(&self) -> Pattern {
        self.patterns().into_iter().flatten().next().unwrap_or(Pattern::Burst)
    }

    /// Returns all patterns that fit, strongest first.
    pub(crate) fn patterns(&self) -> [Option<Pattern>; Pattern::COUNT] {
        let length = self.length();
        let evidence = u32::from(self.buckets);
        // In an outage most exchanges fail, and their retries are no storm.
        let is_outage = self.counts.failed.saturating_mul(2) > self.counts.judged();
        let is_storm = self.amplified != 0 && self.amplified <= self.start + 8 && !is_outage;
        // Slowness that has reached its limit from the start does not grow: the limit cuts it off.
        let is_cut_off = self.late > self.slow / 2.0;
        let is_slow = !is_cut_off && matches!(self.cause, Cause::Tail | Cause::LocationShift | Cause::Host);
        let grows = self.slow_age >= 0.45 * length as f32 * self.slow;
        let creeps = length >= 30 && (is_slow && grows || self.drifted);
        let is_sparse = evidence * 5 < length * 2;
        let recurs = self.cause == Cause::Periodicity || self.interval().is_some() && is_sparse && !creeps;
        let lasts = evidence >= 12 && !is_sparse || self.cause == Cause::Late && length >= 12;
        let fits = |pattern| match pattern {
            Pattern::Correlated => self.is_correlated,
            Pattern::Recurring => recurs,
            Pattern::Storm => is_storm,
            Pattern::Concentrated => self.host().is_some() || self.route().is_some(),
            Pattern::Creeping => creeps,
            Pattern::Sustained => lasts,
            // A day that deviates is no open episode, and a burst is what fits no other pattern.
            Pattern::Deviant | Pattern::Burst => false,
        };
        let mut patterns = Pattern::ALL.map(|pattern| fits(pattern).then_some(pattern));
        // A recurrence that did not raise the alarm says less than the storm or the host that recurs.
        let weak = Pattern::Recurring as usize..=Pattern::Concentrated as usize;
        if self.cause != Cause::Periodicity
            && let Some(weak) = patterns.get_mut(weak)
        {
            weak.rotate_left(1);
        }
        patterns
    }
}

#[cfg(test)]
impl OpenEpisode {
    /// Returns an episode of three buckets that begins at `start`.
    pub(crate) fn example(start: u32, cause: Cause, counts: BucketCounts) -> Self {
        let excursion = Excursion { start, counts, ..Excursion::default() };
        let nothing = Evidence::new(BucketCounts::default(), [0; residual::BINS]);
        Self { last: start + 2, ..Self::new(excursion, start + 2, cause, &nothing) }
    }

    /// Makes it recur `runs` times at an interval in buckets.
    pub(crate) fn recurring(self, runs: u16, interval: u32) -> Self {
        Self { runs, interval, ..self }
    }

    /// Makes its attempts multiply, in hundredths of an attempt per exchange.
    pub(crate) fn amplified(self, amplification: u32) -> Self {
        Self { amplification, amplified: self.start, ..self }
    }

    /// Makes an outage of it after some buckets.
    pub(crate) fn escalating_after(self, buckets: u32) -> Self {
        Self { escalated: self.start + buckets, ..self }
    }

    /// Makes its durations four times those before.
    pub(crate) fn slow(mut self) -> Self {
        let (mut before, mut now) = ([0.0; residual::BINS], [0; residual::BINS]);
        (before[residual::bin(0)], now[residual::bin(2 * residual::UNIT)]) = (100.0, 100);
        self.baseline = DurationBaseline::new(&before, 1.0);
        self.durations.add(&now);
        self
    }

    /// Makes it grow over five minutes.
    pub(crate) fn creeping(self) -> Self {
        Self { last: self.start + 30, slow: 1.0, slow_age: 20.0, buckets: 30, ..self }
    }

    /// Puts all of its impact on the first route.
    pub(crate) fn on_the_first_route(mut self) -> Self {
        self.routes[0] = (40, 1);
        self.routes[1] = (0, 40);
        self
    }
}
