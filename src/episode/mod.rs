//! Episodes: when near misses add up to something an engineer can act on.
mod blips;
mod bucket;
mod cusum;
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

pub use open::Pattern;
pub use sight::{Fate, Sight, Signals, Try};
pub use watch::Watch;

use open::Open;
use tail::Shapes;
use watch::Cause;

/// Hosts that are watched one by one.
pub const HOSTS: usize = 10;
/// Routes that are watched one by one, and one more for all others.
pub const ROUTES: usize = 9;

/// Nats that open an episode over several upstreams.
const TOGETHER: f32 = 12.0;
/// Quiet buckets with traffic after which an episode is over.
const QUIET: u16 = 60;
/// Buckets of silence after which it is over.
const SILENT: u32 = 180;
/// Buckets after an alarm of its own in which an upstream is left out of pooling.
const OWN: u32 = 60;

/// The process's part: what upstreams share.
#[derive(Debug)]
pub struct Engine {
    shapes: Shapes,
    /// Buckets that may be open beyond the newest.
    lag: u32,
    pool: Vec<(u16, f32)>,
    named: Vec<u16>,
    /// Recent opens: slot, start.
    opens: Vec<(u16, u32)>,
}

/// Something to report of an upstream.
#[derive(Clone, Debug)]
pub struct Change {
    /// The slot that was passed in.
    pub slot: u16,
    /// Is it over?
    pub closed: bool,
    /// The kind.
    pub pattern: Pattern,
    /// First bucket with evidence.
    pub start: u32,
    /// Bucket that raised the alarm.
    pub detected: u32,
    /// Last bucket with evidence.
    pub end: u32,
    /// Slots of upstreams that show the same.
    pub related: Vec<u16>,
    /// Debug.
    pub why: alloc::string::String,
}

impl Engine {
    /// An engine for a stream in which `lag` buckets may be open beyond the newest.
    pub fn new(lag: u32) -> Self {
        Self { shapes: Shapes::new(), lag, pool: Vec::new(), named: Vec::new(), opens: Vec::new() }
    }

    /// The memory of a new upstream.
    pub fn watch(&self) -> Watch {
        Watch::new(&self.shapes)
    }

    /// First pass over the upstreams, in a fixed order: weighs the bucket of each.
    pub fn weigh(&mut self, bucket: u32, slot: u16, watch: &mut Watch) {
        watch.seal(bucket, self.lag, &self.shapes);
        if watch.open.is_none() && watch.step.alarm.is_none() && watch.last_alarm + OWN < bucket && watch.linked_until < bucket && watch.step.together > pool::PART {
            self.pool.push((slot, watch.step.together));
        }
    }

    /// Between the passes.
    pub fn pool(&mut self, bucket: u32) {
        self.named.clear();
        let (nats, count) = pool::together(self.pool.iter().map(|p| p.1));
        if nats > TOGETHER && count >= 2 {
            self.pool.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            self.named.extend(self.pool.iter().map(|p| p.0));
        }
        self.pool.clear();
        self.opens.retain(|o| o.1 + 1_000 > bucket);
    }

    /// Second pass, in the same order: opens and closes.
    pub fn settle(&mut self, bucket: u32, slot: u16, watch: &mut Watch) -> Option<Change> {
        let step = watch.step;
        if let Some(open) = &mut watch.open {
            if step.exchanges > 0 {
                open.follow(bucket, &step);
            }
            if open.quiet >= QUIET || open.last + SILENT <= bucket {
                let mut open = watch.open.take()?;
                let within = |n: u32| -> Vec<u16> { self.opens.iter().filter(|o| o.0 != slot && o.1.abs_diff(open.detected) <= n).map(|o| o.0).collect() };
                let near = within(9);
                let near = if near.len() >= 2 { near } else { within(3) };
                if !near.is_empty() && open.related.is_empty() && matches!(open.cause, Cause::Tail | Cause::Errors | Cause::Level | Cause::Pool) {
                    open.related = near;
                }
                return Some(change(slot, true, &open));
            }
            return None;
        }
        let member = self.named.contains(&slot);
        if member {
            watch.linked_until = bucket + OWN;
        }
        let lead = self.named.first() == Some(&slot);
        let cause = match step.alarm {
            Some(a) => {
                watch.last_alarm = bucket;
                if watch.linked_until >= bucket && !lead { return None; }
                a.cause
            }
            None if lead => Cause::Pool,
            None => return None,
        };
        let mut open = Open::new(watch.rising_from, bucket, cause, watch.rising.clone());
        open.crept = step.crept;
        open.follow(bucket, &step);
        if lead {
            open.related = self.named.iter().copied().skip(1).collect();
        }
        self.opens.push((slot, bucket));
        if lead {
            self.opens.extend(open.related.iter().map(|&r| (r, bucket)));
        }
        let out = change(slot, false, &open);
        watch.open = Some(Box::new(open));
        Some(out)
    }
}

fn change(slot: u16, closed: bool, open: &Open) -> Change {
    Change {
        slot, closed, pattern: open.pattern(), start: open.start, detected: open.detected, end: open.last, related: open.related.clone(),
        why: alloc::format!("{:?} nats {:?} len {} buckets {} runs {} cul {:?} amp {}/{} grow {:.2} iv {} n {} near {} failed {} bad {:?}", open.cause, open.nats.map(|x| x as i32), open.last + 1 - open.start, open.buckets, open.runs, open.culprit, open.amplification, open.amplified.saturating_sub(open.start), open.slow_age/open.slow.max(0.1)/(open.last + 1 - open.start) as f32, open.interval, open.tally.exchanges, open.tally.near, open.tally.failed, open.tally.bad),
    }
}
