//! Many upstreams, never more than a bound.
//!
//! A newcomer beyond the bound replaces only an upstream that has been idle for an hour; until there is one it counts as
//! `other`. Found by a hash of the name; walked in the order of names, so that nothing depends on who came first.

use crate::episode::Watch;
use crate::exchange::{self, NO_UPSTREAM};
use crate::order;
use crate::units::{Micros, Timestamp};
use crate::upstream::Upstream;
use alloc::boxed::Box;
use alloc::vec::Vec;
use hashbrown::HashTable;

/// The name under which upstreams beyond the bound count together.
pub const OTHER: &str = "other";
/// An upstream without exchanges for this long may be replaced.
const IDLE: Micros = Micros::from_seconds(3_600);

/// Names an upstream for as long as it is in the fleet; never used twice.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct UpstreamId(u32);

impl UpstreamId {
    /// The number of upstreams that were taken in before this one.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// One upstream of the fleet, with what is only kept because it is one of many.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: UpstreamId,
    pub(crate) upstream: Upstream,
    /// What tells whether its near misses add up to an episode.
    pub(crate) watch: Box<Watch>,
    /// Its name is [`NO_UPSTREAM`]: counted, never judged.
    pub(crate) is_none: bool,
    /// When its last summary ended.
    pub(crate) summarised: Timestamp,
    /// Number of its next summary.
    pub(crate) seq: u64,
    /// When the records it has sent would be paid for, at the configured rate.
    pub(crate) paid_until: Timestamp,
    /// Records held back since the last one that left.
    pub(crate) suppressed: u32,
    hash: u64,
}

impl Entry {
    /// Whether it is one of the two that do not count against the bound.
    fn stands_for_others(&self) -> bool {
        self.is_none || self.upstream.name() == OTHER
    }
}

/// All upstreams that are told apart.
#[derive(Debug)]
pub(crate) struct Fleet {
    entries: Vec<Entry>,
    index: HashTable<u32>,
    /// Places in `entries`, ordered by name.
    by_name: Vec<u32>,
    max: usize,
    /// How many of the entries do not count against the bound.
    stand_ins: usize,
    next_id: u32,
    /// No upstream will have been idle long enough before this.
    none_idle_before: Timestamp,
}

/// Where an upstream stands in the fleet.
pub(crate) enum Seat {
    /// Here.
    Taken(usize),
    /// Nowhere: the upstream there must leave first.
    Replaces(usize),
    /// Nowhere, and there is no room.
    Full,
}

impl Fleet {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            entries: Vec::new(),
            index: HashTable::new(),
            by_name: Vec::new(),
            max,
            stand_ins: 0,
            next_id: 0,
            none_idle_before: Timestamp::default(),
        }
    }

    /// The seat of an upstream, which is given one if there is room.
    pub(crate) fn seat(&mut self, name: &str, open_buckets: usize, now: Timestamp) -> Seat {
        let hash = exchange::hash(name.as_bytes());
        if let Some(place) = self.find(hash, name) {
            return Seat::Taken(place);
        }
        // The two names that stand for others do not count against the bound.
        let stands_for_others = name == OTHER || name == NO_UPSTREAM;
        if stands_for_others || self.entries.len() < self.max + self.stand_ins {
            self.stand_ins += usize::from(stands_for_others);
            return Seat::Taken(self.insert(hash, name, open_buckets, now));
        }
        self.idle(now).map_or(Seat::Full, Seat::Replaces)
    }

    /// Takes an upstream out.
    pub(crate) fn remove(&mut self, place: usize) {
        if place >= self.entries.len() {
            return;
        }
        self.entries.swap_remove(place);
        self.reindex();
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Entry> {
        self.entries.get_mut(place)
    }

    /// The place of the upstream that is `rank`th by name.
    pub(crate) fn by_name(&self, rank: usize) -> Option<usize> {
        self.by_name.get(rank).map(|place| *place as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    fn find(&self, hash: u64, name: &str) -> Option<usize> {
        let same = |place: &u32| {
            self.entries
                .get(*place as usize)
                .is_some_and(|entry| entry.hash == hash && entry.upstream.name() == name)
        };
        self.index.find(hash, same).map(|place| *place as usize)
    }

    fn insert(&mut self, hash: u64, name: &str, open_buckets: usize, now: Timestamp) -> usize {
        let place = self.entries.len();
        self.entries.push(Entry {
            id: UpstreamId(self.next_id),
            upstream: Upstream::new(name, open_buckets, now),
            watch: Box::new(Watch::new(open_buckets)),
            is_none: name == NO_UPSTREAM,
            summarised: now,
            seq: 0,
            paid_until: Timestamp::default(),
            suppressed: 0,
            hash,
        });
        self.next_id = self.next_id.wrapping_add(1);
        let Self { entries, index, by_name, .. } = self;
        let hash_at = |place: &u32| entries.get(*place as usize).map_or(0, |entry| entry.hash);
        index.insert_unique(hash, place as u32, hash_at);
        let rank = by_name.partition_point(|place| name_at(entries, *place) < name);
        by_name.insert(rank, place as u32);
        place
    }

    /// The upstream that has been idle longest, if that is long enough.
    fn idle(&mut self, now: Timestamp) -> Option<usize> {
        if now < self.none_idle_before {
            return None;
        }
        let candidates = self.entries.iter().enumerate().filter(|(_, entry)| !entry.stands_for_others());
        let (place, entry) = candidates.min_by(|(_, a), (_, b)| {
            (a.upstream.last_seen, a.upstream.name()).cmp(&(b.upstream.last_seen, b.upstream.name()))
        })?;
        if now.since(entry.upstream.last_seen) > IDLE {
            return Some(place);
        }
        self.none_idle_before = entry.upstream.last_seen.after(IDLE);
        None
    }

    fn reindex(&mut self) {
        let Self { entries, index, by_name, .. } = self;
        let hash_at = |place: &u32| entries.get(*place as usize).map_or(0, |entry| entry.hash);
        index.clear();
        by_name.clear();
        for (place, entry) in entries.iter().enumerate() {
            index.insert_unique(entry.hash, place as u32, hash_at);
            by_name.push(place as u32);
        }
        order::sort_by(by_name, |a, b| name_at(entries, *a) < name_at(entries, *b));
    }
}

fn name_at(entries: &[Entry], place: u32) -> &str {
    entries.get(place as usize).map_or("", |entry| entry.upstream.name())
}
