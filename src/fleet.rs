//! A bounded set of upstreams.
//!
//! A newcomer beyond the bound replaces only an upstream that has been idle for an hour; until there is one, its exchanges
//! count as `other`. Lookups use a hash of the name, iteration the order of names, so results do not depend on arrival order.

use crate::episode::Detector;
use crate::hash;
use crate::name::NO_UPSTREAM;
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

    /// Removes an upstream; the last entry takes its index.
    pub(crate) fn remove(&mut self, index: usize) {
        let Some(last) = self.entries.len().checked_sub(1) else { return };
        let (Some(position), Some(last_position)) = (self.position(index), self.position(last)) else {
            return;
        };
        if let Some(moved) = self.by_name.get_mut(last_position) {
            *moved = index as u32;
        }
        self.by_name.remove(position);
        let hash_at = |index: usize| self.entries.get(index).map_or(0, |entry| entry.hash);
        let (removed_hash, last_hash) = (hash_at(index), hash_at(last));
        if let Ok(removed) = self.by_hash.find_entry(removed_hash, |other| *other == index as u32) {
            removed.remove();
        }
        if let Some(moved) = self.by_hash.find_mut(last_hash, |other| *other == last as u32) {
            *moved = index as u32;
        }
        self.entries.swap_remove(index);
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

    /// Returns the position in the order of names of the upstream at `index`.
    fn position(&self, index: usize) -> Option<usize> {
        let name = self.entries.get(index)?.upstream.name();
        Some(self.by_name.partition_point(|other| name_at(&self.entries, *other) < name))
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
}

fn name_at(entries: &[Entry], index: u32) -> &str {
    entries.get(index as usize).map_or("", |entry| entry.upstream.name())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::{String, ToString};
    use core::time::Duration;
    use proptest::prelude::*;
    use std::time::Instant;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_423_554);

    fn add(fleet: &mut Fleet, name: &str) -> UpstreamId {
        let Lookup::Found(index) = fleet.lookup(name, 1, NOW) else { panic!("{name} has no room") };
        fleet.get(index).unwrap().id
    }

    fn remove(fleet: &mut Fleet, name: &str) {
        let index = fleet.find(hash::hash(name.as_bytes()), name).unwrap();
        fleet.remove(index);
    }

    proptest! {
        #[test]
        fn order_and_lookups_survive_evictions(steps in prop::collection::vec((any::<bool>(), 0..40_u32), 1..200)) {
            let mut fleet = Fleet::new(100);
            let mut model = BTreeMap::new();
            for (is_insert, number) in steps {
                let name = format!("upstream-{number}");
                if is_insert {
                    let id = add(&mut fleet, &name);
                    prop_assert_eq!(*model.entry(name).or_insert(id), id);
                } else if model.remove(&name).is_some() {
                    remove(&mut fleet, &name);
                }
                let in_order: Vec<(String, UpstreamId)> = (0..)
                    .map_while(|position| fleet.by_name(position))
                    .map(|index| fleet.get(index).unwrap())
                    .map(|entry| (entry.upstream.name().to_string(), entry.id))
                    .collect();
                let expected: Vec<_> = model.iter().map(|(name, id)| (name.clone(), *id)).collect();
                prop_assert_eq!(in_order, expected);
                prop_assert_eq!((fleet.len(), fleet.by_hash.len()), (model.len(), model.len()));
                for number in 0..40 {
                    let name = format!("upstream-{number}");
                    let found = fleet.find(hash::hash(name.as_bytes()), &name).and_then(|index| fleet.get(index));
                    prop_assert_eq!(found.map(|entry| entry.id), model.get(&name).copied());
                }
            }
        }
    }

    #[test]
    fn an_eviction_does_not_sort_the_fleet() {
        // With a sort, each of these evictions takes tens of milliseconds.
        let mut fleet = Fleet::new(5_000);
        for number in 0..5_000 {
            add(&mut fleet, &format!("upstream-{number}"));
        }
        let start = Instant::now();
        for number in 0..1_000 {
            remove(&mut fleet, &format!("upstream-{number}"));
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}
