//! One upstream: every detector on its own past, and the episode that is open.
//!
//! A sealed bucket is weighed by all of them. What stands out adds up in a bank of thirteen sums; a sum over its bar raises an
//! alarm. While any sum is high, or an alarm is fresh, nothing is learned, so an anomaly does not become its own yardstick;
//! after half an hour it does: what stays is the new usual.

use super::blips::{Blips, Kind, Periodicity};
use super::bucket::{Bucket, BucketCounts};
use super::cross_upstream::Weak;
use super::cusum::Cusum;
use super::habits::Habits;
use super::hosts::{Culprit, Hosts};
use super::level::Level;
use super::observation::Observation;
use super::open_episode::OpenEpisode;
use super::rates::{RateEvidence, Rates};
use super::routes::{self, Routes};
use super::tail::{OVERDISPERSED, Shapes, Tail, TailEvidence};
use super::{HOSTS, ROUTES};
use crate::codec::Codec;
use crate::units::Micros;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// What raised an alarm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// Attempts failed.
    Errors,
    /// Safety nets other than retries caught exchanges.
    Caught,
    /// Answers came near a limit.
    Late,
    /// The tail grew.
    Tail,
    /// Everything was slower.
    Level,
    /// One host stood out.
    Host,
    /// The same blip came again.
    Periodicity,
    /// Weak signs on several upstreams at once.
    Pool,
}

impl Cause {
    pub(super) const COUNT: usize = 8;
}

/// How many sums there are: errors, caught, late, tail.
const SUMS: usize = 4 + 2 + 2 + 5;
/// What each sum gathers, and the nats that raise an alarm. One nat is worth a factor of two to three in false alarms. For
/// what is counted, a single event is capped below a third of its bar, so four are the least that can raise one.
const BANK: [(Cause, f32); SUMS] = [
    (Cause::Errors, 13.0),
    (Cause::Errors, 13.0),
    (Cause::Errors, 13.0),
    (Cause::Errors, 13.0),
    (Cause::Caught, 12.5),
    (Cause::Caught, 12.5),
    (Cause::Late, 11.5),
    (Cause::Late, 11.5),
    (Cause::Tail, 18.0),
    (Cause::Tail, 18.0),
    (Cause::Tail, 18.0),
    (Cause::Tail, 18.0),
    (Cause::Tail, 18.0),
];
/// Nats of a host against its siblings.
const HOST_BAR: f32 = 14.0;
/// Nats of a periodicity.
const PERIODICITY_BAR: f32 = 11.0;
/// Robust z of one bucket, and of two in a row; and the least shift that matters, in nats: a factor of 1.35.
const LEVEL_BAR: f32 = 8.0;
const LEVEL_AGAIN: f32 = 3.5;
const LEVEL_SHIFT: f32 = 0.3;
/// From here a sum freezes what is learned.
const GATE: f32 = 8.0;
/// Below this share of its bar the excursion of a sum has not begun.
const RISE: f32 = 0.3;
/// Buckets with traffic before anything is said.
const WARM: u16 = 30;
/// Buckets that what is learned stays frozen after the last reason for it, and at most.
const HOLD: u8 = 12;
const FROZEN: u16 = 180;
/// What a false alarm adds to the bars of what is only timing, how many count, and what is kept of them per bucket: half
/// after eight hours.
const FALSE_ALARM_PENALTY: f32 = 0.25;
const MAX_FALSE_ALARM_PENALTY: f32 = 4.0;
const FALSE_ALARM_PENALTY_DECAY: f32 = 0.999_76;
/// Nats of slowness, and buckets since they began to add up, that make a creep of what another sum then reports.
const CREEP: f32 = 5.0;
const CREEP_FOR: u32 = 18;

/// Everything the engine remembers of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    buckets: Vec<Bucket>,
    routes: Routes,
    tail: Tail,
    rates: Rates,
    hosts: Hosts,
    level: Level,
    blips: Blips,
    weak: Weak,
    sums: [Cusum; SUMS],
    /// The counts since some sum last rose, and the first bucket of that.
    rising: BucketCounts,
    rising_from: u32,
    /// The highest sum after the last bucket, in nats and as a share of its bar.
    high: f32,
    risen: f32,
    /// Buckets with traffic.
    active: u16,
    frozen: u16,
    hold: u8,
    /// False alarms of the last hours: each raises the bars of what is only timing.
    false_alarm_penalty: f32,
    /// The last bucket lay well above its level.
    raised: bool,
    pub(crate) habits: Habits,
    /// The bucket of the last alarm of its own.
    pub(super) alarmed: u32,
    /// Until this bucket another upstream's episode speaks for it.
    pub(super) spoken_for: u32,
    pub(super) open: Option<Box<OpenEpisode>>,
}

