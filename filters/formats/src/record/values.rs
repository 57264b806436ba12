//! A record's values by field id.

use super::field_index::FieldIndex;
use super::parsed::ParsedRecord;

/// The field values of one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordValues<'a, 'r> {
    record: &'a [u8],
    parsed: &'r ParsedRecord,
}

impl<'a, 'r> RecordValues<'a, 'r> {
    pub(super) fn new(record: &'a [u8], parsed: &'r ParsedRecord) -> Self {
        Self { record, parsed }
    }

    /// Returns the fields that have a value, as a bit set.
    pub(crate) fn present(&self) -> u32 {
        self.parsed.index.present
    }

    /// Returns the value of a field that has one; `-` for a JSON `null`.
    pub(crate) fn get(&self, id: usize) -> &'a [u8] {
        let span = self.parsed.index.spans.get(id).copied().unwrap_or(FieldIndex::NULL);
        let span = self.parsed.spans.get(usize::from(span));
        span.map_or(b"-", |span| self.parsed.value(self.record, span))
    }
}
