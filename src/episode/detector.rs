//! The detector of one upstream: every method applied to this upstream's own past, and the open episode.
//!
//! A sealed bucket is evaluated by all methods. Counts and the tail add up in a [`Bank`] of sums; a sum over its
//! threshold raises an alarm. While any sum is high, or an alarm is recent, learning is frozen, so an anomaly does not
//! become its own baseline. After half an hour learning resumes: a change that persists is the new baseline.

use super::bank::Bank;
use super::bucket::{Bucket, index_of};
use super::budget::BudgetBurn;
use super::cross_upstream::CrossUpstream;
use super::evidence::{Cause, Evidence};
use super::excursion::Excursion;
use super::hosts::HostComparison;
use super::location_shift::LocationShift;
use super::observation::Observation;
use super::open_episode::OpenEpisode;
use super::periodicity::{BlipKind, PeriodicityDetector};
use super::rates::{RateEvidence, Rates};
use super::reference::DailyComparison;
use super::routes::{BucketMean, RouteModels};
use super::shift::DurationBaseline;
use super::tail::{OVERDISPERSED, Shapes, TailDetector, TailEvidence};
use crate::codec::{Decoder, Drain, Encode, Encoder};
use crate::units::Micros;
use crate::upstream::{BucketHosts, SettledHosts, SlotMap};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Nats of a host against the others.
const HOST_THRESHOLD: f32 = 14.0;
/// Nats of a periodicity.
const PERIODICITY_THRESHOLD: f32 = 11.0;
/// Robust z of a location shift that raises an alarm in one bucket.
const SHIFT_THRESHOLD: f32 = 8.0;
/// Robust z of a location shift that raises an alarm in two consecutive buckets.
const SHIFT_THRESHOLD_TWICE: f32 = 4.0;
/// Durations of a location shift that raises an alarm in one bucket. Fewer may be one client, or one large response.
const SHIFT_DURATIONS: u32 = 20;
/// The smallest location shift that matters, in nats: a factor of 1.35.
const MIN_SHIFT: f32 = 0.3;
/// Sum in nats from which learning is frozen.
const FREEZE_THRESHOLD: f32 = 8.0;
/// Multiple of its threshold from which a sum is on an excursion.
const EXCURSION: f32 = 0.3;
/// Buckets with traffic before the first alarm.
const WARM_UP: u16 = 30;
/// Buckets for which learning stays frozen after the last reason for it.
const HOLD: u8 = 12;
/// Buckets after which learning resumes in any case.
const MAX_FROZEN: u16 = 180;
/// Share by which each recent false alarm raises the thresholds of methods that use only timing.
const FALSE_ALARM_PENALTY: f32 = 0.25;
/// False alarms that count at most.
const MAX_FALSE_ALARM_PENALTY: f32 = 4.0;
/// Decay of the penalty per bucket: one half after eight hours.
const FALSE_ALARM_PENALTY_DECAY: f32 = 0.999_76;
/// Nats of the tail that make an alarm of another cause a drift.
const DRIFT: f32 = 5.0;
/// Buckets since the excursion began that make it a drift.
const DRIFT_BUCKETS: u32 = 18;

/// Everything the engine keeps about one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    buckets: Vec<Bucket>,
    routes: RouteModels,
    tail: TailDetector,
    rates: Rates,
    hosts: HostComparison,
    location_shift: LocationShift,
    periodicity: PeriodicityDetector,
    cross_upstream: CrossUpstream,
    bank: Bank,
    excursion: Excursion,
    /// The highest sum after the last bucket, in nats.
    highest: f32,
    /// The highest sum after the last bucket, as a multiple of its threshold.
    highest_ratio: f32,
    /// Buckets with traffic.
    active: u16,
    /// Consecutive buckets in which there was a reason to freeze learning.
    frozen: u16,
    /// Buckets for which learning stays frozen without a new reason.
    hold: u8,
    /// Recent false alarms, decaying: each raises the thresholds of methods that use only timing.
    false_alarm_penalty: f32,
    /// True if the last bucket was far above the location of the buckets before it.
    was_shifted: bool,
    pub(crate) budget: BudgetBurn,
    pub(crate) reference: DailyComparison,
    /// Bucket of the last alarm on this upstream.
    pub(super) last_alarm: u32,
    /// Bucket until which the episode of a related upstream covers this one.
    pub(super) covered_until: u32,
    pub(super) open: Option<Box<OpenEpisode>>,
    /// Bucket and cause of an alarm that waits for a larger shift of another upstream.
    pub(super) waiting: Option<(u32, Cause)>,
}

