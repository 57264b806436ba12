//! Several monitors that report as one.
//!
//! Where several instances see the exchanges of one upstream, each judges its own and one of them reports for all. A *worker*
//! judges and counts; it publishes a *delta* per bucket and detects no episodes. The *reporter* absorbs the deltas of a
//! bucket, is woken when all have arrived, and otherwise works like any monitor; it publishes the learned baselines to all
//! workers. Deltas add up, so neither their number nor their order matters.
//!
//! *One bucket of lag*: the result of a seal applies from the bucket after the next. By then every worker has it, and all of
//! them compare with the same baselines.
//!
//! Each message begins with a version and a checksum: a module of another build may read the same storage.

use super::Monitor;
use super::delta::{Delta, HEAD, ReadyDeltas, Unreadable, close, decoder_at, opened};
use super::steps::{HEAVY, Steps};
use crate::codec::{Encode, Encoder};
use crate::counters::Counters;
use crate::fleet::Lookup;
use crate::timeline;
use crate::top_k::Seal;
use alloc::vec::Vec;

/// Buckets between a seal and the use of its result.
const LAG: u32 = 1;
/// Exchanges of one upstream after which a worker publishes a delta early: half of a reporter's counter range.
const EARLY: u64 = 1 << 15;
/// Maximum number of deltas that wait. Beyond it counters stay in the worker, and only evidence for episodes is dropped.
const WAITING: usize = 8;

impl Monitor {
    /// Becomes a worker, which only judges and counts: drain [`next_delta`](Self::next_delta). Open episodes end.
    pub fn become_worker(&mut self) {
        self.truncate_episodes();
        self.timeline.set_lag(LAG.into());
        self.ready = Some(ReadyDeltas::default());
    }

    /// Becomes a reporter, which may [`absorb`](Self::absorb) the deltas of workers.
    pub fn become_reporter(&mut self) {
        self.engine.set_lag(LAG);
    }

    /// Returns true if an episode is open. It would be truncated if another monitor became the reporter.
    pub fn has_open_episodes(&self) -> bool {
        self.fleet.iter().any(|entry| entry.detector.has_open_episode())
    }

    /// Returns the next delta, oldest first. Its counts are no longer in this worker: the caller must deliver it.
    pub fn next_delta(&mut self) -> Option<Delta> {
        self.ready.as_mut()?.deltas.pop_front()
    }

    /// Adds the delta of a worker and returns its number of exchanges. When all deltas of a bucket are absorbed, call
    /// [`wake`](Self::wake) with its end; deltas that arrive later are late.
    ///
    /// # Errors
    ///
    /// Returns [`Unreadable`] and adds nothing if the message is no delta of this build.
    pub fn absorb(&mut self, delta: &[u8]) -> Result<u64, Unreadable> {
        self.absorb_in_steps(delta, &mut 0, &mut Steps::all())
    }

    /// Like [`absorb`](Self::absorb), in steps: `position` is 0 at first, and the length of the delta once all of it is absorbed.
    ///
    /// # Errors
    ///
    /// Returns [`Unreadable`] and adds nothing if the message is no delta of this build.
    pub fn absorb_in_steps(
        &mut self,
        delta: &[u8],
        position: &mut usize,
        steps: &mut Steps,
    ) -> Result<u64, Unreadable> {
        let mut from = if *position == 0 { opened(delta)? } else { decoder_at(delta, HEAD) };
        let bucket: u64 = from.get();
        if *position > 0 {
            from = decoder_at(delta, *position);
        }
        let is_late = bucket < self.timeline.sealed();
        let ts = timeline::start_of(bucket);
        if !self.wake_in_steps(ts, steps) {
            return Ok(0);
        }
        self.absorbed = self.absorbed.max(timeline::end_of(bucket));
        let mut exchanges = 0;
        while from.has_more() {
            if !steps.take(HEAVY) {
                *position = delta.len() - from.remaining();
                return Ok(exchanges);
            }
            let name = from.name();
            let index = self.lookup(name, ts);
            if self.fleet.get_mut(index).is_some_and(|entry| entry.upstream.counters.is_half_full()) {
                self.summarise(index, self.timeline.watermark().unwrap_or(ts));
            }
            let Some(entry) = self.fleet.get_mut(index) else { break };
            let at = self.timeline.open_at(bucket);
            let (counted, slots) = entry.upstream.absorb(at, &mut from, is_late);
            let hosts = entry.upstream.hosts_in(at).filter(|_| !is_late);
            entry.detector.absorb(bucket, &mut from, &slots, hosts);
            exchanges += counted;
        }
        *position = delta.len();
        Ok(exchanges)
    }

