//! A small table of named things, the first come and the busiest: hosts and routes of one upstream.
//!
//! Found by comparing hashes in a row, which for so few beats any map. A slot's number stays the same while its
//! name stays in the table, so other machines may keep arrays beside it.

use crate::hash;
use crate::name;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The longest name of a host or route that is kept, in bytes; what is longer is cut and ends in a hash.
pub(crate) const MAX_SLOT_NAME: usize = 48;

/// At most `K` named things.
#[derive(Clone, Debug)]
pub(crate) struct TopK<T, const K: usize> {
    /// Apart from the rest, so that a search touches one or two lines of the cache.
    hashes: [u32; K],
    slots: Vec<Slot<T>>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    name: Box<str>,
    thing: T,
}

impl<T, const K: usize> Default for TopK<T, K> {
    fn default() -> Self {
        Self { hashes: [0; K], slots: Vec::new() }
    }
}

/// The hash by which names are found; never 0.
pub(crate) fn hash_of(name: &str) -> u32 {
    hash::hash(name.as_bytes()) as u32 | 1
}

impl<T: Default, const K: usize> TopK<T, K> {
    /// The slot of the name with this hash. (Two of so few names with the same 31 bits: one in fifty million.)
    pub(crate) fn find(&self, hash: u32) -> Option<u8> {
        self.hashes.iter().position(|known| *known == hash).map(|slot| slot as u8)
    }

    /// Takes in a new name while there is room.
    pub(crate) fn push(&mut self, hash: u32, name: &str) -> Option<u8> {
        let slot = self.slots.len();
        *self.hashes.get_mut(slot)? = hash;
        if slot == 0 {
            self.slots.reserve_exact(K);
        }
        self.slots.push(Slot { name: kept(name), thing: T::default() });
        Some(slot as u8)
    }

    /// Gives the slot to another name, which starts from nothing.
    pub(crate) fn replace(&mut self, slot: u8, hash: u32, name: &str) {
        let place = usize::from(slot);
        if let (Some(slot), Some(known)) = (self.slots.get_mut(place), self.hashes.get_mut(place)) {
            *known = hash;
            *slot = Slot { name: kept(name), thing: T::default() };
        }
    }

    /// Gives the slot, or the next one, to another name, which starts from nothing.
    pub(crate) fn put(&mut self, slot: u8, hash: u32, name: &str) {
        if usize::from(slot) < self.slots.len() {
            self.replace(slot, hash, name);
        } else {
            self.push(hash, name);
        }
    }

    /// The hash of the name in a slot; 0 if there is none.
    pub(crate) fn hash(&self, slot: u8) -> u32 {
        self.hashes.get(usize::from(slot)).copied().unwrap_or(0)
    }

    pub(crate) fn get_mut(&mut self, slot: u8) -> Option<&mut T> {
        self.slots.get_mut(usize::from(slot)).map(|slot| &mut slot.thing)
    }

    pub(crate) fn get(&self, slot: u8) -> Option<&T> {
        self.slots.get(usize::from(slot)).map(|slot| &slot.thing)
    }

    pub(crate) fn name(&self, slot: u8) -> Option<&str> {
        self.slots.get(usize::from(slot)).map(|slot| &*slot.name)
    }

    /// All things with their names, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.slots.iter().map(|slot| (&*slot.name, &slot.thing))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|slot| &mut slot.thing)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}

fn kept(name: &str) -> Box<str> {
    name::cut_to(name, MAX_SLOT_NAME).into()
}