impl Detector {
    /// Creates a detector without a past, for at most `open_buckets` open buckets.
    pub(crate) fn new(open_buckets: usize) -> Self {
        Self {
            buckets: Vec::with_capacity(open_buckets),
            routes: RouteModels::default(),
            tail: TailDetector::new(),
            rates: Rates::new(),
            hosts: HostComparison::new(),
            location_shift: LocationShift::new(),
            periodicity: PeriodicityDetector::new(),
            cross_upstream: CrossUpstream::new(),
            bank: Bank::new(),
            excursion: Excursion::default(),
            highest: 0.0,
            highest_ratio: 0.0,
            active: 0,
            frozen: 0,
            hold: 0,
            was_shifted: false,
            false_alarm_penalty: 0.0,
            budget: BudgetBurn::default(),
            reference: DailyComparison::default(),
            last_alarm: 0,
            covered_until: 0,
            open: None,
            waiting: None,
        }
    }

    /// Counts one exchange that completed in `bucket`, whose hosts are `hosts`.
    pub(crate) fn observe(&mut self, bucket: u64, observation: &Observation<'_>, hosts: BucketHosts<'_>) {
        let position = self.bucket_position(index_of(bucket));
        if let Some(open) = self.buckets.get_mut(position) {
            open.observe(observation, self.routes.rules(), hosts);
        }
    }

    /// Counts a plain exchange whose verdict is clean, as [`observe`](Self::observe) does.
    #[inline]
    pub(crate) fn observe_plain(
        &mut self,
        bucket: u64,
        observation: &Observation<'_>,
        hosts: BucketHosts<'_>,
    ) {
        let position = self.bucket_position(index_of(bucket));
        if let Some(open) = self.buckets.get_mut(position) {
            open.observe_plain(observation, self.routes.rules(), hosts);
        }
    }

    /// Encodes and drains the counts of `bucket`.
    pub(crate) fn drain(&mut self, bucket: u64, to: &mut Encoder<'_>) {
        let index = index_of(bucket);
        let position = self.buckets.iter().position(|open| open.index == index);
        position.is_some().encode(to);
        if let Some(position) = position {
            self.buckets.swap_remove(position).drain(to);
        }
    }

    /// Decodes the counts of `bucket` in another process and adds them; `slots` maps the sender's slots to ours. Without
    /// `hosts` the bucket is late, and is read and discarded.
    pub(crate) fn absorb(
        &mut self,
        bucket: u64,
        from: &mut Decoder<'_>,
        slots: &SlotMap,
        hosts: Option<BucketHosts<'_>>,
    ) {
        if !from.get::<bool>() {
            return;
        }
        let index = index_of(bucket);
        if hosts.is_none() {
            return Bucket::new(index).absorb(from, slots, None);
        }
        let position = self.bucket_position(index);
        if let Some(open) = self.buckets.get_mut(position) {
            open.absorb(from, slots, hosts);
        }
    }

    /// Applies the slots of hosts that the seal of a bucket assigned, before the bucket is evaluated.
    pub(crate) fn settle_hosts(&mut self, bucket: u64, settled: &SettledHosts) {
        if let Some(slot) = settled.replaced {
            self.forget_host(slot);
        }
        let index = index_of(bucket);
        if let Some(open) = self.buckets.iter_mut().find(|open| open.index == index) {
            settled.arrived.iter().for_each(|(slot, counts)| open.add_to_slot(*slot, *counts));
        }
    }

    /// Returns the position of an open bucket, and opens it if necessary.
    fn bucket_position(&mut self, index: u32) -> usize {
        self.buckets.iter().position(|open| open.index == index).unwrap_or_else(|| {
            self.buckets.push(Bucket::new(index));
            self.buckets.len() - 1
        })
    }

    /// Returns true if an episode is open.
    pub(crate) fn has_open_episode(&self) -> bool {
        self.open.is_some()
    }

    /// Discards all open buckets.
    pub(crate) fn discard_delta(&mut self) {
        self.buckets.clear();
    }

    /// Encodes the reference and the published rules by which open buckets are scored.
    pub(crate) fn encode_baselines(&self, to: &mut Encoder<'_>) {
        self.routes.encode_rules(to);
        self.reference.encode_reference(to);
    }

