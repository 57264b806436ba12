//! Messages about one upstream between workers and their reporter: deltas of counters one way, baselines the other.
//!
//! Each process assigns slots on its own, so hosts travel with their names and routes with their hashes.

use super::open_bucket::OpenBucket;
use super::slots::{HostCounts, MAX_HOSTS, MAX_ROUTES, RouteState};
use super::state::UpstreamState;
use crate::codec::{Absorb, Decoder, Drain, Encode, Encoder, Max};
use crate::snapshots::Snapshot;
use crate::units::Timestamp;

/// Maps the sender's slots to the receiver's. One more route stands for all that are not tracked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotMap {
    pub(crate) hosts: [Option<u8>; MAX_HOSTS],
    pub(crate) routes: [Option<u8>; MAX_ROUTES + 1],
    /// Hosts whose slots were reassigned, as a bit mask.
    pub(crate) replaced_hosts: u16,
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
        self.encode_hosts(to);
        self.drain_routes(to);
        self.drain_open(bucket, to);
        self.clear_counts();
    }

    /// Decodes another process's delta and adds it. A late delta contributes only its counts. Returns the number of
    /// exchanges, and the slots that the sender's hosts and routes have here.
    pub(crate) fn absorb(&mut self, bucket: u64, from: &mut Decoder<'_>, is_late: bool) -> (u64, SlotMap) {
        self.last_seen = self.last_seen.max(Timestamp::from_micros(from.get()));
        let before = self.counters.exchanges();
        self.counters.absorb(from);
        let exchanges = self.counters.exchanges().abs_diff(before);
        if is_late {
            self.counters.late =
                self.counters.late.saturating_add(u32::try_from(exchanges).unwrap_or(u32::MAX));
        }
        let mut slots = SlotMap::default();
        self.absorb_hosts(from, &mut slots);
        self.absorb_routes(bucket, from, &mut slots);
        self.absorb_open(bucket, from, &slots, is_late);
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
            route.since.encode(to);
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
            let (hash, name) = (from.get(), from.name());
            if hash != self.routes.hash(slot) {
                self.routes.set(slot, hash, name);
                replaced |= 1 << slot;
            }
            let Some(route) = self.routes.get_mut(slot) else { return replaced };
            route.since = from.get();
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

    fn absorb_hosts(&mut self, from: &mut Decoder<'_>, slots: &mut SlotMap) {
        for _ in 0..from.get::<u64>() {
            let (slot, host): (u8, HostCounts) = (from.get(), from.get());
            let (hash, name) = (from.get(), from.name());
            if from.is_broken() {
                return;
            }
            let (found, replaced) = self.host_slot(hash, name, host.blamed > 0);
            slots.replaced_hosts |= replaced;
            if let Some(own) = found.and_then(|own| self.hosts.get_mut(own)) {
                own.add(host);
            }
            if let Some(entry) = slots.hosts.get_mut(usize::from(slot)) {
                *entry = found;
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

    fn absorb_routes(&mut self, bucket: u64, from: &mut Decoder<'_>, slots: &mut SlotMap) {
        for _ in 0..from.get::<u64>() {
            let slot: u8 = from.get();
            let found = self.routes.find(from.get());
            let mut discarded = RouteState::default();
            let route = found.and_then(|slot| self.routes.get_mut(slot)).unwrap_or(&mut discarded);
            route.absorb(from);
            route.last_used = route.last_used.max(bucket as u32);
            if from.is_broken() {
                return;
            }
            if let Some(entry) = slots.routes.get_mut(usize::from(slot)) {
                *entry = found;
            }
        }
    }

    fn drain_open(&mut self, bucket: u64, to: &mut Encoder<'_>) {
        let index = self.open_index(bucket);
        let open = self.open.get_mut(index).filter(|open| open.filled && open.bucket == bucket);
        open.is_some().encode(to);
        if let Some(open) = open {
            open.filled = false;
            Max(&mut open.retry_limit).drain(to);
            open.sample.drain(to);
            (open.new_routes.len() as u64).encode(to);
            for (hash, name) in core::mem::take(&mut open.new_routes) {
                hash.encode(to);
                to.name(&name);
            }
        }
    }

    fn absorb_open(&mut self, bucket: u64, from: &mut Decoder<'_>, slots: &SlotMap, is_late: bool) {
        if !from.get::<bool>() {
            return;
        }
        let index = self.open_index(bucket);
        let own = self.open.get_mut(index);
        let mut discarded = OpenBucket::default();
        let open =
            own.filter(|open| !is_late && (!open.filled || open.bucket == bucket)).unwrap_or(&mut discarded);
        (open.bucket, open.filled) = (bucket, true);
        Max(&mut open.retry_limit).absorb(from);
        open.sample.absorb(from, |slot| slots.routes.get(usize::from(slot)).copied().flatten());
        for _ in 0..from.get::<u64>() {
            let (hash, name) = (from.get(), from.name());
            if from.is_broken() {
                return;
            }
            if !name.is_empty() {
                open.offer_route(hash, name);
            }
        }
    }
}
