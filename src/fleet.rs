//! Many upstreams, never more than a bound.
//!
//! A newcomer beyond the bound replaces only an upstream that has been idle for an hour; until there is one it counts as
//! `other`. Found by a hash of the name; walked in the order of names, so that nothing depends on who came first.

use crate::episode::Detector;
use crate::hash;
use crate::name::NO_UPSTREAM;
use crate::sort;
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
    pub(crate) detector: Box<Detector>,
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
    fn is_reserved(&self) -> bool {
        self.is_none || self.upstream.name() == OTHER
    }
}

/// All upstreams that are told apart.
#[derive(Debug)]
pub(crate) struct Fleet {
    entries: Vec<Entry>,
    by_hash: HashTable<u32>,
    /// Places in `entries`, ordered by name.
    by_name: Vec<u32>,
    max: usize,
    /// How many of the entries do not count against the bound.
    reserved: usize,
    next_id: u32,
    /// No upstream will have been idle long enough before this.
    none_idle_before: Timestamp,
}

/// Where an upstream stands in the fleet.
pub(crate) enum Lookup {
    /// Here.
    Found(usize),
    /// Nowhere: the upstream there must leave first.
    Replaces(usize),
    /// Nowhere, and there is no room.
    Full,
}

impl Fleet {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            entries: Vec::new(),
            by_hash: HashTable::new(),
            by_name: Vec::new(),
            max,
            reserved: 0,
            next_id: 0,
            none_idle_before: Timestamp::default(),
        }
    }

    /// The lookup of an upstream, which is given one if there is room.
    pub(crate) fn lookup(&mut self, name: &str, open_buckets: usize, now: Timestamp) -> Lookup {
        let hash = hash::hash(name.as_bytes());
        if let Some(index) = self.find(hash, name) {
            return Lookup::Found(index);
        }
        // The two names that stand for others do not count against the bound.
        let is_reserved = name == OTHER || name == NO_UPSTREAM;
        if is_reserved || self.entries.len() < self.max + self.reserved {
            self.reserved += usize::from(is_reserved);
            return Lookup::Found(self.insert(hash, name, open_buckets, now));
        }
        self.idle(now).map_or(Lookup::Full, Lookup::Replaces)
    }

    /// Takes an upstream out.
    pub(crate) fn remove(&mut self, index: usize) {
        if index >= self.entries.len() {
            return;
        }
        self.entries.swap_remove(index);
        self.reindex();
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Entry> {
        self.entries.get_mut(index)
    }

    /// The index of the upstream that is `position`th by name.
    pub(crate) fn by_name(&self, position: usize) -> Option<usize> {
        self.by_name.get(position).map(|index| *index as usize)
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
        let same = |index: &u32| {
            self.entries
                .get(*index as usize)
                .is_some_and(|entry| entry.hash == hash && entry.upstream.name() == name)
        };
        self.by_hash.find(hash, same).map(|index| *index as usize)
    }

    fn insert(&mut self, hash: u64, name: &str, open_buckets: usize, now: Timestamp) -> usize {
        let index = self.entries.len();
        self.entries.push(Entry {
            id: UpstreamId(self.next_id),
            upstream: Upstream::new(name, open_buckets, now),
            detector: Box::new(Detector::new(open_buckets)),
            is_none: name == NO_UPSTREAM,
            summarised: now,
            seq: 0,
            paid_until: Timestamp::default(),
            suppressed: 0,
            hash,
        });
        self.next_id = self.next_id.wrapping_add(1);
        let Self { entries, by_hash, by_name, .. } = self;
        let hash_at = |index: &u32| entries.get(*index as usize).map_or(0, |entry| entry.hash);
        by_hash.insert_unique(hash, index as u32, hash_at);
        let position = by_name.partition_point(|index| name_at(entries, *index) < name);
        by_name.insert(position, index as u32);
        index
    }

    /// The upstream that has been idle longest, if that is long enough.
    fn idle(&mut self, now: Timestamp) -> Option<usize> {
        if now < self.none_idle_before {
            return None;
        }
        let candidates = self.entries.iter().enumerate().filter(|(_, entry)| !entry.is_reserved());
        let (index, entry) = candidates.min_by(|(_, a), (_, b)| {
            (a.upstream.last_seen, a.upstream.name()).cmp(&(b.upstream.last_seen, b.upstream.name()))
        })?;
        if now.since(entry.upstream.last_seen) > IDLE {
            return Some(index);
        }
        self.none_idle_before = entry.upstream.last_seen.after(IDLE);
        None
    }

    fn reindex(&mut self) {
        let Self { entries, by_hash, by_name, .. } = self;
        let hash_at = |index: &u32| entries.get(*index as usize).map_or(0, |entry| entry.hash);
        by_hash.clear();
        by_name.clear();
        for (index, entry) in entries.iter().enumerate() {
            by_hash.insert_unique(entry.hash, index as u32, hash_at);
            by_name.push(index as u32);
        }
        sort::sort_by(by_name, |a, b| name_at(entries, *a) < name_at(entries, *b));
    }
}

fn name_at(entries: &[Entry], index: u32) -> &str {
    entries.get(index as usize).map_or("", |entry| entry.upstream.name())
}
