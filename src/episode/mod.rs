//! Episodes: when near misses add up to something an engineer can act on.
//!
//! One [`Detector`] an upstream counts the exchanges of the open buckets, and weighs a bucket when it is sealed, against this
//! upstream's own past and with the noise it measured there. The [`EpisodeEngine`] is what upstreams share: evidence that is weak on
//! each and strong together, one episode per cause, and the records' order.
//!
//! ```text
//! observation → bucket ─seal→ tail · rates · hosts · level · blips · weak → sums → alarm → open → pattern
//! ```
//!
//! Upstreams are known to it by a number that whoever calls it gives them.
//!
//! `docs/detection.md` has each method with its formula, its source, what it sees and what it cannot.
//!
//! Cost: tens of nanoseconds an exchange, some microseconds a bucket with traffic. What an open bucket gathers is whole
//! numbers that add, so the order of exchanges within it changes nothing; floats come in only when it is sealed, with basic
//! operations and `libm`.

mod blips;
mod bucket;
mod cross_upstream;
mod cusum;
mod deadline;
mod detector;
mod habits;
mod hosts;
mod level;
mod observation;
mod open_episode;
mod rates;
mod residual;
mod routes;
mod tail;

use alloc::boxed::Box;
use alloc::vec::Vec;
pub(crate) use bucket::BucketCounts;
pub(crate) use detector::{Cause, Detector};
pub(crate) use habits::{Deviation, Reference};
pub(crate) use observation::Observation;
pub(crate) use open_episode::OpenEpisode;
pub(crate) use open_episode::Pattern;
use tail::Shapes;

/// Hosts that are watched one by one.
const HOSTS: usize = crate::upstream::MAX_HOSTS;
/// Routes that are watched one by one, and one more for all others.
const ROUTES: usize = crate::upstream::MAX_ROUTES + 1;

/// Nats that open an episode over several upstreams.
const TOGETHER: f32 = 12.0;
/// Buckets after an alarm of its own in which an upstream is left out of pooling, and in which another's episode speaks for it.
const OWN: u32 = 60;
/// Buckets between alarms that have one cause: three upstreams, and two.
pub(crate) const SAME_TIME: u32 = 9;
pub(crate) const SAME_TIME_TWO: u32 = 3;
/// Opens that are remembered.
const OPENS: usize = 64;

/// A bucket's number in 32 bits. What lies beyond the year 2650 is a broken clock; it counts as one moment.
fn index_of(bucket: u64) -> u32 {
    bucket.min(1 << 31) as u32
}

/// What upstreams share.
#[derive(Debug)]
pub(crate) struct EpisodeEngine {
    shapes: Shapes,
    /// How many buckets may be open beside the newest.
    lag: u32,
    /// What this seal's bucket said of each upstream with traffic, and how many of them are settled.
    weighed: Vec<(u32, detector::Evidence)>,
    settled: usize,
    /// Upstreams with one episode in common, the strongest first; as they stand in this seal.
    named: Vec<u32>,
    /// The last alarms: who, and in which bucket.
    opens: Vec<(u32, u32)>,
}

/// What there is to report.
#[derive(Debug)]
pub(crate) enum Change {
    /// An episode began.
    Opened(Box<OpenEpisode>),
    /// An episode is over.
    Closed(Box<OpenEpisode>),
    /// A day was not as the reference.
    Deviated(Deviation),
}

impl EpisodeEngine {
    /// An engine for a stream of which at most `open_buckets` are open at once.
    pub(crate) fn new(open_buckets: usize) -> Self {
        Self {
            shapes: Shapes::new(),
            lag: open_buckets.saturating_sub(1) as u32,
            weighed: Vec::new(),
            settled: 0,
            named: Vec::new(),
            opens: Vec::new(),
        }
    }

    /// Rules take effect so many buckets after the one that is sealed.
    pub(crate) fn set_lag(&mut self, lag: u32) {
        self.lag = lag;
    }