    /// Decodes the reference and the published rules, and applies them.
    pub(crate) fn decode_baselines(&mut self, from: &mut Decoder<'_>) {
        self.routes.decode_rules(from);
        self.reference.decode_reference(from);
    }

    /// Resets the state of a route slot that was reassigned.
    pub(crate) fn forget_route(&mut self, slot: u8) {
        self.routes.forget(slot.into());
        self.buckets.iter_mut().for_each(|open| open.forget_route(slot.into()));
        if let Some(open) = &mut self.open {
            open.forget_route(slot.into());
        }
    }

    /// Resets the state of a host slot that was reassigned.
    fn forget_host(&mut self, slot: u8) {
        self.hosts.forget(slot.into());
        self.buckets.iter_mut().for_each(|open| open.forget_host(slot.into()));
        self.excursion.counts.forget_host(slot.into());
        if let Some(open) = &mut self.open {
            open.forget_host(slot.into());
        }
    }

    /// Ends the current excursion: the next begins with the next bucket.
    pub(super) fn end_excursion(&mut self) {
        self.excursion = Excursion::new(self.excursion.baseline);
    }

    /// Begins a new excursion with the evidence of bucket `now`.
    pub(super) fn restart_excursion(&mut self, now: u32, evidence: &Evidence) {
        self.end_excursion();
        self.excursion.add(now, &evidence.counts, &evidence.residuals);
    }

    /// Closes the open episode, if any.
    pub(crate) fn close(&mut self) -> Option<Box<OpenEpisode>> {
        let open = self.open.take()?;
        if open.is_false_alarm() {
            self.false_alarm_penalty = (self.false_alarm_penalty + 1.0).min(MAX_FALSE_ALARM_PENALTY);
        }
        Some(open)
    }

    /// Evaluates a bucket that is complete. Returns `None` if it had no traffic.
    pub(super) fn evaluate(&mut self, index: u32, lag: u32, shapes: &Shapes) -> Option<Evidence> {
        let position = self.buckets.iter().position(|open| open.index == index)?;
        let bucket = self.buckets.swap_remove(position);
        self.active = self.active.saturating_add(1);
        let must_freeze = self.highest > FREEZE_THRESHOLD || self.hold > 0;
        self.frozen = if must_freeze { self.frozen.saturating_add(1) } else { 0 };
        let frozen = must_freeze && self.frozen <= MAX_FROZEN;
        if self.frozen == MAX_FROZEN + 1 {
            self.tail.loosen();
        }

        let tail = self.tail.evaluate(&bucket.residuals, shapes, frozen);
        let rates = self.rates.evaluate(&bucket, &mut self.routes, frozen);
        let mut evidence = Evidence::new(bucket.all_counts(), bucket.residuals);
        evidence.is_outage = rates.is_outage;
        let ratio_before = self.highest_ratio;
        evidence.drifted = ratio_before >= EXCURSION
            && self.bank.tail() > DRIFT
            && index >= self.excursion.start + DRIFT_BUCKETS;
        // While an episode is open, less evidence keeps it alive than it takes to raise an alarm.
        let keep_alive = self.open.as_ref().map_or(f32::MAX, |open| open.needed_nats(index) + 2.0);
        let (mut highest, mut highest_ratio) =
            self.bank.add(&mut evidence, &tail, &rates, keep_alive, self.penalty());
        let host_ratio = self.evaluate_hosts(&mut evidence, &bucket, &rates, frozen);
        highest = highest.max(host_ratio * FREEZE_THRESHOLD);
        highest_ratio = highest_ratio.max(host_ratio);
        let mean = self.routes.mean(&bucket);
        self.evaluate_location(&mut evidence, &bucket, mean);
        self.evaluate_periodicity(&mut evidence, index, &tail, &rates, frozen);
        evidence.routes = self.routes.impact(&bucket);
        evidence.cross_upstream =
            self.cross_upstream.evaluate(index, mean, tail.slow(), rates.smallest_rise(), frozen)
                / self.penalty();
        if self.active < WARM_UP {
            evidence.alarm = None;
            evidence.cross_upstream = 0.0;
        }

        if ratio_before < EXCURSION {
            let baseline = DurationBaseline::new(&self.tail.shares(shapes), self.routes.sigma(&bucket));
            self.excursion = Excursion::new(baseline);
        }
        self.excursion.add(index, &evidence.counts, &evidence.residuals);
        self.highest = highest;
        self.highest_ratio = highest_ratio;
        self.false_alarm_penalty *= FALSE_ALARM_PENALTY_DECAY;
        let must_hold = highest > FREEZE_THRESHOLD || evidence.alarm.is_some();
        self.hold = if must_hold { HOLD } else { self.hold.saturating_sub(1) };
        self.routes.learn(&bucket, frozen);
        self.routes.publish(index, lag);
        self.budget.count(index, &bucket.counts);
        self.reference.count(index, &bucket.counts, mean.map(|mean| mean.log2));
        Some(evidence)
    }

