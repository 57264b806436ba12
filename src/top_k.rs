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
mod names;

use crate::hash;
use crate::sort;
use alloc::boxed::Box;
use alloc::vec::Vec;
use names::{Names, Settled};

pub(crate) use candidates::{Candidate, Candidates};
pub(crate) use names::{Eviction, Seal};

/// A table of at most `K` named entries.
#[derive(Clone, Debug)]
pub(crate) struct TopK<T, const K: usize> {
    /// Separate from the names, so that a lookup touches one or two cache lines.
    hashes: [u32; K],
    names: Names,
    /// `K` values, once there is a name.
    values: Box<[T]>,
}

impl<T, const K: usize> Default for TopK<T, K> {
    fn default() -> Self {
        Self { hashes: [0; K], names: Names::default(), values: Box::default() }
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
        names::find(&self.hashes, hash)
    }

    /// Returns the slot of a name in a bucket that may be compared with the seals up to `comparable`.
    pub(crate) fn find_at(&self, hash: u32, comparable: u32) -> Option<u8> {
        self.find(hash).filter(|slot| self.names.is_known(*slot, comparable))
    }

    /// Returns true if the table has a slot for another name in a bucket that may be compared with the seals up to
    /// `comparable`.
    pub(crate) fn has_room(&self, comparable: u32) -> bool {
        (0..K as u8).any(|slot| !self.names.is_known(slot, comparable))
    }

    /// Halves the weights if a half-life ended between two seals.
    pub(crate) fn age(&mut self, last: u32, now: u32) {
        self.names.age(last, now);
    }

    /// Marks a slot as used in a sealed bucket, and adds to its weight.
    pub(crate) fn mark(&mut self, slot: u8, bucket: u32, weight: u16) {
        self.names.mark(slot, bucket, weight);
    }

    /// Assigns slots to the candidates of a sealed bucket; `add` adds the counts of a candidate to those of its slot.
    /// Returns the slot that was reassigned, if any.
    pub(crate) fn settle<C>(
        &mut self,
        candidates: (Vec<Candidate<C>>, bool),
        seal: Seal,
        eviction: Eviction,
        mut add: impl FnMut(u8, &mut T, C),
    ) -> Option<u8> {
        let Settled { admitted, handed_over } =
            self.names.settle(&mut self.hashes, candidates, seal, eviction);
        self.begin_values();
        for (slot, counts) in admitted {
            if let Some(value) = self.get_mut(slot) {
                add(slot, value, counts);
            }
        }
        let (slot, counts) = handed_over?;
        let value = self.get_mut(slot)?;
        *value = T::default();
        if let Some(counts) = counts {
            add(slot, value, counts);
        }
        Some(slot)
    }

    /// Creates the values once there is a name.
    fn begin_values(&mut self) {
        if self.values.is_empty() && self.len() > 0 {
            self.values = core::iter::repeat_with(T::default).take(K).collect();
        }
    }

    /// Assigns a slot, or the next free one, to a name, as another process has done. Returns true if the name is new here.
    pub(crate) fn set(&mut self, slot: u8, hash: u32, name: &str, since: u32) -> bool {
        let is_new = hash != self.hash(slot);
        if let Some(replaced) = self.names.set(&mut self.hashes, slot, hash, name, since)
            && let Some(value) = self.get_mut(replaced)
        {
            *value = T::default();
        }
        self.begin_values();
        is_new
    }

    /// Returns the hash of the name in a slot; 0 for an empty slot.
    pub(crate) fn hash(&self, slot: u8) -> u32 {
        self.hashes.get(usize::from(slot)).copied().unwrap_or(0)
    }

    /// Returns the seal that assigned a slot.
    pub(crate) fn since(&self, slot: u8) -> u32 {
        self.names.since(slot)
    }

    pub(crate) fn get_mut(&mut self, slot: u8) -> Option<&mut T> {
        self.values.get_mut(usize::from(slot))
    }

    pub(crate) fn get(&self, slot: u8) -> Option<&T> {
        self.values.get(usize::from(slot))
    }

    pub(crate) fn name(&self, slot: u8) -> Option<&str> {
        self.names.get(slot)
    }

    /// Iterates over names and values in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.names.iter().zip(&self.values)
    }

    /// Returns names and values in the order of names.
    pub(crate) fn by_name(&self) -> Vec<(&str, &T)> {
        let mut entries: Vec<_> = self.iter().collect();
        sort::sort_by(&mut entries, |a, b| a.0 < b.0);
        entries
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let len = self.len();
        self.values.iter_mut().take(len)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

#[cfg(test)]
mod tests;