    /// Writes the baselines of all upstreams, for [`apply_baseline`](Self::apply_baseline).
    pub fn publish_baseline(&self, out: &mut Vec<u8>) {
        self.publish_in_steps(out, &mut 0, &mut Steps::all());
    }

    /// Like [`publish_baseline`](Self::publish_baseline), in steps: returns false if it must be called again with the same `position`,
    /// which is 0 at first, before anything else changes.
    pub fn publish_in_steps(&self, out: &mut Vec<u8>, position: &mut usize, steps: &mut Steps) -> bool {
        if *position == 0 {
            out.clear();
            out.resize(HEAD, 0);
        }
        while let Some(entry) = self.fleet.by_name(*position).and_then(|index| self.fleet.get(index)) {
            if !steps.take(1) {
                return false;
            }
            let mut to = Encoder::new(out);
            to.name(entry.upstream.name());
            entry.upstream.encode_baselines(&mut to);
            entry.detector.encode_baselines(&mut to);
            *position += 1;
        }
        close(out);
        true
    }

    /// Applies the baselines that a reporter has published.
    ///
    /// # Errors
    ///
    /// Returns [`Unreadable`] and changes nothing if the message is not of this build.
    pub fn apply_baseline(&mut self, message: &[u8]) -> Result<(), Unreadable> {
        let mut from = opened(message)?;
        let now = self.timeline.watermark().unwrap_or_default();
        while from.has_more() {
            let name = from.name();
            // Without room the rest is dropped: every upstream here is in use.
            let Lookup::Found(index) = self.fleet.lookup(name, self.timeline.open_buckets(), now) else {
                break;
            };
            let Some(entry) = self.fleet.get_mut(index) else { break };
            let replaced = entry.upstream.decode_baselines(&mut from);
            (0..8)
                .filter(|slot| replaced >> slot & 1 == 1)
                .for_each(|slot| entry.detector.forget_route(slot));
            entry.detector.decode_baselines(&mut from);
        }
        Ok(())
    }

    /// Returns true in a worker.
    pub(super) fn is_worker(&self) -> bool {
        self.ready.is_some()
    }

    /// Returns true if the counts of an upstream must be flushed before more is counted.
    pub(super) fn is_full(&self, counters: &Counters) -> bool {
        counters.latency.is_full() || self.is_worker() && counters.exchanges() >= EARLY
    }

    /// Cuts a delta of each bucket that is due, or of all buckets.
    pub(super) fn cut(&mut self, all: bool) {
        while let Some(bucket) = self.timeline.seal_next(all) {
            self.cut_one(bucket);
            // No bucket beyond is open.
            self.timeline.skip_to_due(all);
        }
    }

    /// Cuts a delta of `bucket` as it stands.
    pub(super) fn cut_one(&mut self, bucket: u64) {
        let Self { fleet, timeline, ready: Some(ready), .. } = self else { return };
        let has_room = ready.deltas.len() < WAITING;
        let mut bytes = Vec::new();
        let mut position = 0;
        while let Some(entry) = fleet.by_name(position).and_then(|index| fleet.get_mut(index)) {
            position += 1;
            if !entry.upstream.has_counts() {
                continue;
            }
            if !has_room {
                entry.upstream.discard_delta();
                entry.detector.discard_delta();
                continue;
            }
            if bytes.is_empty() {
                bytes.resize(HEAD, 0);
                bucket.encode(&mut Encoder::new(&mut bytes));
            }
            let next_comparable = timeline.comparable(bucket + 1) as u32;
            let hosts = entry.upstream.settle_hosts(Seal { bucket: bucket as u32, next_comparable });
            entry.detector.settle_hosts(bucket, &hosts);
            let mut to = Encoder::new(&mut bytes);
            to.name(entry.upstream.name());
            entry.upstream.drain(bucket, &mut to);
            entry.detector.drain(bucket, &mut to);
        }
        if !bytes.is_empty() {
            close(&mut bytes);
            ready.deltas.push_back(Delta { bucket, bytes });
        }
    }
}

#[cfg(test)]
mod tests;
