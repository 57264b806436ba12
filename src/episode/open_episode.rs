//! An episode while it lasts, and its name.
//!
//! It lives on evidence, and the longer the quiet, the more evidence it takes to belong to it: so noise does not keep it
//! open, and a blip that comes back does. The name is asked for when it opens and again when it closes: the first guess and
//! the final word.

use super::bucket::BucketCounts;
use super::detector::{Cause, Evidence};
use super::{HOSTS, ROUTES};
use crate::units::Used;
use alloc::vec::Vec;

/// The kind of an episode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pattern {
    /// A short run that healed.
    Burst,
    /// A run that stays.
    Sustained,
    /// The same blip again and again.
    Recurring,
    /// The tail grows slowly.
    Creeping,
    /// One host carries it, or one route.
    Concentrated,
    /// Several upstreams at once.
    Correlated,
    /// Attempts per exchange rise with it.
    Storm,
    /// A whole day differs from the reference.
    Deviant,
}

impl Pattern {
    /// The name in records and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Sustained => "sustained",
            Self::Recurring => "recurring",
            Self::Creeping => "creeping",
            Self::Concentrated => "concentrated",
            Self::Correlated => "correlated",
            Self::Storm => "storm",
            Self::Deviant => "deviant",
        }
    }
}

/// Quiet buckets with traffic after which an episode is over: ten minutes.
const QUIET: u16 = 60;
/// Buckets of silence after which it is over.
const SILENT: u32 = 180;
/// The least that must have gone wrong before a route is blamed, and the share of it in basis points that the route must have:
/// where half of the attempts are, chance gives that once in eight hundred episodes.
const ROUTE_TROUBLES: u64 = 20;
const ROUTE_SHARE: u16 = 8_500;
/// Attempts per hundred exchanges that make a storm.
const STORM: u32 = 150;

/// What is kept of an open episode.
#[derive(Clone, Debug)]
pub(crate) struct OpenEpisode {
    pub(crate) start: u32,
    pub(crate) detected: u32,
    /// The last bucket with evidence.
    pub(crate) last: u32,
    pub(crate) cause: Cause,
    /// From the start to the last bucket with evidence, and since then.
    pub(crate) counts: BucketCounts,
    since: BucketCounts,
    /// Other upstreams that show the same.
    pub(crate) related: Vec<u32>,
    /// Buckets from one blip to the next, if there is a periodicity; 0 if not.
    pub(crate) interval: u32,
    /// The most attempts per hundred exchanges over three buckets.
    pub(crate) amplification: u32,
    /// The bucket in which it became an outage, or 0.
    pub(crate) escalated: u32,
    /// The nats of that periodicity.
    periodicity: f32,
    /// Quiet buckets with traffic since the last evidence.
    quiet: u16,
    /// Buckets with evidence, and runs of them.
    buckets: u16,
    runs: u16,
    /// How often each host stood out.
    votes: [u8; HOSTS],
    /// What went wrong on each route in buckets with evidence, and its attempts in them.
    routes: [(u16, u16); ROUTES],
    /// Attempts and exchanges of the last three buckets.
    window: [(u32, u32); 3],
    /// The bucket from which attempts rose, or 0.
    amplified: u32,
    /// Slowness before it became an outage: nats, and nats times their age.
    slow: f32,
    slow_age: f32,
    /// Slowness had been adding up for long before something else raised the alarm.
    drifted: bool,
}

impl OpenEpisode {
    pub(super) fn new(
        (start, counts): (u32, BucketCounts),
        now: u32,
        cause: Cause,
        evidence: &Evidence,
    ) -> Self {
        let mut open = Self {
            start,
            detected: now,
            last: now,
            cause,
            counts,
            since: BucketCounts::default(),
            related: Vec::new(),
            interval: 0,
            amplification: 0,
            escalated: 0,
            periodicity: 0.0,
            quiet: 0,
            buckets: 0,
            runs: 1,
            votes: [0; HOSTS],
            routes: [(0, 0); ROUTES],
            window: [(0, 0); 3],
            amplified: 0,
            slow: 0.0,
            slow_age: 0.0,
            drifted: evidence.drifted,
        };
        open.weigh(now, evidence);
        open
    }

