//! The episode engine: what upstreams share.

use super::bucket::index_of;
use super::cross_upstream;
use super::detector::Detector;
use super::evidence::{Cause, Evidence};
use super::open_episode::OpenEpisode;
use super::reference::Deviation;
use super::routes::NATS_PER_OCTAVE;
use super::tail::Shapes;
use crate::sort;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Combined evidence, in nats, that opens an episode over several upstreams.
const COMBINED_THRESHOLD: f32 = 12.0;
/// Cooldown in buckets: after an alarm of its own an upstream takes no part in combined evidence, and after a combined
/// alarm the related upstreams open no episode of their own.
const COOLDOWN: u32 = 60;
/// Maximum distance in buckets between alarms with one cause, if there are three upstreams.
pub(crate) const SAME_TIME: u32 = 9;
/// Maximum distance in buckets between alarms with one cause, if there are two upstreams.
pub(crate) const SAME_TIME_TWO: u32 = 3;
/// Percent of the longer of two episodes by which their starts and ends may differ if they have one cause.
const SPAN_TOLERANCE: u32 = 25;
/// Buckets in which a much larger shift elsewhere explains a small one: a minute.
const EXPLAINED: u32 = 6;
/// Share of the largest shift below which a shift is explained by it. Above it, the smaller one waits a bucket, so that the
/// episode of the larger one comes first: the upstream that causes both needs longer for its alarm if it has less traffic.
const SMALL: f32 = 0.4;
/// Upstreams for which [`COMBINED_THRESHOLD`] holds. With more there are more groups that chance can find.
const UPSTREAMS: f32 = 12.0;
/// Alarms that are remembered.
const MAX_ALARMS: usize = 64;

/// State that upstreams share.
#[derive(Debug)]
pub(crate) struct EpisodeEngine {
    shapes: Shapes,
    /// Buckets that may be open in addition to the newest.
    lag: u32,
    /// Evidence of the bucket that is being sealed, for each upstream with traffic, in the order of the passes.
    evidence: Vec<(u32, Evidence)>,
    /// Position of the second pass in `evidence`.
    next: usize,
    /// Upstreams with one episode in common in this bucket, the strongest first.
    correlated: Vec<u32>,
    /// The last alarms: upstream, bucket, and true if durations raised it.
    alarms: Vec<Alarm>,
    /// Significant shifts of the last minute.
    shifts: Vec<UpstreamShift>,
    /// The last alarms that the shift of another upstream explains.
    explained: Vec<Explained>,
}

/// An alarm of one upstream.
#[derive(Clone, Copy, Debug)]
struct Alarm {
    id: u32,
    bucket: u32,
    is_timing: bool,
    /// First and last bucket of its episode; `None` if it has none of its own.
    span: Option<(u32, u32)>,
}

/// An alarm that the shift of another upstream explains.
#[derive(Clone, Copy, Debug)]
struct Explained {
    id: u32,
    by: u32,
    bucket: u32,
}

/// A significant shift of all durations of an upstream.
#[derive(Clone, Copy, Debug)]
struct UpstreamShift {
    id: u32,
    bucket: u32,
    nats: f32,
}

/// A change to report.
#[derive(Debug)]
pub(crate) enum Change {
    /// An episode began.
    Opened(Box<OpenEpisode>),
    /// An episode ended.
    Closed(Box<OpenEpisode>),
    /// A day deviated from the reference.
    Deviated(Deviation),
}

impl EpisodeEngine {
    /// Creates an engine for at most `open_buckets` open buckets.
    pub(crate) fn new(open_buckets: usize) -> Self {
        Self {
            shapes: Shapes::new(),
            lag: open_buckets.saturating_sub(1) as u32,
            evidence: Vec::new(),
            next: 0,
            correlated: Vec::new(),
            alarms: Vec::new(),
            shifts: Vec::new(),
            explained: Vec::new(),
        }
    }

    /// Sets the number of buckets between a seal and the first bucket that uses the rules learned by it.
    pub(crate) fn set_lag(&mut self, lag: u32) {
        self.lag = lag;
    }

    /// First pass over the upstreams, in a fixed order: evaluates a bucket that is complete.
    pub(crate) fn evaluate(&mut self, bucket: u64, id: u32, detector: &mut Detector) {
        let now = index_of(bucket);
        if let Some(mut evidence) = detector.evaluate(now, self.lag, &self.shapes) {
            let has_own = detector.open.is_some()
                || evidence.alarm.is_some()
                || now <= detector.last_alarm.saturating_add(COOLDOWN);
            if has_own || now <= detector.covered_until {
                evidence.cross_upstream = 0.0;
            }
            if evidence.shift > 0.0 {
                self.shifts.push(UpstreamShift { id, bucket: now, nats: evidence.shift });
            }
            self.evidence.push((id, evidence));
        }
    }

