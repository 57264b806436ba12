//! A bounded set of upstreams.
//!
//! A newcomer beyond the bound replaces only an upstream that has been idle for an hour, the longest idle first; until there is
//! one, its exchanges count as `other`. Lookups use a hash of the name, iteration the order of names, so results do not depend on arrival order.

use crate::episode::Detector;
use crate::hash;
use crate::name::NO_UPSTREAM;
use crate::record_rate::RecordRate;
use crate::units::{Micros, Timestamp};
use crate::upstream::UpstreamState;
use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::collections::binary_heap::PeekMut;
use alloc::vec::Vec;
use core::cmp::Reverse;
use hashbrown::HashTable;

/// Name under which upstreams beyond the bound are counted together.
pub const OTHER: &str = "other";
/// Idle time after which an upstream may be replaced.
const IDLE: Micros = Micros::from_seconds(3_600);

/// Identifier of an upstream while it is in the fleet; never reused.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
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
    /// Rate of its exchange records.
    pub(crate) rate: RecordRate,
    /// Records suppressed since the last emitted one.
    pub(crate) suppressed: u32,
    hash: u64,
}

/// All upstreams that are counted separately.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// An upstream keeps its index; that of a removed one is free for another.
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_hash: HashTable<u32>,
    /// Indices into `entries`, ordered by name.
    by_name: Vec<u32>,
    max: usize,
    /// Number of entries that do not count against the bound.
    reserved: usize,
    next_id: u32,
    /// Upstreams by their last exchange, the oldest first. An exchange does not touch its node: a time here is a lower
    /// bound, corrected when it is an hour old.
    by_last_seen: BinaryHeap<Reverse<LastSeen>>,
}

