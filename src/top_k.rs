//! A small table of named entries with stable slots: the hosts and routes of one upstream.
//!
//! A lookup compares hashes one after the other, which is faster than any map for this few entries. A slot's number
//! stays the same while its name stays in the table, so other modules may keep arrays indexed by slot.

use crate::hash;
use crate::name;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The longest name of a host or route, in bytes; longer ones are cut and end in a hash.
pub(crate) const MAX_ENTRY_NAME: usize = 48;

/// A table of at most `K` named entries.
#[derive(Clone, Debug)]
pub(crate) struct TopK<T, const K: usize> {
    /// Separate from the entries, so that a lookup touches one or two cache lines.
    hashes: [u32; K],
    slots: Vec<Slot<T>>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    name: Box<str>,
    value: T,
}

impl<T, const K: usize> Default for TopK<T, K> {
    fn default() -> Self {
        Self { hashes: [0; K], slots: Vec::new() }
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

    /// Adds a name if there is a free slot.
    pub(crate) fn push(&mut self, hash: u32, name: &str) -> Option<u8> {
        let slot = self.slots.len();
        *self.hashes.get_mut(slot)? = hash;
        if slot == 0 {
            self.slots.reserve_exact(K);
        }
        self.slots.push(Slot { name: bounded(name), value: T::default() });
        Some(slot as u8)
    }

    /// Reassigns a slot to another name, with an empty value.
    pub(crate) fn replace(&mut self, slot: u8, hash: u32, name: &str) {
        let index = usize::from(slot);
        if let (Some(slot), Some(known)) = (self.slots.get_mut(index), self.hashes.get_mut(index)) {
            *known = hash;
            *slot = Slot { name: bounded(name), value: T::default() };
        }
    }

    /// Assigns a slot, or the next free one, to a name, with an empty value.
    pub(crate) fn set(&mut self, slot: u8, hash: u32, name: &str) {
        if usize::from(slot) < self.slots.len() {
            self.replace(slot, hash, name);
        } else {
            self.push(hash, name);
        }
    }

    /// Returns the hash of the name in a slot; 0 for an empty slot.
    pub(crate) fn hash(&self, slot: u8) -> u32 {
        self.hashes.get(usize::from(slot)).copied().unwrap_or(0)
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

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|slot| &mut slot.value)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}

fn bounded(name: &str) -> Box<str> {
    name::truncated(name, MAX_ENTRY_NAME).into()
}