    /// Between the passes: combines the evidence of all upstreams.
    pub(crate) fn combine(&mut self, bucket: u64) {
        let now = index_of(bucket);
        self.correlated.clear();
        let all = self.evidence.iter().map(|(id, evidence)| (*id, evidence.cross_upstream));
        let parts: Vec<(u32, f32)> = all.filter(|(_, nats)| *nats > cross_upstream::MIN_NATS).collect();
        if cross_upstream::combine(parts.iter().map(|part| part.1)) > combined_threshold(self.evidence.len())
        {
            self.correlated.extend(parts.iter().map(|part| part.0));
            let stronger = |most: (usize, f32), next: (usize, f32)| if next.1 > most.1 { next } else { most };
            let strongest =
                parts.iter().map(|part| part.1).enumerate().reduce(stronger).map_or(0, |found| found.0);
            self.correlated.swap(0, strongest);
            let upstreams = self.evidence.len();
            let members = parts.iter().filter(|part| cross_upstream::is_member(part.1, upstreams));
            let members: Vec<u32> = members.map(|part| part.0).collect();
            self.correlated.retain(|id| members.contains(id));
            if members.len() < 2 {
                self.correlated.clear();
            }
        }
        self.alarms.retain(|alarm| now < alarm.bucket.saturating_add(1_000));
        self.explained.retain(|explained| now < explained.bucket.saturating_add(1_000));
        self.shifts.retain(|shift| now < shift.bucket.saturating_add(EXPLAINED));
    }

    /// Second pass, in the same order: closes and opens episodes.
    pub(crate) fn update(
        &mut self,
        bucket: u64,
        id: u32,
        detector: &mut Detector,
        mut report: impl FnMut(Change),
    ) {
        let now = index_of(bucket);
        let evidence = self.evidence.get(self.next).filter(|(of, _)| *of == id).map(|(_, evidence)| evidence);
        self.next += usize::from(evidence.is_some());
        if let (Some(open), Some(evidence)) = (detector.open.as_mut(), evidence)
            && !open.is_expired(now)
            && !open.is_another_fault(now, evidence)
        {
            open.add(now, evidence);
            extend_alarm(&mut self.alarms, id, open);
        }
        let is_another_fault = detector
            .open
            .as_deref()
            .zip(evidence)
            .is_some_and(|(open, evidence)| open.is_another_fault(now, evidence));
        let is_over = detector.open.as_deref().is_some_and(|open| open.is_over(now));
        if (is_over || is_another_fault)
            && let Some(mut open) = detector.close()
        {
            match evidence.filter(|_| is_another_fault) {
                Some(evidence) => detector.restart_excursion(now, evidence),
                None => detector.end_excursion(),
            }
            self.relate(id, &mut open);
            report(Change::Closed(open));
        }
        if detector.open.is_some() {
            return;
        }
        if let Some(deviation) = detector.reference.end_day(now) {
            report(Change::Deviated(deviation));
        }
        let Some(evidence) = evidence else { return };
        let is_strongest = self.correlated.first() == Some(&id);
        if self.correlated.contains(&id) {
            detector.covered_until = now + COOLDOWN;
        }
        if evidence.alarm.is_some() {
            detector.last_alarm = now;
        }
        let waiting = detector.waiting.take().filter(|(bucket, _)| now <= bucket + EXPLAINED);
        let cause = match evidence.alarm.or(waiting.map(|(_, cause)| cause)) {
            _ if is_strongest => Cause::CrossUpstream,
            Some(cause) if detector.covered_until < now => cause,
            _ => return,
        };
        let group = self.evidence.iter().filter(|(of, _)| is_strongest && self.correlated.contains(of));
        let is_group_harmed =
            group.into_iter().any(|(_, evidence)| evidence.counts.near_misses + evidence.counts.failed > 0);
        let is_harmed = is_group_harmed || waiting.is_some();
        if !is_harmed && !detector.excursion().is_harmful(evidence, cause) {
            return;
        }
        let is_timing = cause.is_timing();
        if cause != Cause::CrossUpstream && is_timing {
            if let Some(by) = self.larger_shift(id, detector, SMALL) {
                self.explained.push(Explained { id, by, bucket: now });
                return;
            }
            let larger = self.larger_shift(id, detector, 1.0).filter(|other| !self.has_alarm(*other, now));
            if waiting.is_none() && larger.is_some() {
                detector.waiting = Some((now, cause));
                return;
            }
        }
        let mut open = Box::new(OpenEpisode::new(detector.excursion().clone(), now, cause, evidence));
        self.alarms.push(Alarm { id, bucket: now, is_timing, span: Some((open.start, now)) });
        if is_strongest {
            open.related = self.correlated.get(1..).unwrap_or_default().to_vec();
            open.is_correlated = true;
            let named = open.related.iter().map(|id| Alarm { id: *id, bucket: now, is_timing, span: None });
            self.alarms.extend(named);
        }
        let surplus = self.alarms.len().saturating_sub(MAX_ALARMS);
        self.alarms.drain(..surplus);
        report(Change::Opened(open.clone()));
        detector.open = Some(open);
    }