/// What a sealed bucket says.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    pub(super) counts: BucketCounts,
    pub(super) alarm: Option<Cause>,
    /// How far the alarm lies over its bar.
    over: f32,
    /// Nats by cause.
    pub(super) nats: [f32; Cause::COUNT],
    /// Something crossed the bar that keeps an open episode alive.
    pub(super) is_alive: bool,
    pub(super) culprit: Option<Culprit>,
    /// What went wrong on each route, and its attempts.
    pub(super) routes: [(u16, u16); ROUTES],
    pub(super) periodicity: Option<Periodicity>,
    /// The evidence for pooling.
    pub(super) weak: f32,
    /// Slowness had been adding up for minutes before this bucket.
    pub(super) drifted: bool,
    /// Far more failed than usual.
    pub(super) is_outage: bool,
}

impl Evidence {
    fn raise(&mut self, cause: Cause, over: f32) {
        if self.alarm.is_none() || over > self.over {
            self.alarm = Some(cause);
            self.over = over;
        }
        self.is_alive = true;
    }

    fn weigh(&mut self, cause: Cause, nats: f32) {
        if let Some(most) = self.nats.get_mut(cause as usize) {
            *most = most.max(nats);
        }
    }
}

impl Detector {
    /// Remembers nothing yet; at most `open_buckets` buckets are open at once.
    pub(crate) fn new(open_buckets: usize) -> Self {
        Self {
            buckets: Vec::with_capacity(open_buckets),
            routes: Routes::new(),
            tail: Tail::new(),
            rates: Rates::new(),
            hosts: Hosts::new(),
            level: Level::new(),
            blips: Blips::new(),
            weak: Weak::new(),
            sums: [Cusum::default(); SUMS],
            rising: BucketCounts::default(),
            rising_from: 0,
            high: 0.0,
            risen: 0.0,
            active: 0,
            frozen: 0,
            hold: 0,
            raised: false,
            false_alarm_penalty: 0.0,
            habits: Habits::default(),
            alarmed: 0,
            spoken_for: 0,
            open: None,
        }
    }

    /// BucketCounts one exchange that completed in `bucket`; `host` finds the slot of a host.
    pub(crate) fn note(
        &mut self,
        bucket: u64,
        observation: &Observation<'_>,
        host: impl Fn(&str) -> Option<u8>,
    ) {
        let index = super::index_of(bucket);
        let known = self.buckets.iter().position(|open| open.index == index);
        let place = known.unwrap_or_else(|| {
            self.buckets.push(Bucket::new(index));
            self.buckets.len() - 1
        });
        if let Some(open) = self.buckets.get_mut(place) {
            open.note(observation, &self.routes, host);
        }
    }

    /// Passes on what `bucket` has counted, or takes in what another counted of it; `hosts` and `routes` find our slots of
    /// the other's. What came too late is read and let go.
    pub(crate) fn pass(
        &mut self,
        bucket: u64,
        codec: &mut Codec<'_>,
        hosts: &[Option<u8>; HOSTS],
        routes: &[Option<u8>; ROUTES],
        is_late: bool,
    ) {
        let index = super::index_of(bucket);
        let place = self.buckets.iter().position(|open| open.index == index);
        let is_there = codec.number(place.is_some().into()) > 0;
        if !is_there {
            return;
        }
        let mut counted = place.map_or_else(|| Bucket::new(index), |place| self.buckets.swap_remove(place));
        counted.pass(codec, hosts, routes);
        if !codec.is_out() && !is_late {
            self.buckets.push(counted);
        }
    }

    /// Lets go of all that was counted and not weighed.
    pub(crate) fn let_go(&mut self) {
        self.buckets.clear();
    }

