//! Several monitors, one voice.
//!
//! Where the exchanges of one upstream pass several instances, each judges its own and one of them reports for all. A
//! *worker* counts and gathers; what it has of a bucket leaves as a *delta*, and nothing is judged over time there. The
//! *reporter* absorbs the deltas of a bucket, is woken when there are no more, and is otherwise the monitor it is anywhere;
//! what became usual goes back to all workers. A delta adds, so it matters neither how many there are nor in which order.
//!
//! *One bucket later*: what the seal of a bucket teaches is used from the bucket after the next on, so that it has reached
//! every worker by then and all of them measure by the same.
//!
//! A message has a version and a checksum in front: a module of another build may share the same place.

use super::Monitor;
use crate::codec::Codec;
use crate::fleet::Lookup;
use crate::hash;
use crate::tally::Counters;
use crate::timeline;
use crate::units::Timestamp;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The version of all messages.
const FORMAT: u8 = 1;
/// Snapshot and checksum.
const HEAD: usize = 9;
/// Buckets between a seal and what it teaches.
const LAG: u32 = 1;
/// Exchanges of one upstream after which a worker's delta leaves early: it fits into half of a reporter's counts.
const EARLY: u64 = 1 << 15;
/// Deltas that wait to be taken; beyond them counts stay where they are, and only what tells episodes is given up.
const WAITING: usize = 8;

/// What a worker has ready for the reporter.
#[derive(Debug, Default)]
pub(super) struct Ready {
    deltas: VecDeque<Delta>,
}

/// What one worker saw of all upstreams in one bucket, or in a part of it.
#[derive(Debug)]
pub struct Delta {
    /// The bucket's number.
    pub bucket: u64,
    /// The message, for [`Monitor::absorb`].
    pub bytes: Vec<u8>,
}

/// A message that cannot be read: of another build, or not whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreadable;

impl Monitor {
    /// From now on it only counts, and somebody else reports: ask for [`next_delta`](Self::next_delta). Episodes that are
    /// open here end.
    pub fn become_worker(&mut self) {
        self.truncate_episodes();
        self.timeline.set_lag(LAG.into());
        self.ready = Some(Ready::default());
    }

    /// From now on it may also [`absorb`](Self::absorb) what workers have seen.
    pub fn become_reporter(&mut self) {
        self.engine.set_lag(LAG);
    }

    /// The next delta that is ready, oldest first. It is this worker's no more: whoever takes it must see that it arrives.
    pub fn next_delta(&mut self) -> Option<Delta> {
        self.ready.as_mut()?.deltas.pop_front()
    }

    /// Adds what a worker has seen, and returns how many exchanges that were. When all deltas of a bucket are in,
    /// [`wake`](Self::wake) at its end; what comes after that is late.
    ///
    /// # Errors
    ///
    /// If it is no delta of this build; nothing has been added then.
    pub fn absorb(&mut self, delta: &[u8]) -> Result<u64, Unreadable> {
        let mut codec = opened(delta)?;
        let bucket = codec.number(0);
        let is_late = bucket < self.timeline.sealed();
        let ts = timeline::start_of(bucket);
        if !is_late {
            self.wake(ts);
        }
        self.absorbed = self.absorbed.max(end_of(bucket));
        let mut exchanges = 0;
        while codec.has_more() {
            let name = codec.name("");
            let lookup = self.lookup(name, ts);
            if self.fleet.get_mut(lookup).is_some_and(|entry| entry.upstream.counters.is_half_full()) {
                self.summarise(lookup, self.timeline.watermark().unwrap_or(ts));
            }
            let Some(entry) = self.fleet.get_mut(lookup) else { break };
            let (counted, places) = entry.upstream.pass(bucket, &mut codec, is_late);
            (0..16)
                .filter(|slot| places.replaced_hosts >> slot & 1 == 1)
                .for_each(|slot| entry.detector.forget_host(slot));
            entry.detector.pass(bucket, &mut codec, &places.hosts, &places.routes, is_late);
            exchanges += counted;
        }
        Ok(exchanges)
    }