    /// The nats that a bucket must weigh to belong to this episode.
    pub(super) fn needed(&self) -> f32 {
        4.0 + f32::from(self.quiet) / 8.0
    }

    /// One more bucket with traffic.
    pub(super) fn follow(&mut self, now: u32, evidence: &Evidence) {
        self.since.merge(&evidence.counts);
        self.weigh(now, evidence);
    }

    fn weigh(&mut self, now: u32, evidence: &Evidence) {
        let counted = [Cause::Errors, Cause::Caught, Cause::Late, Cause::Tail];
        let nats = |cause: Cause| evidence.nats.get(cause as usize).copied().unwrap_or(0.0);
        if evidence.is_alive || counted.into_iter().any(|cause| nats(cause) > self.needed()) {
            self.runs = self.runs.saturating_add(u16::from(self.quiet > 3));
            self.counts.merge(&core::mem::take(&mut self.since));
            self.last = now;
            self.quiet = 0;
            self.buckets = self.buckets.saturating_add(1);
            self.blame_routes(&evidence.routes);
        } else {
            self.quiet = self.quiet.saturating_add(1);
        }
        if self.escalated == 0 {
            let slow = nats(Cause::Tail).max(0.0) + nats(Cause::Level).max(0.0);
            self.slow += slow;
            self.slow_age += slow * now.saturating_sub(self.start) as f32;
        }
        if evidence.is_outage && self.escalated == 0 {
            self.escalated = now;
        }
        if let Some(culprit) = evidence.culprit.filter(|culprit| culprit.stands_out() && culprit.is_rising)
            && let Some(votes) = self.votes.get_mut(usize::from(culprit.slot))
        {
            *votes = votes.saturating_add(1);
        }
        if let Some(periodicity) =
            evidence.periodicity.filter(|periodicity| periodicity.nats >= self.periodicity)
        {
            self.interval = periodicity.interval;
            self.periodicity = periodicity.nats;
        }
        self.amplify(now, evidence);
    }

    /// Adds what went wrong on each route; only the shares matter, so all are halved before one is too large.
    fn blame_routes(&mut self, here: &[(u16, u16); ROUTES]) {
        let is_large = self.routes.iter().any(|(troubles, attempts)| *troubles.max(attempts) > u16::MAX / 2);
        for (all, here) in self.routes.iter_mut().zip(here) {
            let (troubles, attempts) = if is_large { (all.0 / 2, all.1 / 2) } else { *all };
            *all = (troubles.saturating_add(here.0), attempts.saturating_add(here.1));
        }
    }

