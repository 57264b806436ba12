//! Messages about one upstream between workers and their reporter: deltas of counters one way, baselines the other.
//!
//! Each process assigns slots on its own, so hosts travel with their names and routes with their hashes. A worker assigns
//! them before it sends a bucket, the reporter when it seals the bucket.

use super::hosts::HostPlace;
use super::open_bucket::OpenBucket;
use super::slots::{HostCounts, MAX_HOSTS, MAX_ROUTES, RouteState};
use super::state::{UpstreamState, offer_route};
use crate::codec::{Absorb, Decoder, Drain, Encode, Encoder, Max};
use crate::snapshots::Snapshot;
use crate::timeline::OpenAt;
use crate::units::Timestamp;

/// Maps the sender's slots to the receiver's. One more route stands for all that are not tracked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotMap {
    pub(crate) hosts: [Option<HostPlace>; MAX_HOSTS],
    pub(crate) routes: [Option<u8>; MAX_ROUTES + 1],
}

impl UpstreamState {
    /// Returns true if there is anything to send.
    pub(crate) fn has_counts(&self) -> bool {
        !self.counters.is_empty() || self.is_open()
    }

    /// Encodes and drains everything counted since the last delta, and the content of `bucket`.
    pub(crate) fn drain(&mut self, bucket: u64, to: &mut Encoder<'_>) {
        self.last_seen.micros().encode(to);
        self.counters.drain(to);
        self.has_open(bucket).encode(to);
        self.encode_hosts(to);
        self.drain_routes(to);
        self.drain_open(bucket, to);
        self.clear_counts();
    }

    /// Decodes another process's delta and adds it. A late delta contributes only its counts. Returns the number of
    /// exchanges, and the slots that the sender's hosts and routes have here.
    pub(crate) fn absorb(&mut self, at: OpenAt, from: &mut Decoder<'_>, is_late: bool) -> (u64, SlotMap) {
        self.last_seen = self.last_seen.max(Timestamp::from_micros(from.get()));
        let before = self.counters.exchanges();
        self.counters.absorb(from);
        let exchanges = self.counters.exchanges().abs_diff(before);
        if is_late {
            self.counters.late =
                self.counters.late.saturating_add(u32::try_from(exchanges).unwrap_or(u32::MAX));
        }
        let mut slots = SlotMap::default();
        let has_open: bool = from.get();
        let open = Some(at).filter(|at| has_open && !is_late && self.begin(at.bucket));
        self.absorb_hosts(open, from, &mut slots);
        self.absorb_routes(open, from, &mut slots);
        if has_open {
            self.absorb_open(open, from, &slots);
        }
        (exchanges, slots)
    }

    /// Encodes the baselines.
    pub(crate) fn encode_baselines(&self, to: &mut Encoder<'_>) {
        self.last_seen.micros().encode(to);
        self.snapshots.newest().encode(to);
        let index = self.snapshots.newest_index();
        self.baseline.encode_snapshot(index, to);
        (self.routes.len() as u64).encode(to);
        for (slot, (name, route)) in (0..).zip(self.routes.iter()) {
            self.routes.hash(slot).encode(to);
            to.name(name);
            self.routes.since(slot).encode(to);
            route.baseline.encode_snapshot(index, to);
        }
    }

    /// Decodes baselines and applies them. Returns the routes whose slots were reassigned, as a bit mask.
    pub(crate) fn decode_baselines(&mut self, from: &mut Decoder<'_>) -> u8 {
        self.last_seen = self.last_seen.max(Timestamp::from_micros(from.get()));
        let snapshot: Snapshot = from.get();
        let is_new = snapshot.bucket > self.snapshots.newest().bucket;
        let index = if is_new { self.snapshots.next_index() } else { self.snapshots.newest_index() };
        self.baseline.decode_snapshot(index, from);
        let mut replaced = 0;
        for slot in 0..from.get::<u64>().min(MAX_ROUTES as u64) as u8 {
            let (hash, name, since) = (from.get(), from.name(), from.get());
            if self.routes.set(slot, hash, name, since) {
                replaced |= 1 << slot;
            }
            let Some(route) = self.routes.get_mut(slot) else { return replaced };
            route.baseline.decode_snapshot(index, from);
        }
        if is_new {
            self.snapshots.push(snapshot);
        }
        replaced
    }

    /// Discards the content of open buckets; counts stay.
    pub(crate) fn discard_delta(&mut self) {
        self.open.iter_mut().for_each(|open| *open = OpenBucket::default());
    }

