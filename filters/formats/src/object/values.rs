//! The values of an object by what they say: which part has the value of each slot.

use super::Members;
use crate::bag::ROOM;

/// Which part has the value of each slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    parts: [u8; ROOM],
    /// The slots that have one, a bit each.
    taken: u32,
}

impl Places {
    /// No part; there is a word that says so.
    const NULL: u8 = u8::MAX;

    pub(crate) fn put(&mut self, slot: u8, part: usize) {
        if let Some(place) = self.parts.get_mut(usize::from(slot)) {
            *place = part as u8;
            self.taken |= bit(slot);
        }
    }

    pub(crate) fn put_null(&mut self, slot: u8) {
        self.put(slot, Self::NULL.into());
    }
}

impl Default for Places {
    fn default() -> Self {
        Self { parts: [Self::NULL; ROOM], taken: 0 }
    }
}

/// The values of one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a, 'o> {
    record: &'a [u8],
    members: &'o Members,
}

impl<'a, 'o> Values<'a, 'o> {
    pub(super) fn new(record: &'a [u8], members: &'o Members) -> Self {
        Self { record, members }
    }

    /// The slots that have a value, a bit each.
    pub(crate) fn taken(&self) -> u32 {
        self.members.places.taken
    }

    /// The value in `slot`, one that has one; `-` for a word that says that there is none.
    pub(crate) fn get(&self, slot: usize) -> &'a [u8] {
        let place = self.members.places.parts.get(slot).copied().unwrap_or(Places::NULL);
        let part = self.members.parts.get(usize::from(place));
        part.map_or(b"-", |part| self.members.value(self.record, part))
    }
}

/// The bit of a slot.
pub(super) fn bit(slot: u8) -> u32 {
    1_u32.checked_shl(slot.into()).unwrap_or_default()
}