/// Last exchange of an upstream, by time, then by age of the upstream.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct LastSeen {
    at_least: Timestamp,
    id: UpstreamId,
    index: u32,
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
            free: Vec::new(),
            by_hash: HashTable::new(),
            by_name: Vec::new(),
            max,
            reserved: 0,
            next_id: 0,
            by_last_seen: BinaryHeap::new(),
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
        if is_reserved {
            self.reserved += 1;
            return Lookup::Found(self.insert(hash, name, open_buckets, now).index());
        }
        if self.len() < self.max + self.reserved {
            let node = self.insert(hash, name, open_buckets, now);
            self.by_last_seen.push(Reverse(node));
            return Lookup::Found(node.index());
        }
        self.idle(now).map_or(Lookup::Full, Lookup::Replaces)
    }

    /// Removes an upstream.
    pub(crate) fn remove(&mut self, index: usize) {
        let Some(entry) = self.get(index) else { return };
        let (hash, name) = (entry.hash, entry.upstream.name());
        let position = self.by_name.partition_point(|other| name_at(&self.entries, *other) < name);
        if let Ok(removed) = self.by_hash.find_entry(hash, |other| *other == index as u32) {
            removed.remove();
        }
        self.by_name.remove(position);
        self.free.push(index as u32);
        if let Some(entry) = self.entries.get_mut(index) {
            *entry = None;
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Entry> {
        self.entries.get_mut(index)?.as_mut()
    }

    /// Returns the index of the upstream at `position` in the order of names.
    pub(crate) fn by_name(&self, position: usize) -> Option<usize> {
        self.by_name.get(position).map(|index| *index as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Returns true if there is an upstream of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.find(hash::hash(name.as_bytes()), name).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    fn find(&self, hash: u64, name: &str) -> Option<usize> {
        let same = |index: &u32| {
            self.get(*index as usize).is_some_and(|entry| entry.hash == hash && entry.upstream.name() == name)
        };
        self.by_hash.find(hash, same).map(|index| *index as usize)
    }

    fn insert(&mut self, hash: u64, name: &str, open_buckets: usize, now: Timestamp) -> LastSeen {
        let id = UpstreamId(self.next_id);
        let entry = Some(Entry {
            id,
            upstream: UpstreamState::new(name, open_buckets, now),
            detector: Box::new(Detector::new(open_buckets)),
            is_none: name == NO_UPSTREAM,
            summarised: now,
            seq: 0,
            rate: RecordRate::default(),
            suppressed: 0,
            hash,
        });
        self.next_id = self.next_id.wrapping_add(1);
        let Self { entries, free, by_hash, by_name, .. } = self;
        let index = free.pop().unwrap_or(entries.len() as u32);
        match entries.get_mut(index as usize) {
            Some(free) => *free = entry,
            None => entries.push(entry),
        }
        let hash_at = |index: &u32| entry_at(entries, *index).map_or(0, |entry| entry.hash);
        by_hash.insert_unique(hash, index, hash_at);
        let position = by_name.partition_point(|other| name_at(entries, *other) < name);
        by_name.insert(position, index);
        LastSeen { at_least: now, id, index }
    }

    /// Returns the upstream that has been idle longest, if that is long enough. Each upstream is examined at most once an hour.
    fn idle(&mut self, now: Timestamp) -> Option<usize> {
        while let Some(mut oldest) = self.by_last_seen.peek_mut() {
            let Reverse(node) = *oldest;
            if now.since(node.at_least) <= IDLE {
                return None;
            }
            match entry_at(&self.entries, node.index).filter(|entry| entry.id == node.id) {
                Some(entry) if entry.upstream.last_seen == node.at_least => return Some(node.index()),
                Some(entry) => oldest.0.at_least = entry.upstream.last_seen,
                None => drop(PeekMut::pop(oldest)),
            }
        }
        None
    }
}

impl LastSeen {
    fn index(self) -> usize {
        self.index as usize
    }
}

fn entry_at(entries: &[Option<Entry>], index: u32) -> Option<&Entry> {
    entries.get(index as usize)?.as_ref()
}

fn name_at(entries: &[Option<Entry>], index: u32) -> &str {
    entry_at(entries, index).map_or("", |entry| entry.upstream.name())
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

    proptest! {
        #[test]
        fn a_newcomer_replaces_the_upstream_that_has_been_idle_longest_and_for_an_hour(
            steps in prop::collection::vec((0..12_u32, 0..1_500_u64), 1..200)
        ) {
            let mut fleet = Fleet::new(5);
            let mut model = BTreeMap::<String, (Timestamp, UpstreamId)>::new();
            let mut now = NOW;
            for (number, seconds) in steps {
                now = now.after(Micros::from_seconds(seconds));
                let name = format!("upstream-{number}");
                let longest = model.iter().min_by_key(|(_, seen)| **seen).map(|(name, (seen, _))| (name.clone(), *seen));
                let evicted = longest.filter(|(_, seen)| now.since(*seen) > IDLE).map(|(name, _)| name);
                let mut found = fleet.lookup(&name, 1, now);
                if let Lookup::Replaces(index) = found {
                    prop_assert!(!model.contains_key(&name) && model.len() == 5);
                    let replaced = fleet.get(index).unwrap().upstream.name().to_string();
                    prop_assert_eq!(Some(&replaced), evicted.as_ref());
                    fleet.remove(index);
                    model.remove(&replaced);
                    found = fleet.lookup(&name, 1, now);
                }
                match found {
                    Lookup::Found(index) => {
                        let entry = fleet.get_mut(index).unwrap();
                        entry.upstream.last_seen = now;
                        model.insert(name, (now, entry.id));
                    }
                    Lookup::Full => prop_assert!(!model.contains_key(&name) && model.len() == 5 && evicted.is_none()),
                    Lookup::Replaces(_) => prop_assert!(false, "there is room after an eviction"),
                }
                prop_assert_eq!(fleet.len(), model.len());
            }
        }
    }

    #[test]
    fn an_eviction_does_not_examine_the_fleet() {
        // With a scan or a sort, each of these evictions takes a millisecond or more.
        const UPSTREAMS: usize = 20_000;
        let mut fleet = Fleet::new(UPSTREAMS);
        for number in 0..UPSTREAMS {
            add(&mut fleet, &format!("upstream-{number}"));
        }
        let later = NOW.after(IDLE).after(Micros::new(1));
        let start = Instant::now();
        for number in 0..UPSTREAMS {
            let name = format!("newcomer-{number}");
            let Lookup::Replaces(index) = fleet.lookup(&name, 1, later) else { panic!("nothing is idle") };
            fleet.remove(index);
            assert!(matches!(fleet.lookup(&name, 1, later), Lookup::Found(_)));
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}
