//! The raw field values of one line, by field id.

use crate::field_id::MAX_FIELDS;
use crate::record::RecordValues;
use nearmiss::Timestamp;

/// The field values found on one line, as logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldValues<'a, 'r> {
    storage: Storage<'a, 'r>,
    /// The fields that have a value, as a bit set.
    present: u32,
    /// The fields that were set from a configured key, as a bit set; built-in keys do not replace them.
    overridden: u32,
    /// The fields whose values are the same as in the previous line, as a bit set.
    pub(crate) unchanged: u32,
    /// Timestamp of the line if none of its fields holds one.
    pub(crate) default_time: Option<Timestamp>,
}

/// The place the values are kept in.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives on the stack, while one line is read")]
enum Storage<'a, 'r> {
    /// Values that were set one by one.
    Array([&'a [u8]; MAX_FIELDS]),
    /// Values that a [`RecordParser`](crate::RecordParser) has located in a record.
    Record(RecordValues<'a, 'r>),
}

impl<'a, 'r> FieldValues<'a, 'r> {
    /// Creates an empty set of values.
    pub(crate) fn new(default_time: Option<Timestamp>) -> Self {
        Self {
            storage: Storage::Array([&[]; MAX_FIELDS]),
            present: 0,
            overridden: 0,
            unchanged: 0,
            default_time,
        }
    }

    /// Wraps the values of a record, of which those in `unchanged` are the same as in the previous record.
    pub(crate) fn from_record(
        values: RecordValues<'a, 'r>,
        unchanged: u32,
        default_time: Option<Timestamp>,
    ) -> Self {
        Self {
            present: values.present(),
            storage: Storage::Record(values),
            overridden: 0,
            unchanged,
            default_time,
        }
    }

    /// Sets the value of a field, unless a configured key has set it.
    #[inline]
    pub(crate) fn set(&mut self, id: usize, value: &'a [u8]) {
        if self.overridden & 1 << id == 0
            && let Storage::Array(values) = &mut self.storage
            && let Some(entry) = values.get_mut(id)
        {
            *entry = value;
            self.present |= 1 << id;
        }
    }

    /// Sets the value of a field from a configured key, so that [`set`](Self::set) does not replace it.
    pub(crate) fn set_override(&mut self, id: usize, value: &'a [u8]) {
        self.overridden &= !(1 << id);
        self.set(id, value);
        self.overridden |= 1 << id;
    }

    /// Returns the value of a field as logged, which may be empty or `-`.
    #[inline]
    pub(crate) fn raw(&self, id: usize) -> Option<&'a [u8]> {
        self.has(id).then(|| self.value(id))
    }

    /// Returns true if the field has a value, which may be empty or `-`.
    #[inline]
    pub(crate) fn has(&self, id: usize) -> bool {
        self.present & 1 << id != 0
    }

    fn value(&self, id: usize) -> &'a [u8] {
        match &self.storage {
            Storage::Array(values) => values.get(id).copied().unwrap_or_default(),
            Storage::Record(values) => values.get(id),
        }
    }

    /// Returns true if the value of the field may differ from that in the previous line.
    #[inline]
    pub(crate) fn is_changed(&self, id: usize) -> bool {
        self.unchanged & 1 << id == 0
    }

    /// Returns the same as [`get`](Self::get). In wasm, its code exists once: for formats that need no speed there.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn find(&self, id: usize) -> Option<&'a [u8]> {
        self.get(id)
    }

    /// Returns the value of a field, or `None` if it is empty or `-`.
    #[inline]
    pub(crate) fn get(&self, id: usize) -> Option<&'a [u8]> {
        self.raw(id).and_then(crate::text::present)
    }
}