    /// After the passes: discards the evidence of this bucket.
    pub(crate) fn clear(&mut self) {
        self.evidence.clear();
        self.next = 0;
    }

    /// Relates episodes of one kind that began and ended at the same time: two slow upstreams close together, or three
    /// upstreams a little further apart; and upstreams whose alarm this one explains. A fault of one host is no fault of
    /// what upstreams share.
    fn relate(&self, id: u32, open: &mut OpenEpisode) {
        let is_timing = open.cause.is_timing();
        let may_share_cause = (is_timing || open.cause == Cause::Errors) && open.host().is_none();
        if open.related.is_empty() && may_share_cause {
            let near = |distance: u32| {
                let near = self.alarms.iter().filter(|alarm| {
                    alarm.id != id
                        && alarm.bucket.abs_diff(open.detected) <= distance
                        && alarm.is_timing == is_timing
                        && alarm.span.is_none_or(|span| is_same_span(span, (open.start, open.last)))
                });
                let mut near: Vec<u32> = near.map(|alarm| alarm.id).collect();
                sort::sort_by(&mut near, |a, b| a < b);
                near.dedup();
                near
            };
            open.related = near(SAME_TIME);
            if open.related.len() < 2 {
                open.related = if is_timing { near(SAME_TIME_TWO) } else { Vec::new() };
            }
            open.is_correlated = !open.related.is_empty();
        }
        for explained in self.explained.iter().filter(|explained| explained.by == id) {
            let is_during = explained.bucket + EXPLAINED >= open.start;
            if is_during && !open.related.contains(&explained.id) {
                open.related.push(explained.id);
            }
        }
    }

    /// Returns the upstream with the largest shift within the last minute, if that of this one is smaller than a share of it.
    fn larger_shift(&self, id: u32, detector: &Detector, share: f32) -> Option<u32> {
        let own = self.shifts.iter().filter(|shift| shift.id == id).map(|shift| shift.nats);
        let of_tail = || detector.excursion().shift().map_or(0.0, |shift| shift.octaves * NATS_PER_OCTAVE);
        let own = own.reduce(f32::max).unwrap_or_else(of_tail);
        let others = self.shifts.iter().filter(|shift| shift.id != id);
        let larger = |a: &&UpstreamShift, b: &&UpstreamShift| a.nats.total_cmp(&b.nats);
        others.max_by(larger).filter(|other| own < share * other.nats).map(|other| other.id)
    }

    /// Returns true if an upstream raises an alarm in this bucket, or got an episode in the last minute.
    fn has_alarm(&self, id: u32, now: u32) -> bool {
        let raises = self.evidence.iter().any(|(of, evidence)| *of == id && evidence.alarm.is_some());
        raises || self.alarms.iter().any(|alarm| alarm.id == id && now < alarm.bucket + EXPLAINED)
    }
}

/// Extends the span of the alarm of an open episode to its last evidence.
fn extend_alarm(alarms: &mut [Alarm], id: u32, open: &OpenEpisode) {
    let is_own = |alarm: &&mut Alarm| alarm.id == id && alarm.bucket == open.detected;
    if let Some(alarm) = alarms.iter_mut().find(is_own) {
        alarm.span = Some((open.start, open.last));
    }
}

/// Returns true if two spans begin and end within a bucket of each other, and a share of the longer one.
fn is_same_span(a: (u32, u32), b: (u32, u32)) -> bool {
    let longest = (a.1 - a.0).max(b.1 - b.0);
    let tolerance = 1 + longest * SPAN_TOLERANCE / 100;
    a.0.abs_diff(b.0) <= tolerance && a.1.abs_diff(b.1) <= tolerance
}

/// Returns the threshold of combined evidence for a number of upstreams: it rises with the logarithm of the number of
/// groups of three.
fn combined_threshold(upstreams: usize) -> f32 {
    let groups = |n: f32| n * (n - 1.0) * (n - 2.0);
    COMBINED_THRESHOLD + libm::logf(groups((upstreams as f32).max(UPSTREAMS)) / groups(UPSTREAMS))
}