    /// Writes what is usual on all upstreams, for [`adopt`](Self::adopt).
    pub fn publish(&mut self, out: &mut Vec<u8>) {
        out.clear();
        out.resize(HEAD, 0);
        let mut rank = 0;
        while let Some(entry) = self.fleet.by_name(rank).and_then(|place| self.fleet.get_mut(place)) {
            let mut codec = Codec::Out(out);
            codec.name(entry.upstream.name());
            entry.upstream.tell(&mut codec);
            entry.detector.tell(&mut codec);
            rank += 1;
        }
        close(out);
    }

    /// Takes over what is usual, as a reporter has published it.
    ///
    /// # Errors
    ///
    /// If it is not of this build; nothing has changed then.
    pub fn adopt(&mut self, usual: &[u8]) -> Result<(), Unreadable> {
        let mut codec = opened(usual)?;
        let now = self.timeline.watermark().unwrap_or_default();
        while codec.has_more() {
            let name = codec.name("");
            // Where there is no room it is read and forgotten: what is here already is in use.
            let Lookup::Found(lookup) = self.fleet.lookup(name, self.timeline.open_buckets(), now) else {
                break;
            };
            let Some(entry) = self.fleet.get_mut(lookup) else { break };
            let replaced = entry.upstream.tell(&mut codec);
            (0..8)
                .filter(|slot| replaced >> slot & 1 == 1)
                .for_each(|slot| entry.detector.forget_route(slot));
            entry.detector.tell(&mut codec);
        }
        Ok(())
    }

    /// Whether it is a worker.
    pub(super) fn is_worker(&self) -> bool {
        self.ready.is_some()
    }

    /// Whether the counts of an upstream must leave before more is counted.
    pub(super) fn is_full(&self, counters: &Counters) -> bool {
        counters.latency.is_full() || self.is_worker() && counters.exchanges() >= EARLY
    }

    /// Makes a delta of every bucket that is due, or of all.
    pub(super) fn cut(&mut self, all: bool) {
        while let Some(bucket) = self.timeline.seal_next(all) {
            self.cut_one(bucket);
            // Nothing is open in what follows.
            self.timeline.skip_to_due(all);
        }
    }

    /// Makes a delta of what there is of `bucket`.
    pub(super) fn cut_one(&mut self, bucket: u64) {
        let Self { fleet, ready: Some(ready), .. } = self else { return };
        let has_room = ready.deltas.len() < WAITING;
        let mut bytes = Vec::new();
        let mut rank = 0;
        while let Some(entry) = fleet.by_name(rank).and_then(|place| fleet.get_mut(place)) {
            rank += 1;
            if !entry.upstream.has_counted() {
                continue;
            }
            if !has_room {
                entry.upstream.let_go();
                entry.detector.let_go();
                continue;
            }
            if bytes.is_empty() {
                bytes.resize(HEAD, 0);
                Codec::Out(&mut bytes).number(bucket);
            }
            let mut codec = Codec::Out(&mut bytes);
            codec.name(entry.upstream.name());
            let (_, places) = entry.upstream.pass(bucket, &mut codec, false);
            entry.detector.pass(bucket, &mut codec, &places.hosts, &places.routes, false);
        }
        if !bytes.is_empty() {
            close(&mut bytes);
            ready.deltas.push_back(Delta { bucket, bytes });
        }
    }
}

/// When a bucket ends: the moment to wake a reporter that has absorbed all of it.
pub fn end_of(bucket: u64) -> Timestamp {
    timeline::start_of(bucket.saturating_add(1))
}

/// Writes version and checksum in front of a finished message.
fn close(message: &mut [u8]) {
    if let Some((head, body)) = message.split_at_mut_checked(HEAD) {
        let [version, sum @ ..] = head else { return };
        *version = FORMAT;
        sum.copy_from_slice(&hash::hash(body).to_le_bytes());
    }
}

fn opened(message: &[u8]) -> Result<Codec<'_>, Unreadable> {
    let (head, body) = message.split_at_checked(HEAD).ok_or(Unreadable)?;
    let [FORMAT, sum @ ..] = head else { return Err(Unreadable) };
    if *sum == hash::hash(body).to_le_bytes() { Ok(Codec::In(body, false)) } else { Err(Unreadable) }
}

#[cfg(test)]
mod tests;
