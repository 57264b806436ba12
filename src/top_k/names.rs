//! The names of a table: who has a slot, and who gets one. Apart from the values, so that it is compiled once for all tables.

use super::candidates::{Candidate, MAX_ENTRY_NAME};
use crate::name;
use crate::sort;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Buckets, one hour, after which an unused name gives up its slot to any other.
const IDLE: u32 = 360;
/// Buckets after which weights are halved.
const HALF_LIFE: u32 = 36;

/// The slots of a table, whose hashes are kept apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    slots: Vec<Slot>,
    /// The slot that changes hands.
    retiring: Option<Retiring>,
}

#[derive(Clone, Debug)]
struct Slot {
    name: Box<str>,
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

/// Slots that a seal assigned.
#[derive(Debug)]
pub(super) struct Settled<C> {
    /// Slots of candidates, with what was counted for them.
    pub(super) admitted: Vec<(u8, C)>,
    /// The slot that was reassigned after that, with what was counted for its new name.
    pub(super) handed_over: Option<(u8, Option<C>)>,
}

/// Returns the slot with this hash.
pub(super) fn find(hashes: &[u32], hash: u32) -> Option<u8> {
    hashes.iter().position(|known| *known == hash).map(|slot| slot as u8)
}

impl Names {
    pub(super) fn is_known(&self, slot: u8, comparable: u32) -> bool {
        let is_retired = |retiring: &Retiring| retiring.slot == slot && retiring.from <= comparable;
        self.slots.get(usize::from(slot)).is_some_and(|slot| slot.since <= comparable)
            && !self.retiring.as_ref().is_some_and(is_retired)
    }

    pub(super) fn age(&mut self, last: u32, now: u32) {
        let halvings = (now / HALF_LIFE).saturating_sub(last / HALF_LIFE).min(15);
        self.slots.iter_mut().for_each(|slot| slot.weight >>= halvings);
    }

    pub(super) fn mark(&mut self, slot: u8, bucket: u32, weight: u16) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.last_used = bucket;
            slot.weight = slot.weight.saturating_add(weight);
        }
    }

    /// Assigns slots to the candidates of a sealed bucket.
    pub(super) fn settle<C>(
        &mut self,
        hashes: &mut [u32],
        (mut candidates, refused): (Vec<Candidate<C>>, bool),
        seal: Seal,
        eviction: Eviction,
    ) -> Settled<C> {
        let rank = |candidate: &Candidate<C>| (core::cmp::Reverse(candidate.weight), candidate.hash);
        sort::sort_by(&mut candidates, |a, b| rank(a) < rank(b));
        let (mut admitted, mut challengers) = (Vec::new(), Vec::new());
        for candidate in candidates {
            match find(hashes, candidate.hash)
                .or_else(|| self.push(hashes, candidate.hash, &candidate.name, seal.bucket))
            {
                Some(slot) => {
                    self.mark(slot, seal.bucket, candidate.weight);
                    admitted.push((slot, candidate.value));
                }
                None => challengers.push(candidate),
            }
        }
        if eviction == Eviction::Idle {
            challengers.iter_mut().for_each(|candidate| candidate.weight = 0);
        }
        if self.retiring.is_none() {
            self.retire(hashes, challengers.first(), refused, seal.bucket);
        }
        Settled { admitted, handed_over: self.hand_over(hashes, challengers, seal) }
    }

    /// Gives the slot of a retired name to its successor, once no bucket is open that knows the name.
    fn hand_over<C>(
        &mut self,
        hashes: &mut [u32],
        challengers: Vec<Candidate<C>>,
        seal: Seal,
    ) -> Option<(u8, Option<C>)> {
        let is_due = |retiring: &Retiring| retiring.from <= seal.next_comparable;
        let Retiring { slot, successor, .. } = self.retiring.take_if(|retiring| is_due(retiring))?;
        let strongest = challengers.first().filter(|other| self.gives_way(slot, other.weight, seal.bucket));
        let Some(successor) = successor.or_else(|| strongest.map(Successor::new)) else {
            // The slot keeps its name, which is known again from now on.
            self.slots.get_mut(usize::from(slot))?.since = seal.bucket;
            return None;
        };
        self.replace(hashes, slot, successor.hash, &successor.name, seal.bucket);
        let candidate = challengers.into_iter().find(|candidate| candidate.hash == successor.hash);
        let weight = candidate.as_ref().map_or(successor.weight, |candidate| candidate.weight);
        self.mark(slot, seal.bucket, weight);
        Some((slot, candidate.map(|candidate| candidate.value)))
    }

    /// Retires the name that is used least, if a candidate outweighs it or it is idle. A candidate that does not, weakens it.
    fn retire<C>(&mut self, hashes: &[u32], strongest: Option<&Candidate<C>>, refused: bool, bucket: u32) {
        if strongest.is_none() && !refused {
            return;
        }
        let rank = |(index, slot): &(usize, &Slot)| {
            (
                bucket.saturating_sub(slot.last_used) <= IDLE,
                slot.weight,
                slot.last_used,
                hashes.get(*index).copied(),
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
    fn push(&mut self, hashes: &mut [u32], hash: u32, name: &str, since: u32) -> Option<u8> {
        let slot = self.slots.len();
        *hashes.get_mut(slot)? = hash;
        if slot == 0 {
            self.slots.reserve_exact(hashes.len());
        }
        self.slots.push(Slot::new(name, since));
        Some(slot as u8)
    }

    fn replace(&mut self, hashes: &mut [u32], slot: u8, hash: u32, name: &str, since: u32) {
        let index = usize::from(slot);
        if let (Some(slot), Some(known)) = (self.slots.get_mut(index), hashes.get_mut(index)) {
            *known = hash;
            *slot = Slot::new(name, since);
        }
    }

    /// Assigns a slot, or the next free one, to a name. Returns the slot if another name had it.
    pub(super) fn set(
        &mut self,
        hashes: &mut [u32],
        slot: u8,
        hash: u32,
        name: &str,
        since: u32,
    ) -> Option<u8> {
        let index = usize::from(slot);
        if hashes.get(index) == Some(&hash)
            && let Some(slot) = self.slots.get_mut(index)
        {
            slot.since = since;
            return None;
        }
        if index < self.slots.len() {
            self.replace(hashes, slot, hash, name, since);
            return Some(slot);
        }
        self.push(hashes, hash, name, since);
        None
    }

    pub(super) fn since(&self, slot: u8) -> u32 {
        self.slots.get(usize::from(slot)).map_or(0, |slot| slot.since)
    }

    pub(super) fn get(&self, slot: u8) -> Option<&str> {
        self.slots.get(usize::from(slot)).map(|slot| &*slot.name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| &*slot.name)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

impl Slot {
    fn new(name: &str, since: u32) -> Self {
        let name = name::truncated(name, MAX_ENTRY_NAME).into();
        Self { name, since, last_used: since, weight: 0 }
    }
}

impl Successor {
    fn new<C>(candidate: &Candidate<C>) -> Self {
        let Candidate { hash, ref name, weight, .. } = *candidate;
        Self { hash, name: name.clone(), weight }
    }
}
