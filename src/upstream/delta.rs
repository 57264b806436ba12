//! Messages about one upstream between workers and their reporter: deltas of counters one way, baselines the other.
//!
//! Each process assigns slots on its own, so hosts travel with their names and routes with their hashes.

use super::open_bucket::OpenBucket;
use super::slots::{HostCounts, MAX_HOSTS, MAX_ROUTES, RouteState};
use super::state::UpstreamState;
use crate::codec::Codec;
use crate::units::Timestamp;
use alloc::vec::Vec;

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

    /// Encodes and drains everything counted since the last delta and the content of `bucket`, or decodes another
    /// process's delta and adds it. A late delta contributes only its counts. Returns the number of exchanges, and the
    /// slots that the sender's hosts and routes have here.
    pub(crate) fn transfer(&mut self, bucket: u64, codec: &mut Codec<'_>, is_late: bool) -> (u64, SlotMap) {
        let is_out = codec.is_out();
        let mut seen = self.last_seen.micros();
        codec.extreme(&mut seen, self.last_seen.micros(), Ord::max);
        self.last_seen = Timestamp::from_micros(seen);
        let before = self.counters.exchanges();
        self.counters.transfer(codec);
        let exchanges = self.counters.exchanges().abs_diff(before);
        if is_late && !is_out {
            self.counters.late =
                self.counters.late.saturating_add(u32::try_from(exchanges).unwrap_or(u32::MAX));
        }
        let mut slots = SlotMap::default();
        if is_out {
            slots.hosts = core::array::from_fn(|slot| Some(slot as u8));
            slots.routes = core::array::from_fn(|slot| Some(slot as u8).filter(|_| slot < MAX_ROUTES));
        }
        self.transfer_hosts(codec, &mut slots);
        self.transfer_routes(bucket, codec, &mut slots);
        self.transfer_open(bucket, codec, &slots, is_late);
        if is_out {
            self.clear_counts();
        }
        (exchanges, slots)
    }

    /// Encodes the baselines, or decodes and applies them. Returns the routes whose slots were reassigned, as a bit
    /// mask.
    pub(crate) fn transfer_baseline(&mut self, codec: &mut Codec<'_>) -> u8 {
        let mut seen = self.last_seen.micros();
        codec.copy(&mut seen);
        self.last_seen = self.last_seen.max(Timestamp::from_micros(seen));
        let mut snapshot = self.snapshots.newest();
        codec.copy(&mut snapshot.bucket);
        codec.copy(&mut snapshot.max_attempts);
        snapshot.routes_full = codec.number(snapshot.routes_full.into()) > 0;
        let is_new = !codec.is_out() && snapshot.bucket > self.snapshots.newest().bucket;
        let index = if is_new { self.snapshots.next_index() } else { self.snapshots.newest_index() };
        self.baseline.transfer_baseline(index, codec);
        let mut replaced = 0;
        for slot in 0..codec.number(self.routes.len() as u64).min(MAX_ROUTES as u64) as u8 {
            let own = self.routes.hash(slot);
            let hash = codec.number(own.into()) as u32;
            let name = codec.name(self.routes.name(slot).unwrap_or_default());
            if !codec.is_out() && hash != own {
                self.routes.set(slot, hash, name);
                replaced |= 1 << slot;
            }
            let Some(route) = self.routes.get_mut(slot) else { return replaced };
            codec.copy(&mut route.since);
            route.baseline.transfer_baseline(index, codec);
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

    fn transfer_hosts(&mut self, codec: &mut Codec<'_>, slots: &mut SlotMap) {
        let used: Vec<u8> = (0..MAX_HOSTS as u8)
            .filter(|slot| self.hosts.get(*slot).is_some_and(HostCounts::has_counts))
            .collect();
        for index in 0..codec.number(used.len() as u64) as usize {
            let mut slot = used.get(index).copied().unwrap_or_default();
            let mut host = self.hosts.get(slot).filter(|_| codec.is_out()).copied().unwrap_or_default();
            codec.copy(&mut slot);
            codec.copy(&mut host.attempts);
            codec.copy(&mut host.failed);
            codec.copy(&mut host.blamed);
            let hash = codec.number(self.hosts.hash(slot).into()) as u32;
            let name = codec.name(self.hosts.name(slot).unwrap_or_default());
            if codec.is_out() {
                continue;
            }
            if codec.is_broken() {
                return;
            }
            let (found, replaced) = self.host_slot(hash, name, host.blamed > 0);
            slots.replaced_hosts |= replaced;
            if let Some(own) = found.and_then(|own| self.hosts.get_mut(own)) {
                own.attempts = own.attempts.saturating_add(host.attempts);
                own.failed = own.failed.saturating_add(host.failed);
                own.blamed = own.blamed.saturating_add(host.blamed);
            }
            if let Some(entry) = slots.hosts.get_mut(usize::from(slot)) {
                *entry = found;
            }
        }
    }

    fn transfer_routes(&mut self, bucket: u64, codec: &mut Codec<'_>, slots: &mut SlotMap) {
        let is_used = |slot: &u8| self.routes.get(*slot).is_some_and(|route| route.exchanges > 0);
        let used: Vec<u8> = (0..MAX_ROUTES as u8).filter(is_used).collect();
        for index in 0..codec.number(used.len() as u64) as usize {
            let mut slot = used.get(index).copied().unwrap_or_default();
            codec.copy(&mut slot);
            let hash = codec.number(self.routes.hash(slot).into()) as u32;
            let found = self.routes.find(hash);
            let mut discarded = RouteState::default();
            let route = found.and_then(|slot| self.routes.get_mut(slot)).unwrap_or(&mut discarded);
            codec.count(&mut route.exchanges);
            codec.count(&mut route.near_misses);
            route.last_used = route.last_used.max(bucket as u32);
            if codec.is_broken() {
                return;
            }
            if let Some(entry) = slots.routes.get_mut(usize::from(slot)) {
                *entry = found;
            }
        }
    }

    fn transfer_open(&mut self, bucket: u64, codec: &mut Codec<'_>, slots: &SlotMap, is_late: bool) {
        let index = (bucket % self.open.len().max(1) as u64) as usize;
        let mut discarded = OpenBucket::default();
        let own = self
            .open
            .get_mut(index)
            .filter(|open| codec.is_out() || !is_late && (!open.filled || open.bucket == bucket));
        let open = own.unwrap_or(&mut discarded);
        if codec.number((open.filled && open.bucket == bucket).into()) == 0 {
            return;
        }
        (open.bucket, open.filled) = (bucket, !codec.is_out());
        codec.extreme(&mut open.retry_limit, 0, Ord::max);
        open.sample.transfer(codec, |slot| slots.routes.get(usize::from(slot)).copied().flatten());
        let new_routes = core::mem::take(&mut open.new_routes);
        for index in 0..codec.number(new_routes.len() as u64) as usize {
            let (hash, name) = new_routes.get(index).map_or((0, ""), |(hash, name)| (*hash, &**name));
            let hash = codec.number(hash.into()) as u32;
            let name = codec.name(name);
            if !name.is_empty() {
                open.offer_route(hash, name);
            }
            if codec.is_broken() {
                return;
            }
        }
        if codec.is_out() {
            open.new_routes.clear();
        } else {
            new_routes.iter().for_each(|(hash, name)| open.offer_route(*hash, name));
        }
    }
}
