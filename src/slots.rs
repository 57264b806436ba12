//! A small table of named things, the first come and the busiest: hosts and routes of one upstream.
//!
//! Found by comparing hashes in a row, which for so few beats any map. A slot's number stays the same while its
//! name stays in the table, so other machines may keep arrays beside it.

use crate::exchange;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The longest name of a host or route that is kept, in bytes; what is longer is cut and ends in a hash.
pub(crate) const MAX_SLOT_NAME: usize = 64;

/// At most `K` named things.
#[derive(Clone, Debug)]
pub(crate) struct Slots<T, const K: usize> {
    slots: Vec<Slot<T>>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    hash: u32,
    name: Box<str>,
    thing: T,
}

impl<T, const K: usize> Default for Slots<T, K> {
    fn default() -> Self {
        Self { slots: Vec::new() }
    }
}

/// The hash by which names are found.
pub(crate) fn hash_of(name: &str) -> u32 {
    exchange::hash(name.as_bytes()) as u32
}

impl<T: Default, const K: usize> Slots<T, K> {
    /// The slot of the name with this hash. (Two of so few names with the same 32 bits: one in a hundred million.)
    pub(crate) fn find(&self, hash: u32) -> Option<u8> {
        self.slots.iter().position(|slot| slot.hash == hash).map(|slot| slot as u8)
    }

    /// Takes in a new name while there is room.
    pub(crate) fn push(&mut self, hash: u32, name: &str) -> Option<u8> {
        (self.slots.len() < K).then(|| {
            if self.slots.capacity() == 0 {
                self.slots.reserve_exact(K);
            }
            self.slots.push(Slot { hash, name: kept(name), thing: T::default() });
            (self.slots.len() - 1) as u8
        })
    }

    /// Gives the slot to another name, which starts from nothing.
    pub(crate) fn replace(&mut self, slot: u8, hash: u32, name: &str) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            *slot = Slot { hash, name: kept(name), thing: T::default() };
        }
    }

    pub(crate) fn get_mut(&mut self, slot: u8) -> Option<&mut T> {
        self.slots.get_mut(usize::from(slot)).map(|slot| &mut slot.thing)
    }

    pub(crate) fn get(&self, slot: u8) -> Option<&T> {
        self.slots.get(usize::from(slot)).map(|slot| &slot.thing)
    }

    #[allow(dead_code, reason = "for episodes")]
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
    exchange::cut_to(name, MAX_SLOT_NAME).into()
}
