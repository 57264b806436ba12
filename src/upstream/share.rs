//! What several see of one upstream, put together in one place; and what is usual there, told to all of them.
//!
//! Counts travel with the names of their hosts and the hashes of their routes: slots are everybody's own.

use super::{Host, MAX_HOSTS, MAX_ROUTES, OpenBucket, Route, Upstream};
use crate::codec::Codec;
use crate::units::Timestamp;
use alloc::vec::Vec;

/// Where the other's hosts and routes are here; one more route stands for all that are not told apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    pub(crate) hosts: [Option<u8>; MAX_HOSTS],
    pub(crate) routes: [Option<u8>; MAX_ROUTES + 1],
    /// The hosts whose slots were given to others, as bits.
    pub(crate) replaced_hosts: u16,
}

impl Upstream {
    /// Whether there is anything to pass on.
    pub(crate) fn has_counted(&self) -> bool {
        !self.counters.is_empty() || self.is_open()
    }

    /// Passes on all that was counted since the last time, and what `bucket` has gathered; or takes in what another
    /// counted. Of what came too late only the counts are kept. Returns how many exchanges there were, and where the
    /// other's hosts and routes are.
    pub(crate) fn pass(&mut self, bucket: u64, codec: &mut Codec<'_>, is_late: bool) -> (u64, Places) {
        let is_out = codec.is_out();
        let mut seen = self.last_seen.micros();
        codec.extreme(&mut seen, self.last_seen.micros(), Ord::max);
        self.last_seen = Timestamp::from_micros(seen);
        let before = self.counters.exchanges();
        self.counters.pass(codec);
        let exchanges = self.counters.exchanges().abs_diff(before);
        if is_late && !is_out {
            self.counters.late =
                self.counters.late.saturating_add(u32::try_from(exchanges).unwrap_or(u32::MAX));
        }
        let mut places = Places::default();
        if is_out {
            places.hosts = core::array::from_fn(|slot| Some(slot as u8));
            places.routes = core::array::from_fn(|slot| Some(slot as u8).filter(|_| slot < MAX_ROUTES));
        }
        self.pass_hosts(codec, &mut places);
        self.pass_routes(bucket, codec, &mut places);
        self.pass_open(bucket, codec, &places, is_late);
        if is_out {
            self.clear_counts();
        }
        (exchanges, places)
    }

    /// What is usual, to be told elsewhere, or as it was told. Returns the routes whose slots were given to others, as bits.
    pub(crate) fn tell(&mut self, codec: &mut Codec<'_>) -> u8 {
        let mut seen = self.last_seen.micros();
        codec.tell(&mut seen);
        self.last_seen = self.last_seen.max(Timestamp::from_micros(seen));
        let mut version = self.versions.newest();
        codec.tell(&mut version.bucket);
        codec.tell(&mut version.max_attempts);
        version.routes_full = codec.number(version.routes_full.into()) > 0;
        let is_news = !codec.is_out() && version.bucket > self.versions.newest().bucket;
        let place = if is_news { self.versions.next_place() } else { self.versions.newest_place() };
        self.baseline.tell(place, codec);
        let mut replaced = 0;
        for slot in 0..codec.number(self.routes.len() as u64).min(MAX_ROUTES as u64) as u8 {
            let own = self.routes.hash(slot);
            let hash = codec.number(own.into()) as u32;
            let name = codec.name(self.routes.name(slot).unwrap_or_default());
            if !codec.is_out() && hash != own {
                self.routes.put(slot, hash, name);
                replaced |= 1 << slot;
            }
            let Some(route) = self.routes.get_mut(slot) else { return replaced };
            codec.tell(&mut route.since);
            route.baseline.tell(place, codec);
        }
        if is_news {
            self.versions.push(version);
        }
        replaced
    }

    /// Lets go of what open buckets have gathered; counts stay.
    pub(crate) fn let_go(&mut self) {
        self.open.iter_mut().for_each(|open| *open = OpenBucket::default());
    }

