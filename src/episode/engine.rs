//! The episode engine: what upstreams share.

use super::bucket::index_of;
use super::cross_upstream;
use super::detector::Detector;
use super::evidence::{Cause, Evidence};
use super::open_episode::OpenEpisode;
use super::reference::Deviation;
use super::tail::Shapes;
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
    /// The last alarms: upstream and bucket.
    alarms: Vec<(u32, u32)>,
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
            self.evidence.push((id, evidence));
        }
    }

    /// Between the passes: combines the evidence of all upstreams.
    pub(crate) fn combine(&mut self, bucket: u64) {
        let now = index_of(bucket);
        self.correlated.clear();
        let all = self.evidence.iter().map(|(id, evidence)| (*id, evidence.cross_upstream));
        let parts: Vec<(u32, f32)> = all.filter(|(_, nats)| *nats > cross_upstream::MIN_NATS).collect();
        if cross_upstream::combine(parts.iter().map(|part| part.1)) > COMBINED_THRESHOLD {
            self.correlated.extend(parts.iter().map(|part| part.0));
            let stronger = |most: (usize, f32), next: (usize, f32)| if next.1 > most.1 { next } else { most };
            let strongest =
                parts.iter().map(|part| part.1).enumerate().reduce(stronger).map_or(0, |found| found.0);
            self.correlated.swap(0, strongest);
        }
        self.alarms.retain(|(_, at)| now < at.saturating_add(1_000));
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
        {
            open.add(now, evidence);
        }
        if detector.open.as_ref().is_some_and(|open| open.is_over(now))
            && let Some(mut open) = detector.close(now)
        {
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
        let cause = match evidence.alarm {
            _ if is_strongest => Cause::CrossUpstream,
            Some(cause) if detector.covered_until < now => cause,
            _ => return,
        };
        let mut open = Box::new(OpenEpisode::new(detector.excursion(), now, cause, evidence));
        self.alarms.push((id, now));
        if is_strongest {
            open.related = self.correlated.get(1..).unwrap_or_default().to_vec();
            self.alarms.extend(open.related.iter().map(|other| (*other, now)));
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

    /// Relates episodes that began at the same time: two upstreams close together, or three a little further apart.
    fn relate(&self, id: u32, open: &mut OpenEpisode) {
        let may_share_cause =
            matches!(open.cause, Cause::Tail | Cause::Errors | Cause::LocationShift | Cause::CrossUpstream);
        if !open.related.is_empty() || !may_share_cause {
            return;
        }
        let within = |span: u32| {
            let near = self.alarms.iter().filter(|(of, at)| *of != id && at.abs_diff(open.detected) <= span);
            near.map(|(of, _)| *of).collect::<Vec<_>>()
        };
        let near = within(SAME_TIME);
        open.related = if near.len() >= 2 { near } else { within(SAME_TIME_TWO) };
        open.related.dedup();
    }
}
