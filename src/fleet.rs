//! A bounded set of upstreams.
//!
//! A newcomer beyond the bound replaces only an upstream that has been idle for an hour; until there is one, its exchanges
//! count as `other`. Lookups use a hash of the name, iteration the order of names, so results do not depend on arrival order.

use crate::episode::Detector;
use crate::hash;
use crate::name::NO_UPSTREAM;
use crate::sort;
use crate::units::{Micros, Timestamp};
use crate::upstream::UpstreamState;
use alloc::boxed::Box;
use alloc::vec::Vec;
use hashbrown::HashTable;

/// Name under which upstreams beyond the bound are counted together.
pub const OTHER: &str = "other";
/// Idle time after which an upstream may be replaced.
const IDLE: Micros = Micros::from_seconds(3_600);

/// Identifier of an upstream while it is in the fleet; never reused.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct UpstreamId(u32);

impl UpstreamId {
    /// Returns the number of upstreams that were added before this one.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// One upstream of the fleet with its bookkeeping.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: UpstreamId,
    pub(crate) upstream: UpstreamState,
    /// Detector of its episodes.
    pub(crate) detector: Box<Detector>,
    /// True for [`NO_UPSTREAM`], which is counted and never judged.
    pub(crate) is_none: bool,
    /// End of its last summary.
    pub(crate) summarised: Timestamp,
    /// Sequence number of its next summary.
    pub(crate) seq: u64,
    /// Time up to which its emitted records have used the configured rate.
    pub(crate) paid_until: Timestamp,
    /// Records suppressed since the last emitted one.
    pub(crate) suppressed: u32,
    hash: u64,
}

impl Entry {
    /// Returns true for `none` and `other`, which do not count against the bound.
    fn is_reserved(&self) -> bool {
        self.is_none || self.upstream.name() == OTHER
    }
}

/// All upstreams that are counted separately.
#[derive(Debug)]
pub(crate) struct Fleet {
    entries: Vec<Entry>,
    by_hash: HashTable<u32>,
    /// Indices into `entries`, ordered by name.
    by_name: Vec<u32>,
    max: usize,
    /// Number of entries that do not count against the bound.
    reserved: usize,
    next_id: u32,
    /// Earliest time at which an upstream can have been idle long enough.
    none_idle_before: Timestamp,
}

/// Result of looking up an upstream.
pub(crate) enum Lookup {
    /// Index of the upstream.
    Found(usize),
    /// Not in the fleet; the upstream at this index must be evicted first.
    Replaces(usize),
    /// Not in the fleet, and there is no room.
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

    /// Looks up an upstream, and adds it if there is room.
    pub(crate) fn lookup(&mut self, name: &str, open_buckets: usize, now: Timestamp) -> Lookup {
        let hash = hash::hash(name.as_bytes());
        if let Some(index) = self.find(hash, name) {
            return Lookup::Found(index);
        }
        // `none` and `other` do not count against the bound.
        let is_reserved = name == OTHER || name == NO_UPSTREAM;
        if is_reserved || self.entries.len() < self.max + self.reserved {
            self.reserved += usize::from(is_reserved);
            return Lookup::Found(self.insert(hash, name, open_buckets, now));
        }
        self.idle(now).map_or(Lookup::Full, Lookup::Replaces)
    }

    /// Removes an upstream.
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

    /// Returns the index of the upstream at `position` in the order of names.
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
            upstream: UpstreamState::new(name, open_buckets, now),
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

    /// Returns the upstream that has been idle longest, if that is long enough.
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
