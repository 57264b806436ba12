//! The values of one line, under names that are the same for a family of formats.

use nearmiss::units::Timestamp;

/// The most kinds of value that a family has.
const ROOM: usize = 24;

/// The values found so far, as they stand in the line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bag<'a> {
    values: [Option<&'a [u8]>; ROOM],
    /// The kinds that the configuration named a key for; other keys do not change them.
    pinned: u32,
    /// When the line came, for one that does not say when it was written.
    pub(crate) arrived: Option<Timestamp>,
}

impl<'a> Bag<'a> {
    /// Empty, for a line that came then.
    pub(crate) fn new(arrived: Option<Timestamp>) -> Self {
        Self { arrived, ..Self::default() }
    }

    /// Keeps `value` under `slot`.
    #[inline]
    pub(crate) fn set(&mut self, slot: usize, value: &'a [u8]) {
        if self.pinned & 1 << slot == 0
            && let Some(place) = self.values.get_mut(slot)
        {
            *place = Some(value);
        }
    }

    /// Keeps `value` under `slot` for good.
    pub(crate) fn pin(&mut self, slot: usize, value: &'a [u8]) {
        self.pinned &= !(1 << slot);
        self.set(slot, value);
        self.pinned |= 1 << slot;
    }

    /// What was found for `slot`, whatever it says.
    #[inline]
    pub(crate) fn raw(&self, slot: usize) -> Option<&'a [u8]> {
        self.values.get(slot).copied().flatten()
    }

    /// What was found for `slot`; `None` where it is empty or `-`.
    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&'a [u8]> {
        self.raw(slot).and_then(crate::text::present)
    }
}

/// The kinds of value of one family of formats.
pub(crate) trait Family {
    /// `null` says that there is none; else it says nothing.
    const NULL_IS_NONE: bool;
    /// The slot of what formats of the family keep under `key`.
    fn of_key(key: &str) -> Option<usize>;
    /// The slot of what exchange lines call `name`.
    fn of_name(name: &str) -> Option<usize>;
}

/// Makes the kinds of value of one family: what exchange lines call each, and the keys under which formats keep it.
macro_rules! slots {
    ($(#[$doc:meta])* $family:ident, null is none: $null:literal { $($slot:ident: $name:literal = $($key:literal)|*;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum $family { $($slot),* }

        impl crate::bag::Family for $family {
            const NULL_IS_NONE: bool = $null;

            fn of_key(key: &str) -> Option<usize> {
                match key { $($($key => Some(Self::$slot as usize),)*)* _ => None }
            }

            fn of_name(name: &str) -> Option<usize> {
                match name { $($name => Some(Self::$slot as usize),)* _ => None }
            }
        }
    };
}
pub(crate) use slots;
