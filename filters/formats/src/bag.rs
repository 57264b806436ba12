//! The values of one line, under names that are the same for a family of formats.

use crate::error::LineError;
use crate::exchange::annotation;
use crate::fields::FieldConfig;
use crate::json::{Json, Value};
use crate::object::Values;
use alloc::vec::Vec;
use nearmiss::units::Timestamp;

/// The most kinds of value that a family has.
pub(crate) const ROOM: usize = 24;

/// The values found so far, as they stand in the line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bag<'a, 'o> {
    values: Found<'a, 'o>,
    /// The kinds that have a value, a bit each.
    taken: u32,
    /// The kinds that the configuration named a key for; other keys do not change them.
    pinned: u32,
    /// The kinds whose values are those of the line before.
    pub(crate) same: u32,
    /// When the line came, for one that does not say when it was written.
    pub(crate) arrived: Option<Timestamp>,
}

/// Where values were found.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives on the stack, while one line is read")]
enum Found<'a, 'o> {
    /// One by one.
    Here([&'a [u8]; ROOM]),
    /// All of them, in an object.
    There(Values<'a, 'o>),
}

impl<'a, 'o> Bag<'a, 'o> {
    /// Empty, for a line that came then.
    pub(crate) fn new(arrived: Option<Timestamp>) -> Self {
        Self { values: Found::Here([&[]; ROOM]), taken: 0, pinned: 0, same: 0, arrived }
    }

    /// The values of an object; those of `same` are as in the one before.
    pub(crate) fn of(object: Values<'a, 'o>, same: u32, arrived: Option<Timestamp>) -> Self {
        Self { taken: object.taken(), values: Found::There(object), pinned: 0, same, arrived }
    }

    /// Keeps `value` under `slot`.
    #[inline]
    pub(crate) fn set(&mut self, slot: usize, value: &'a [u8]) {
        if self.pinned & 1 << slot == 0
            && let Found::Here(values) = &mut self.values
            && let Some(place) = values.get_mut(slot)
        {
            *place = value;
            self.taken |= 1 << slot;
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
        self.has(slot).then(|| self.value(slot))
    }

    /// Whether something was found for `slot`.
    #[inline]
    pub(crate) fn has(&self, slot: usize) -> bool {
        self.taken & 1 << slot != 0
    }

    fn value(&self, slot: usize) -> &'a [u8] {
        match &self.values {
            Found::Here(values) => values.get(slot).copied().unwrap_or_default(),
            Found::There(object) => object.get(slot),
        }
    }

    /// Whether `slot` may have another value than in the line before.
    #[inline]
    pub(crate) fn is_fresh(&self, slot: usize) -> bool {
        self.same & 1 << slot == 0
    }

    /// What was found for `slot`; `None` where it is empty or `-`.
    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&'a [u8]> {
        self.raw(slot).and_then(crate::text::present)
    }
}

/// The kinds of value of one family of formats.
#[derive(Clone, Copy)]
pub(crate) struct Family {
    /// `null` says that there is none; else it says nothing.
    pub(crate) null_is_none: bool,
    /// The slot of what formats of the family keep under a key.
    pub(crate) of_key: fn(&str) -> Option<usize>,
    /// The slot of what exchange lines call so.
    pub(crate) of_name: fn(&str) -> Option<usize>,
    /// Reads the object under a key, where formats of the family keep something in objects.
    pub(crate) nested: Nested,
}

/// Reads the rest of the object under a key.
pub(crate) type Nested = for<'a> fn(&str, &mut Json<'a>, &mut Bag<'a, '_>) -> Result<(), LineError>;

impl Family {
    /// The values on one line of JSON, under the keys of this family or those that `fields` names.
    pub(crate) fn read<'a>(
        &self,
        line: &'a [u8],
        fields: &FieldConfig,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Bag<'a, 'static>, LineError> {
        let mut json = Json::new(line, buffer);
        let mut bag = fields.bag();
        json.open()?;
        let mut first = true;
        while let Some(key) = json.key(&mut first)? {
            if key == "near_miss"
                && let Some(slot) = (self.of_key)(key)
            {
                bag.pin(slot, annotation(&mut json)?.as_bytes());
                continue;
            }
            match json.value()? {
                Value::Text(word) | Value::Number(word) => fields.put(self, &mut bag, key, word.as_bytes()),
                Value::Null if self.null_is_none => fields.put(self, &mut bag, key, b"-"),
                Value::Object => (self.nested)(key, &mut json, &mut bag)?,
                Value::Array => json.leave(false)?,
                Value::Bool(_) | Value::Null => {}
            }
        }
        json.end()?;
        Ok(bag)
    }
}

/// Makes the kinds of value of one family: what exchange lines call each, and the keys under which formats keep it.
macro_rules! slots {
    ($(#[$doc:meta])* $family:ident, null is none: $null:literal, nested: $nested:expr => { $($slot:ident: $name:literal = $($key:literal)|*;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum $family { $($slot),* }

        impl $family {
            pub(crate) const FAMILY: crate::bag::Family = crate::bag::Family {
                null_is_none: $null,
                of_key: |key| match key { $($($key => Some(Self::$slot as usize),)*)* _ => None },
                of_name: |name| match name { $($name => Some(Self::$slot as usize),)* _ => None },
                nested: $nested,
            };
        }
    };
}
pub(crate) use slots;