    fn amplify(&mut self, now: u32, evidence: &Evidence) {
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

    /// Whether it is over.
    pub(super) fn is_over(&self, now: u32) -> bool {
        self.quiet >= QUIET || self.is_silent(now)
    }

    /// Whether nothing was seen of it for so long that what comes now is something else.
    pub(super) fn is_silent(&self, now: u32) -> bool {
        now >= self.last.saturating_add(SILENT)
    }

    /// Nothing but timing, over at once, and hardly anyone noticed: overdispersed traffic rather than an episode.
    pub(super) fn is_false_alarm(&self) -> bool {
        let is_timing = matches!(self.cause, Cause::Tail | Cause::Level | Cause::Pool);
        is_timing && self.buckets <= 3 && self.counts.near.saturating_mul(50) < self.counts.exchanges
    }

    /// A slot goes to another host.
    pub(super) fn forget_host(&mut self, slot: usize) {
        self.counts.forget_host(slot);
        self.since.forget_host(slot);
        if let Some(votes) = self.votes.get_mut(slot) {
            *votes = 0;
        }
    }

    /// The host that carries it: named against its siblings again and again, with far more than its share.
    pub(crate) fn host(&self) -> Option<u8> {
        let votes: u32 = self.votes.iter().map(|votes| u32::from(*votes)).sum();
        let bad: u32 = self.counts.bad.iter().map(|bad| u32::from(*bad)).sum();
        let hosts = self.counts.bad.iter().filter(|bad| **bad > 0).count() as u32;
        let (slot, most) = self.votes.iter().enumerate().max_by_key(|(_, votes)| **votes)?;
        let most = u32::from(*most);
        let share = u32::from(self.counts.bad.get(slot).copied()?);
        let is_sure = most >= 5 && most * 10 >= votes * 8;
        let is_likely = most >= 2 && most * 10 >= votes * 6;
        (is_sure || is_likely && share * hosts * 2 >= bad * 3).then_some(slot as u8)
    }

    /// A slot goes to another route.
    pub(super) fn forget_route(&mut self, slot: usize) {
        if let Some(route) = self.routes.get_mut(slot) {
            *route = (0, 0);
        }
    }

    /// The route that carries it, with its share of what went wrong in basis points: nearly all of it, on no more than half
    /// of the attempts.
    pub(crate) fn route(&self) -> Option<(u8, u16)> {
        let sum =
            |of: fn(&(u16, u16)) -> u16| self.routes.iter().map(|route| u64::from(of(route))).sum::<u64>();
        let (troubles, attempts) = (sum(|route| route.0), sum(|route| route.1));
        // The last stands for all that have no slot.
        let [told @ .., _] = &self.routes;
        let (slot, route) = told.iter().enumerate().max_by_key(|(_, route)| route.0)?;
        let share = Used::of(route.0.into(), troubles).filter(|_| troubles >= ROUTE_TROUBLES)?.basis_points();
        let is_minor = u64::from(route.1) * 2 <= attempts;
        (is_minor && share >= ROUTE_SHARE).then_some((slot as u8, share))
    }

    /// The name it deserves by what is known now: the strongest that fits.
    pub(crate) fn pattern(&self) -> Pattern {
        self.patterns().into_iter().flatten().next().unwrap_or(Pattern::Burst)
    }

    /// All that fit, strongest first.
    pub(crate) fn patterns(&self) -> [Option<Pattern>; 7] {
        let length = (self.last + 1).saturating_sub(self.start);
        let evidence = u32::from(self.buckets);
        let is_storm = self.amplified != 0 && self.amplified <= self.start + 8;
        let is_one_host = self.host().is_some() || self.cause == Cause::Host && length < 12;
        let is_slow = matches!(self.cause, Cause::Tail | Cause::Level | Cause::Host);
        let grows = self.slow_age >= 0.45 * length as f32 * self.slow;
        let creeps = length >= 30 && (is_slow && grows || self.drifted);
        let is_sparse = evidence * 5 < length * 2;
        let has_rhythm = self.cause == Cause::Periodicity || self.interval > 0 && evidence * 6 < length;
        let comes_back = self.runs >= 3 && is_sparse || self.runs >= 2 && self.escalated > self.start + 12;
        let stays = evidence >= 12 || self.cause == Cause::Late && length >= 12;
        let has_own_rhythm = self.cause == Cause::Periodicity;
        [
            (!self.related.is_empty()).then_some(Pattern::Correlated),
            has_own_rhythm.then_some(Pattern::Recurring),
            is_storm.then_some(Pattern::Storm),
            (is_one_host || self.route().is_some()).then_some(Pattern::Concentrated),
            (has_rhythm && !has_own_rhythm || comes_back && !creeps).then_some(Pattern::Recurring),
            creeps.then_some(Pattern::Creeping),
            stays.then_some(Pattern::Sustained),
        ]
    }
}