    /// What is usual, as the open buckets are measured by it: to be told elsewhere, or as it was told.
    pub(crate) fn tell(&mut self, codec: &mut Codec<'_>) {
        self.routes.tell(codec);
        self.habits.tell(codec);
    }

    /// A slot goes to another route.
    pub(crate) fn forget_route(&mut self, slot: u8) {
        self.routes.forget(slot.into());
        self.buckets.iter_mut().for_each(|open| open.forget_route(slot.into()));
        if let Some(open) = &mut self.open {
            open.forget_route(slot.into());
        }
    }

    /// A slot goes to another host.
    pub(crate) fn forget_host(&mut self, slot: u8) {
        self.hosts.forget(slot.into());
        self.buckets.iter_mut().for_each(|open| open.forget_host(slot.into()));
        self.rising.forget_host(slot.into());
        if let Some(open) = &mut self.open {
            open.forget_host(slot.into());
        }
    }

    /// Takes out the open episode; the next one begins later.
    pub(crate) fn close(&mut self, now: u32) -> Option<Box<OpenEpisode>> {
        self.rising = BucketCounts::default();
        self.rising_from = now.saturating_add(1);
        let open = self.open.take()?;
        if open.is_false_alarm() {
            self.false_alarm_penalty = (self.false_alarm_penalty + 1.0).min(MAX_FALSE_ALARM_PENALTY);
        }
        Some(open)
    }

    /// Weighs a bucket of which nothing more can come; `None` if nothing came at all.
    pub(super) fn weigh(&mut self, index: u32, lag: u32, shapes: &Shapes) -> Option<Evidence> {
        let place = self.buckets.iter().position(|open| open.index == index)?;
        let bucket = self.buckets.swap_remove(place);
        self.active = self.active.saturating_add(1);
        let is_gated = self.high > GATE || self.hold > 0;
        self.frozen = if is_gated { self.frozen.saturating_add(1) } else { 0 };
        let frozen = is_gated && self.frozen <= FROZEN;

        let tail = self.tail.weigh(&bucket.residuals, shapes, frozen);
        let rates = self.rates.weigh(&bucket, &mut self.routes, frozen);
        let mut evidence = Evidence { is_outage: rates.is_outage, ..Evidence::default() };
        let before = self.risen;
        evidence.drifted = before >= RISE && self.slowness() > CREEP && index >= self.rising_from + CREEP_FOR;
        let (mut high, mut risen) = self.add_up(&mut evidence, &tail, &rates);
        let host = self.weigh_hosts(&mut evidence, &bucket, &rates, frozen);
        high = high.max(host * GATE);
        risen = risen.max(host);
        self.weigh_level(&mut evidence, &bucket);
        self.weigh_rhythm(&mut evidence, index, &tail, &rates, frozen);
        let level = self.routes.level(&bucket);
        evidence.routes = self.routes.troubles(&bucket);
        evidence.weak = self.weak.weigh(index, level, tail.slow(), rates.least(), frozen)
            / (1.0 + FALSE_ALARM_PENALTY * self.false_alarm_penalty);
        if self.active < WARM {
            evidence.alarm = None;
            evidence.weak = 0.0;
        }

        if before < RISE {
            self.rising = bucket.counts.clone();
            self.rising_from = index;
        } else {
            self.rising.merge(&bucket.counts);
        }
        self.high = high;
        self.risen = risen;
        self.false_alarm_penalty *= FALSE_ALARM_PENALTY_DECAY;
        self.hold = if high > GATE || evidence.alarm.is_some() { HOLD } else { self.hold.saturating_sub(1) };
        self.routes.learn(&bucket, frozen);
        self.routes.publish(index, lag);
        self.habits.count(index, &bucket.counts, level.map(|level| level.log2));
        evidence.counts = bucket.counts;
        Some(evidence)
    }

    /// The timeout that was learned, if any.
    pub(crate) fn learned_timeout(&self) -> Option<Micros> {
        let log2 = f32::from(self.routes.timeout(u32::MAX)?.0) / 256.0;
        Some(Micros::new(libm::roundf(libm::exp2f(log2)) as u64))
    }

    /// The counts since the excursion began that led to an alarm, and its first bucket.
    pub(super) fn rising(&self) -> (u32, BucketCounts) {
        (self.rising_from, self.rising.clone())
    }

