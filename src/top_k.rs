//! A small table of named entries with stable slots: the hosts and routes of one upstream.
//!
//! A lookup compares hashes one after the other, which is faster than any map for this few entries. A slot's number
//! stays the same while its name stays in the table, so other modules may keep arrays indexed by slot.
//!
//! Slots are assigned when a bucket is sealed, to the candidates gathered while it was open, the heaviest first. A name is
//! known in the buckets that may be compared with the seal that gave it a slot. In a full table a slot changes hands in two
//! steps: at one seal its name retires, and is unknown in the buckets that may be compared with that seal; once no other
//! bucket is open, a candidate gets the slot. So a slot has one name throughout a bucket, and the order of lines within
//! `reorder` changes nothing.
//!
//! A full table of hosts gives up the lightest name for a heavier candidate; a lighter candidate reduces the weight of the
//! lightest name by its own (the frequent algorithm of Misra and Gries, 1982). Weights are halved every six minutes. A
//! full table of routes gives up only idle ones, because a route that loses its slot loses its baseline.

mod candidates;

use crate::hash;
use crate::name;
use crate::sort;
use alloc::boxed::Box;
use alloc::vec::Vec;

pub(crate) use candidates::{Candidate, Candidates, MAX_ENTRY_NAME};

/// Buckets, one hour, after which an unused name gives up its slot to any other.
const IDLE: u32 = 360;
/// Buckets after which weights are halved.
const HALF_LIFE: u32 = 36;

/// A table of at most `K` named entries.
#[derive(Clone, Debug)]
pub(crate) struct TopK<T, const K: usize> {
    /// Separate from the entries, so that a lookup touches one or two cache lines.
    hashes: [u32; K],
    slots: Vec<Slot<T>>,
    /// The slot that changes hands.
    retiring: Option<Retiring>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    name: Box<str>,
    value: T,
    /// Seal that assigned the slot.
    since: u32,
    /// Last sealed bucket that used it.
    last_used: u32,
    weight: u16,
}

#[derive(Clone, Debug)]
struct Retiring {
    slot: u8,
    /// Seal at which its name retired.
    from: u32,
    successor: Option<Successor>,
}

/// The name that outweighed the one before.
#[derive(Clone, Debug)]
struct Successor {
    hash: u32,
    name: Box<str>,
    weight: u16,
}

/// A seal, and the newest seal with which the next bucket may be compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub(crate) bucket: u32,
    pub(crate) next_comparable: u32,
}

/// Names that a full table gives up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Eviction {
    /// The lightest, for a heavier one; and one that is idle, for any.
    Lightest,
    /// Only one that is idle.
    Idle,
}

impl<T, const K: usize> Default for TopK<T, K> {
    fn default() -> Self {
        Self { hashes: [0; K], slots: Vec::new(), retiring: None }
    }
}

/// Returns the hash by which names are found; never 0.
pub(crate) fn hash_of(name: &str) -> u32 {
    hash::hash(name.as_bytes()) as u32 | 1
}

impl<T: Default, const K: usize> TopK<T, K> {
    /// Returns the slot of the name with this hash. (Chance gives two of this few names the same 31 bits once in fifty
    /// million.)
    pub(crate) fn find(&self, hash: u32) -> Option<u8> {
        self.hashes.iter().position(|known| *known == hash).map(|slot| slot as u8)
    }

    /// Returns the slot of a name in a bucket that may be compared with the seals up to `comparable`.
    pub(crate) fn find_at(&self, hash: u32, comparable: u32) -> Option<u8> {
        self.find(hash).filter(|slot| self.is_known(*slot, comparable))
    }

    /// Returns true if the table has a slot for another name in a bucket that may be compared with the seals up to
    /// `comparable`.
    pub(crate) fn has_room(&self, comparable: u32) -> bool {
        (0..K as u8).any(|slot| !self.is_known(slot, comparable))
    }