    fn encode_hosts(&self, to: &mut Encoder<'_>) {
        let used = || (0_u8..).zip(self.hosts.iter()).filter(|(_, (_, host))| host.has_counts());
        (used().count() as u64).encode(to);
        for (slot, (name, host)) in used() {
            slot.encode(to);
            host.encode(to);
            self.hosts.hash(slot).encode(to);
            to.name(name);
        }
    }

    fn absorb_hosts(&mut self, at: Option<OpenAt>, from: &mut Decoder<'_>, slots: &mut SlotMap) {
        for _ in 0..from.get::<u64>() {
            let (slot, host): (u8, HostCounts) = (from.get(), from.get());
            let (hash, name) = (from.get(), from.name());
            if from.is_broken() {
                return;
            }
            let place = self.count_host(hash, name, host, at);
            if let Some(entry) = slots.hosts.get_mut(usize::from(slot)) {
                *entry = place;
            }
        }
    }

    fn drain_routes(&mut self, to: &mut Encoder<'_>) {
        let is_used = |slot: &u8| self.routes.get(*slot).is_some_and(|route| route.exchanges > 0);
        let used = (0..MAX_ROUTES as u8).filter(is_used).fold(0_u8, |mask, slot| mask | 1 << slot);
        used.count_ones().encode(to);
        for slot in (0..MAX_ROUTES as u8).filter(|slot| used >> slot & 1 == 1) {
            slot.encode(to);
            self.routes.hash(slot).encode(to);
            if let Some(route) = self.routes.get_mut(slot) {
                route.drain(to);
            }
        }
    }

    fn absorb_routes(&mut self, at: Option<OpenAt>, from: &mut Decoder<'_>, slots: &mut SlotMap) {
        let mut used = 0;
        for _ in 0..from.get::<u64>() {
            let slot: u8 = from.get();
            let found = self.routes.find_at(from.get(), at.map_or(u32::MAX, |at| at.comparable));
            let mut discarded = RouteState::default();
            let route = found.and_then(|slot| self.routes.get_mut(slot)).unwrap_or(&mut discarded);
            route.absorb(from);
            if from.is_broken() {
                return;
            }
            used |= found.map_or(0, |slot| 1 << slot);
            if let Some(entry) = slots.routes.get_mut(usize::from(slot)) {
                *entry = found;
            }
        }
        if let Some(open) = at.and_then(|at| self.open.get_mut(at.index)) {
            open.used_routes |= used;
        }
    }

    /// Returns true if a bucket is open and contains exchanges.
    fn has_open(&self, bucket: u64) -> bool {
        let open = self.open.get(self.open_index(bucket));
        open.is_some_and(|open| open.filled && open.bucket == bucket)
    }

    /// Begins a bucket unless it is open. Returns false if another one is open in its place.
    fn begin(&mut self, bucket: u64) -> bool {
        let index = self.open_index(bucket);
        let open = self.open.get_mut(index).filter(|open| !open.filled || open.bucket == bucket);
        open.map(|open| (open.bucket, open.filled) = (bucket, true)).is_some()
    }

    fn drain_open(&mut self, bucket: u64, to: &mut Encoder<'_>) {
        let index = self.open_index(bucket);
        let open = self.open.get_mut(index).filter(|open| open.filled && open.bucket == bucket);
        if let Some(open) = open {
            open.filled = false;
            Max(&mut open.retry_limit).drain(to);
            open.sample.drain(to);
            open.used_routes = 0;
            let (routes, refused) = open.new_routes.take();
            refused.encode(to);
            (routes.len() as u64).encode(to);
            for route in routes {
                route.hash.encode(to);
                route.weight.encode(to);
                to.name(&route.name);
            }
        }
    }

    fn absorb_open(&mut self, at: Option<OpenAt>, from: &mut Decoder<'_>, slots: &SlotMap) {
        let has_room = at.is_some_and(|at| self.routes.has_room(at.comparable));
        let mut discarded = OpenBucket::default();
        let open = at.and_then(|at| self.open.get_mut(at.index)).unwrap_or(&mut discarded);
        Max(&mut open.retry_limit).absorb(from);
        open.sample.absorb(from, |slot| slots.routes.get(usize::from(slot)).copied().flatten());
        open.new_routes.refused |= from.get::<bool>();
        for _ in 0..from.get::<u64>() {
            let (hash, weight, name) = (from.get(), from.get(), from.name());
            if from.is_broken() {
                return;
            }
            if !name.is_empty() {
                offer_route(&mut open.new_routes, hash, name, weight, has_room);
            }
        }
    }
}