    /// First pass over the upstreams, in a fixed order: weighs a bucket of which nothing more can come.
    pub(crate) fn weigh(&mut self, bucket: u64, id: u32, detector: &mut Detector) {
        let now = index_of(bucket);
        if let Some(mut evidence) = detector.weigh(now, self.lag, &self.shapes) {
            let has_own = detector.open.is_some()
                || evidence.alarm.is_some()
                || now <= detector.alarmed.saturating_add(OWN);
            if has_own || now <= detector.spoken_for {
                evidence.weak = 0.0;
            }
            self.weighed.push((id, evidence));
        }
    }

    /// Between the passes: what is weak on each and strong together.
    pub(crate) fn combine(&mut self, bucket: u64) {
        let now = index_of(bucket);
        self.named.clear();
        let all = self.weighed.iter().map(|(id, evidence)| (*id, evidence.weak));
        let parts: Vec<(u32, f32)> = all.filter(|(_, weak)| *weak > cross_upstream::PART).collect();
        if cross_upstream::together(parts.iter().map(|part| part.1)) > TOGETHER {
            self.named.extend(parts.iter().map(|part| part.0));
            let stronger = |most: (usize, f32), next: (usize, f32)| if next.1 > most.1 { next } else { most };
            let strongest =
                parts.iter().map(|part| part.1).enumerate().reduce(stronger).map_or(0, |found| found.0);
            self.named.swap(0, strongest);
        }
        self.opens.retain(|(_, at)| now < at.saturating_add(1_000));
    }

    /// Second pass, in the same order: what opens and what closes.
    pub(crate) fn settle(
        &mut self,
        bucket: u64,
        id: u32,
        detector: &mut Detector,
        mut report: impl FnMut(Change),
    ) {
        let now = index_of(bucket);
        let evidence =
            self.weighed.get(self.settled).filter(|(of, _)| *of == id).map(|(_, evidence)| evidence);
        self.settled += usize::from(evidence.is_some());
        if let (Some(open), Some(evidence)) = (detector.open.as_mut(), evidence)
            && !open.is_silent(now)
        {
            open.follow(now, evidence);
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
        if let Some(deviation) = detector.habits.end_day(now) {
            report(Change::Deviated(deviation));
        }
        let Some(evidence) = evidence else { return };
        let leads = self.named.first() == Some(&id);
        if self.named.contains(&id) {
            detector.spoken_for = now + OWN;
        }
        if evidence.alarm.is_some() {
            detector.alarmed = now;
        }
        let cause = match evidence.alarm {
            _ if leads => Cause::Pool,
            Some(cause) if detector.spoken_for < now => cause,
            _ => return,
        };
        let mut open = Box::new(OpenEpisode::new(detector.rising(), now, cause, evidence));
        self.opens.push((id, now));
        if leads {
            open.related = self.named.get(1..).unwrap_or_default().to_vec();
            self.opens.extend(open.related.iter().map(|other| (*other, now)));
        }
        let surplus = self.opens.len().saturating_sub(OPENS);
        self.opens.drain(..surplus);
        report(Change::Opened(open.clone()));
        detector.open = Some(open);
    }

    /// After the passes.
    pub(crate) fn clear(&mut self) {
        self.weighed.clear();
        self.settled = 0;
    }

    /// Episodes that began at the same time have one cause: two close together, three a little apart.
    fn relate(&self, id: u32, open: &mut OpenEpisode) {
        let is_alike = matches!(open.cause, Cause::Tail | Cause::Errors | Cause::Level | Cause::Pool);
        if !open.related.is_empty() || !is_alike {
            return;
        }
        let within = |span: u32| {
            let near = self.opens.iter().filter(|(of, at)| *of != id && at.abs_diff(open.detected) <= span);
            near.map(|(of, _)| *of).collect::<Vec<_>>()
        };
        let near = within(SAME_TIME);
        open.related = if near.len() >= 2 { near } else { within(SAME_TIME_TWO) };
        open.related.dedup();
    }
}

#[cfg(test)]
mod tests;