    /// The highest sum of the tail.
    fn slowness(&self) -> f32 {
        let tail = self.sums.iter().zip(BANK).filter(|(_, (cause, _))| *cause == Cause::Tail);
        tail.fold(0.0, |most, (sum, _)| most.max(sum.nats()))
    }

    /// Adds a bucket to the bank and returns the highest sum, in nats and as a share of its bar.
    fn add_up(&mut self, evidence: &mut Evidence, tail: &TailEvidence, rates: &RateEvidence) -> (f32, f32) {
        // While an episode is open, less is enough to keep it so.
        let alive = self.open.as_ref().map_or(f32::MAX, |open| open.needed() + 2.0);
        let nats = rates.errors.iter().chain(&rates.caught).chain(&rates.late).chain(tail.alarms());
        let false_alarm_penalty = 1.0 + FALSE_ALARM_PENALTY * self.false_alarm_penalty;
        let (mut high, mut risen) = (0.0_f32, 0.0_f32);
        for ((sum, (cause, bar)), nats) in self.sums.iter_mut().zip(BANK).zip(nats) {
            if cause == Cause::Tail && tail.dispersion > OVERDISPERSED {
                sum.reset();
                continue;
            }
            let bar = if cause == Cause::Tail { bar * false_alarm_penalty } else { bar };
            let level = sum.add(*nats);
            high = high.max(level);
            risen = risen.max(level / bar);
            evidence.weigh(cause, *nats);
            if level > bar {
                evidence.raise(cause, level / bar);
            }
            if level > bar.min(alive) {
                evidence.is_alive = true;
                sum.reset();
            }
        }
        (high, risen)
    }

    /// Weighs the hosts; returns how high the worst stands, as a share of its bar.
    fn weigh_hosts(
        &mut self,
        evidence: &mut Evidence,
        bucket: &Bucket,
        rates: &RateEvidence,
        frozen: bool,
    ) -> f32 {
        evidence.culprit = self.hosts.weigh(bucket, rates.usual_errors, frozen);
        let Some(culprit) = evidence.culprit else { return 0.0 };
        if culprit.stands_out() {
            evidence.is_alive = true;
            evidence.weigh(Cause::Host, culprit.nats);
        }
        if culprit.nats > HOST_BAR {
            if evidence.alarm.is_none() {
                evidence.raise(Cause::Host, culprit.nats / HOST_BAR);
            }
            self.hosts.reset();
        }
        culprit.nats / HOST_BAR
    }

    fn weigh_level(&mut self, evidence: &mut Evidence, bucket: &Bucket) {
        let Some(mean) = bucket.mean_shift() else { return };
        let height = self.level.weigh(mean * routes::NATS);
        let is_shifted = height.shift > LEVEL_SHIFT;
        let false_alarm_penalty = 1.0 + FALSE_ALARM_PENALTY * self.false_alarm_penalty;
        if is_shifted
            && (height.z > LEVEL_BAR * false_alarm_penalty
                || self.raised && height.z > LEVEL_AGAIN * false_alarm_penalty)
        {
            if evidence.alarm.is_none() {
                evidence.raise(Cause::Level, height.z / LEVEL_BAR);
            }
            evidence.is_alive = true;
            evidence.weigh(Cause::Level, height.z);
        }
        self.raised = is_shifted && height.z > LEVEL_AGAIN;
    }

    fn weigh_rhythm(
        &mut self,
        evidence: &mut Evidence,
        index: u32,
        tail: &TailEvidence,
        rates: &RateEvidence,
        frozen: bool,
    ) {
        let errors = self.blips.weigh(index, Kind::Errors, rates.blip, frozen);
        let durations = if tail.dispersion > OVERDISPERSED {
            None
        } else {
            self.blips.weigh(index, Kind::Durations, tail.blip(), frozen)
        };
        evidence.periodicity = errors.or(durations).filter(|periodicity| periodicity.nats > PERIODICITY_BAR);
        if let Some(periodicity) = evidence.periodicity {
            if evidence.alarm.is_none() {
                evidence.raise(Cause::Periodicity, periodicity.nats / PERIODICITY_BAR);
            }
            evidence.is_alive = true;
            evidence.weigh(Cause::Periodicity, periodicity.nats);
        }
    }
}