    fn pass_hosts(&mut self, codec: &mut Codec<'_>, places: &mut Places) {
        let told: Vec<u8> =
            (0..MAX_HOSTS as u8).filter(|slot| self.hosts.get(*slot).is_some_and(Host::is_told)).collect();
        for place in 0..codec.number(told.len() as u64) as usize {
            let mut slot = told.get(place).copied().unwrap_or_default();
            let mut host = self.hosts.get(slot).filter(|_| codec.is_out()).copied().unwrap_or_default();
            codec.tell(&mut slot);
            codec.tell(&mut host.attempts);
            codec.tell(&mut host.failed);
            codec.tell(&mut host.blamed);
            let hash = codec.number(self.hosts.hash(slot).into()) as u32;
            let name = codec.name(self.hosts.name(slot).unwrap_or_default());
            if codec.is_out() {
                continue;
            }
            if codec.is_broken() {
                return;
            }
            let (found, replaced) = self.host_slot(hash, name, host.blamed > 0);
            places.replaced_hosts |= replaced;
            if let Some(own) = found.and_then(|own| self.hosts.get_mut(own)) {
                own.attempts = own.attempts.saturating_add(host.attempts);
                own.failed = own.failed.saturating_add(host.failed);
                own.blamed = own.blamed.saturating_add(host.blamed);
            }
            if let Some(place) = places.hosts.get_mut(usize::from(slot)) {
                *place = found;
            }
        }
    }

    fn pass_routes(&mut self, bucket: u64, codec: &mut Codec<'_>, places: &mut Places) {
        let used = |slot: &u8| self.routes.get(*slot).is_some_and(|route| route.exchanges > 0);
        let told: Vec<u8> = (0..MAX_ROUTES as u8).filter(used).collect();
        for place in 0..codec.number(told.len() as u64) as usize {
            let mut slot = told.get(place).copied().unwrap_or_default();
            codec.tell(&mut slot);
            let hash = codec.number(self.routes.hash(slot).into()) as u32;
            let found = self.routes.find(hash);
            let mut nobody = Route::default();
            let route = found.and_then(|slot| self.routes.get_mut(slot)).unwrap_or(&mut nobody);
            codec.count(&mut route.exchanges);
            codec.count(&mut route.near_misses);
            route.last_used = route.last_used.max(bucket as u32);
            if codec.is_broken() {
                return;
            }
            if let Some(place) = places.routes.get_mut(usize::from(slot)) {
                *place = found;
            }
        }
    }

    fn pass_open(&mut self, bucket: u64, codec: &mut Codec<'_>, places: &Places, is_late: bool) {
        let place = (bucket % self.open.len().max(1) as u64) as usize;
        let mut nobody = OpenBucket::default();
        let own = self
            .open
            .get_mut(place)
            .filter(|open| codec.is_out() || !is_late && (!open.filled || open.bucket == bucket));
        let open = own.unwrap_or(&mut nobody);
        if codec.number((open.filled && open.bucket == bucket).into()) == 0 {
            return;
        }
        (open.bucket, open.filled) = (bucket, !codec.is_out());
        codec.extreme(&mut open.retry_limit, 0, Ord::max);
        open.sample.pass(codec, |slot| places.routes.get(usize::from(slot)).copied().flatten());
        let newcomers = core::mem::take(&mut open.newcomers);
        for place in 0..codec.number(newcomers.len() as u64) as usize {
            let (hash, name) = newcomers.get(place).map_or((0, ""), |(hash, name)| (*hash, &**name));
            let hash = codec.number(hash.into()) as u32;
            let name = codec.name(name);
            if !name.is_empty() {
                open.meet(hash, name);
            }
            if codec.is_broken() {
                return;
            }
        }
        if codec.is_out() {
            open.newcomers.clear();
        } else {
            newcomers.iter().for_each(|(hash, name)| open.meet(*hash, name));
        }
    }
}

impl Host {
    /// Whether anything is counted of it.
    fn is_told(&self) -> bool {
        self.attempts > 0 || self.blamed > 0
    }
}