    fn is_known(&self, slot: u8, comparable: u32) -> bool {
        let is_retired = |retiring: &Retiring| retiring.slot == slot && retiring.from <= comparable;
        self.slots.get(usize::from(slot)).is_some_and(|slot| slot.since <= comparable)
            && !self.retiring.as_ref().is_some_and(is_retired)
    }

    /// Halves the weights if a half-life ended between two seals.
    pub(crate) fn age(&mut self, last: u32, now: u32) {
        let halvings = (now / HALF_LIFE).saturating_sub(last / HALF_LIFE).min(15);
        self.slots.iter_mut().for_each(|slot| slot.weight >>= halvings);
    }

    /// Marks a slot as used in a sealed bucket, and adds to its weight.
    pub(crate) fn mark(&mut self, slot: u8, bucket: u32, weight: u16) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.last_used = bucket;
            slot.weight = slot.weight.saturating_add(weight);
        }
    }

    /// Assigns slots to the candidates of a sealed bucket; `add` adds the counts of a candidate to those of its slot.
    /// Returns the slot that was reassigned, if any.
    pub(crate) fn settle<C>(
        &mut self,
        (mut candidates, refused): (Vec<Candidate<C>>, bool),
        seal: Seal,
        eviction: Eviction,
        mut add: impl FnMut(u8, &mut T, C),
    ) -> Option<u8> {
        let rank = |candidate: &Candidate<C>| (core::cmp::Reverse(candidate.weight), candidate.hash);
        sort::sort_by(&mut candidates, |a, b| rank(a) < rank(b));
        let mut challengers = Vec::new();
        for candidate in candidates {
            match self
                .find(candidate.hash)
                .or_else(|| self.push(candidate.hash, &candidate.name, seal.bucket))
            {
                Some(slot) => self.admit(slot, candidate, seal, &mut add),
                None => challengers.push(candidate),
            }
        }
        if eviction == Eviction::Idle {
            challengers.iter_mut().for_each(|candidate| candidate.weight = 0);
        }
        if self.retiring.is_none() {
            self.retire(challengers.first(), refused, seal.bucket);
        }
        self.hand_over(challengers, seal, add)
    }

    /// Gives the slot of a retired name to its successor, once no bucket is open that knows the name.
    fn hand_over<C>(
        &mut self,
        challengers: Vec<Candidate<C>>,
        seal: Seal,
        mut add: impl FnMut(u8, &mut T, C),
    ) -> Option<u8> {
        let is_due = |retiring: &Retiring| retiring.from <= seal.next_comparable;
        let Retiring { slot, successor, .. } = self.retiring.take_if(|retiring| is_due(retiring))?;
        let strongest = challengers.first().filter(|other| self.gives_way(slot, other.weight, seal.bucket));
        let Some(successor) = successor.or_else(|| strongest.map(Successor::new)) else {
            // The slot keeps its name, which is known again from now on.
            self.slots.get_mut(usize::from(slot))?.since = seal.bucket;
            return None;
        };
        self.replace(slot, successor.hash, &successor.name, seal.bucket);
        match challengers.into_iter().find(|candidate| candidate.hash == successor.hash) {
            Some(candidate) => self.admit(slot, candidate, seal, &mut add),
            None => self.mark(slot, seal.bucket, successor.weight),
        }
        Some(slot)
    }

    fn admit<C>(
        &mut self,
        slot: u8,
        candidate: Candidate<C>,
        seal: Seal,
        add: &mut impl FnMut(u8, &mut T, C),
    ) {
        self.mark(slot, seal.bucket, candidate.weight);
        if let Some(entry) = self.slots.get_mut(usize::from(slot)) {
            add(slot, &mut entry.value, candidate.value);
        }
    }

    /// Retires the name that is used least, if a candidate outweighs it or it is idle. A candidate that does not, weakens it.
    fn retire<C>(&mut self, strongest: Option<&Candidate<C>>, refused: bool, bucket: u32) {
        if strongest.is_none() && !refused {
            return;
        }
        let rank = |(index, slot): &(usize, &Slot<T>)| {
            (
                bucket.saturating_sub(slot.last_used) <= IDLE,
                slot.weight,
                slot.last_used,
                self.hashes.get(*index).copied(),
            )
        };
        let slots = self.slots.iter().enumerate();
        let Some((index, _)) = slots.min_by_key(rank) else { return };
        let weight = strongest.map_or(0, |candidate| candidate.weight);
        if self.gives_way(index as u8, weight, bucket) {
            let successor = strongest.filter(|candidate| candidate.weight > 0).map(Successor::new);
            self.retiring = Some(Retiring { slot: index as u8, from: bucket, successor });
        } else if let Some(slot) = self.slots.get_mut(index) {
            slot.weight = slot.weight.saturating_sub(weight);
        }
    }

    /// Returns true if a slot may be given to a name of this weight.
    fn gives_way(&self, slot: u8, weight: u16, bucket: u32) -> bool {
        let slot = self.slots.get(usize::from(slot));
        slot.is_some_and(|slot| weight > slot.weight || bucket.saturating_sub(slot.last_used) > IDLE)
    }

    /// Adds a name if there is a free slot.
    fn push(&mut self, hash: u32, name: &str, since: u32) -> Option<u8> {
        let slot = self.slots.len();
        *self.hashes.get_mut(slot)? = hash;
        if slot == 0 {
            self.slots.reserve_exact(K);
        }
        self.slots.push(Slot::new(name, since));
        Some(slot as u8)
    }

    fn replace(&mut self, slot: u8, hash: u32, name: &str, since: u32) {
        let index = usize::from(slot);
        if let (Some(slot), Some(known)) = (self.slots.get_mut(index), self.hashes.get_mut(index)) {
            *known = hash;
            *slot = Slot::new(name, since);
        }
    }

    /// Assigns a slot, or the next free one, to a name, as another process has done. Returns true if the name is new here.
    pub(crate) fn set(&mut self, slot: u8, hash: u32, name: &str, since: u32) -> bool {
        let is_new = hash != self.hash(slot);
        if !is_new && let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.since = since;
        } else if usize::from(slot) < self.slots.len() {
            self.replace(slot, hash, name, since);
        } else {
            self.push(hash, name, since);
        }
        is_new
    }

    /// Returns the hash of the name in a slot; 0 for an empty slot.
    pub(crate) fn hash(&self, slot: u8) -> u32 {
        self.hashes.get(usize::from(slot)).copied().unwrap_or(0)
    }

    /// Returns the seal that assigned a slot.
    pub(crate) fn since(&self, slot: u8) -> u32 {
        self.slots.get(usize::from(slot)).map_or(0, |slot| slot.since)
    }

    pub(crate) fn get_mut(&mut self, slot: u8) -> Option<&mut T> {
        self.slots.get_mut(usize::from(slot)).map(|slot| &mut slot.value)
    }

    pub(crate) fn get(&self, slot: u8) -> Option<&T> {
        self.slots.get(usize::from(slot)).map(|slot| &slot.value)
    }

    pub(crate) fn name(&self, slot: u8) -> Option<&str> {
        self.slots.get(usize::from(slot)).map(|slot| &*slot.name)
    }

    /// Iterates over names and values in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.slots.iter().map(|slot| (&*slot.name, &slot.value))
    }

    /// Returns names and values in the order of names.
    pub(crate) fn by_name(&self) -> Vec<(&str, &T)> {
        let mut entries: Vec<_> = self.iter().collect();
        sort::sort_by(&mut entries, |a, b| a.0 < b.0);
        entries
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|slot| &mut slot.value)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}

impl<T: Default> Slot<T> {
    fn new(name: &str, since: u32) -> Self {
        let name = name::truncated(name, MAX_ENTRY_NAME).into();
        Self { name, value: T::default(), since, last_used: since, weight: 0 }
    }
}

impl Successor {
    fn new<C>(candidate: &Candidate<C>) -> Self {
        let Candidate { hash, ref name, weight, .. } = *candidate;
        Self { hash, name: name.clone(), weight }
    }
}

#[cfg(test)]
mod tests;