    /// Returns the newest learned timeout, if any.
    pub(crate) fn learned_timeout(&self) -> Option<Micros> {
        self.routes.rules().timeout(u32::MAX).map(|timeout| timeout.1)
    }

    /// Returns the learned timeout that applies in `bucket`, if any.
    pub(crate) fn learned_timeout_in(&self, bucket: u64) -> Option<Micros> {
        self.routes.rules().timeout(index_of(bucket)).map(|timeout| timeout.1)
    }

    /// Returns the current excursion.
    pub(super) fn excursion(&self) -> &Excursion {
        &self.excursion
    }

    /// Returns the factor by which recent false alarms raise the thresholds of methods that use only timing.
    fn penalty(&self) -> f32 {
        1.0 + FALSE_ALARM_PENALTY * self.false_alarm_penalty
    }

    /// Evaluates the hosts. Returns the evidence against the worst one as a multiple of its threshold.
    fn evaluate_hosts(
        &mut self,
        evidence: &mut Evidence,
        bucket: &Bucket,
        rates: &RateEvidence,
        frozen: bool,
    ) -> f32 {
        evidence.outlier = self.hosts.evaluate(bucket, rates.expected_errors, frozen);
        let Some(outlier) = evidence.outlier else { return 0.0 };
        if outlier.is_significant() {
            evidence.is_alive = true;
            evidence.record(Cause::Host, outlier.nats);
        }
        if outlier.nats > HOST_THRESHOLD {
            if evidence.alarm.is_none() {
                evidence.raise(Cause::Host, outlier.nats / HOST_THRESHOLD);
            }
            self.hosts.reset();
        }
        outlier.nats / HOST_THRESHOLD
    }

    fn evaluate_location(&mut self, evidence: &mut Evidence, bucket: &Bucket, mean: Option<BucketMean>) {
        let Some(score) = self.location_shift.add(bucket.index, bucket.timed(), bucket.shift) else { return };
        if score.z > SHIFT_THRESHOLD_TWICE {
            evidence.shift = score.shift;
            let typical = mean.map_or(0.0, |mean| libm::exp2f(mean.typical_log2));
            evidence.slowdown = typical * (libm::expf(score.shift) - 1.0);
        }
        let is_shifted = score.shift > MIN_SHIFT;
        let penalty = self.penalty();
        if is_shifted
            && (score.z > SHIFT_THRESHOLD * penalty && score.durations >= SHIFT_DURATIONS
                || self.was_shifted && score.z > SHIFT_THRESHOLD_TWICE * penalty)
        {
            if evidence.alarm.is_none() {
                evidence.raise(Cause::LocationShift, score.z / SHIFT_THRESHOLD);
            }
            evidence.is_alive = true;
            evidence.record(Cause::LocationShift, score.z);
        }
        self.was_shifted = is_shifted && score.z > SHIFT_THRESHOLD_TWICE;
    }

    fn evaluate_periodicity(
        &mut self,
        evidence: &mut Evidence,
        index: u32,
        tail: &TailEvidence,
        rates: &RateEvidence,
        frozen: bool,
    ) {
        let errors = self.periodicity.evaluate(index, BlipKind::Errors, rates.blip, frozen);
        let durations = if tail.dispersion > OVERDISPERSED {
            None
        } else {
            self.periodicity.evaluate(index, BlipKind::Durations, tail.blip(), frozen)
        };
        evidence.periodicity =
            errors.or(durations).filter(|periodicity| periodicity.nats > PERIODICITY_THRESHOLD);
        if let Some(periodicity) = evidence.periodicity {
            if evidence.alarm.is_none() {
                evidence.raise(Cause::Periodicity, periodicity.nats / PERIODICITY_THRESHOLD);
            }
            evidence.is_alive = true;
            evidence.record(Cause::Periodicity, periodicity.nats);
        }
    }
}
