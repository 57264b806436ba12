//! Episodes: when near misses add up to something an engineer can act on.
//!
//! One [`Watch`] an upstream counts the exchanges of the open buckets, and weighs a bucket when it is sealed, against this
//! upstream's own past and with the noise it measured there. The [`Engine`] is what upstreams share: evidence that is weak on
//! each and strong together, one episode per cause, and the records' order.
//!
//! ```text
//! sight → bucket ─seal→ tail · rates · hosts · level · blips · weak → sums → alarm → open → pattern
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
mod cusum;
mod deadline;
mod habits;
mod hosts;
mod level;
mod open;
mod pool;
mod rates;
mod residual;
mod routes;
mod sight;
mod tail;
mod watch;

use alloc::boxed::Box;
use alloc::vec::Vec;
pub(crate) use bucket::Counts;
pub(crate) use habits::{Deviation, Reference};
pub(crate) use open::Open;
pub(crate) use open::Pattern;
pub(crate) use sight::Sight;
use tail::Shapes;
pub(crate) use watch::{Cause, Watch};

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
pub(crate) struct Engine {
    shapes: Shapes,
    /// How many buckets may be open beside the newest.
    lag: u32,
    /// What this seal's bucket said of each upstream with traffic, and how many of them are settled.
    steps: Vec<(u32, watch::Step)>,
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
    Opened(Box<Open>),
    /// An episode is over.
    Closed(Box<Open>),
    /// A day was not as the reference.
    Deviated(Deviation),
}

impl Engine {
    /// An engine for a stream of which at most `open_buckets` are open at once.
    pub(crate) fn new(open_buckets: usize) -> Self {
        Self {
            shapes: Shapes::new(),
            lag: open_buckets.saturating_sub(1) as u32,
            steps: Vec::new(),
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
    pub(crate) fn weigh(&mut self, bucket: u64, id: u32, watch: &mut Watch) {
        let now = index_of(bucket);
        if let Some(mut step) = watch.weigh(now, self.lag, &self.shapes) {
            let has_own =
                watch.open.is_some() || step.alarm.is_some() || now <= watch.alarmed.saturating_add(OWN);
            if has_own || now <= watch.spoken_for {
                step.weak = 0.0;
            }
            self.steps.push((id, step));
        }
    }

    /// Between the passes: what is weak on each and strong together.
    pub(crate) fn pool(&mut self, bucket: u64) {
        let now = index_of(bucket);
        self.named.clear();
        let all = self.steps.iter().map(|(id, step)| (*id, step.weak));
        let parts: Vec<(u32, f32)> = all.filter(|(_, weak)| *weak > pool::PART).collect();
        if pool::together(parts.iter().map(|part| part.1)) > TOGETHER {
            self.named.extend(parts.iter().map(|part| part.0));
            let stronger = |most: (usize, f32), next: (usize, f32)| if next.1 > most.1 { next } else { most };
            let strongest =
                parts.iter().map(|part| part.1).enumerate().reduce(stronger).map_or(0, |found| found.0);
            self.named.swap(0, strongest);
        }
        self.opens.retain(|(_, at)| now < at.saturating_add(1_000));
    }

    /// Second pass, in the same order: what opens and what closes.
    pub(crate) fn settle(&mut self, bucket: u64, id: u32, watch: &mut Watch, mut report: impl FnMut(Change)) {
        let now = index_of(bucket);
        let step = self.steps.get(self.settled).filter(|(of, _)| *of == id).map(|(_, step)| step);
        self.settled += usize::from(step.is_some());
        if let (Some(open), Some(step)) = (watch.open.as_mut(), step)
            && !open.is_silent(now)
        {
            open.follow(now, step);
        }
        if watch.open.as_ref().is_some_and(|open| open.is_over(now))
            && let Some(mut open) = watch.close(now)
        {
            self.relate(id, &mut open);
            report(Change::Closed(open));
        }
        if watch.open.is_some() {
            return;
        }
        if let Some(deviation) = watch.habits.turn(now) {
            report(Change::Deviated(deviation));
        }
        let Some(step) = step else { return };
        let leads = self.named.first() == Some(&id);
        if self.named.contains(&id) {
            watch.spoken_for = now + OWN;
        }
        if step.alarm.is_some() {
            watch.alarmed = now;
        }
        let cause = match step.alarm {
            _ if leads => Cause::Pool,
            Some(cause) if watch.spoken_for < now => cause,
            _ => return,
        };
        let mut open = Box::new(Open::new(watch.rising(), now, cause, step));
        self.opens.push((id, now));
        if leads {
            open.related = self.named.get(1..).unwrap_or_default().to_vec();
            self.opens.extend(open.related.iter().map(|other| (*other, now)));
        }
        let surplus = self.opens.len().saturating_sub(OPENS);
        self.opens.drain(..surplus);
        report(Change::Opened(open.clone()));
        watch.open = Some(open);
    }

    /// After the passes.
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.settled = 0;
    }

    /// Episodes that began at the same time have one cause: two close together, three a little apart.
    fn relate(&self, id: u32, open: &mut Open) {
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
