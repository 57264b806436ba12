//! The positions of fields among a record's values.

use crate::field_id::{MAX_FIELDS, bit};

/// Maps each field to the span of its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldIndex {
    pub(super) spans: [u8; MAX_FIELDS],
    /// The fields that have a value, as a bit set.
    pub(super) present: u32,
}

impl FieldIndex {
    /// The index of no span: the field's value is a JSON `null`.
    pub(super) const NULL: u8 = u8::MAX;

    /// Sets the span of a field.
    pub(crate) fn set(&mut self, id: u8, span: usize) {
        if let Some(entry) = self.spans.get_mut(usize::from(id)) {
            *entry = span as u8;
            self.present |= bit(id);
        }
    }

    /// Notes that the value of a field is a JSON `null`.
    pub(crate) fn set_null(&mut self, id: u8) {
        self.set(id, Self::NULL.into());
    }
}

impl Default for FieldIndex {
    fn default() -> Self {
        Self { spans: [Self::NULL; MAX_FIELDS], present: 0 }
    }
}
