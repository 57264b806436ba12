//! The position of one value in a record.

use super::scanner::{
    Scanner, address_length, bracketed_length, plain_length, whole_number_length, word_length,
};
use super::value_kind::ValueKind;

/// The position of a member's value, without quotes, and of its key; or of a token in the embedded line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ValueSpan {
    /// Offsets in the last record, from the start of its literal run.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Distance from the key to the value, and length of the key.
    pub(super) key: (u32, u32),
    pub(super) kind: ValueKind,
    /// The bit of its field; 0 if it holds none.
    pub(super) field_bit: u32,
    /// The literal run that contains the value; `None` if the value varies, and the offsets are from the record's start.
    pub(super) run: Option<u8>,
}

impl ValueSpan {
    /// Returns the length of the value at the start of `rest`; `None` if this quick check cannot find its end.
    #[inline]
    pub(super) fn measure(&self, rest: &[u8]) -> Option<usize> {
        match self.kind {
            ValueKind::Text => Some(plain_length(rest)).filter(|end| rest.get(*end) == Some(&b'"')),
            ValueKind::Quoted => Some(plain_length(rest)).filter(|end| rest.get(*end) == Some(&b'\\')),
            ValueKind::Number => whole_number_length(rest),
            ValueKind::Bracketed => Some(bracketed_length(rest)),
            ValueKind::Address => Some(address_length(rest)).filter(|length| *length > 0),
            ValueKind::Word => word_length(rest),
            ValueKind::Wide | ValueKind::Escaped | ValueKind::Literal | ValueKind::Nested => None,
        }
    }

    /// Scans the member's value at `start` and returns its end; `None` if it is invalid, or changed between a string
    /// and another type.
    #[cold]
    pub(super) fn rescan(&mut self, record: &[u8], start: usize) -> Option<usize> {
        let is_text = self.kind.is_text();
        let mut scanner = Scanner { record, at: start - usize::from(is_text) };
        let (_, end, kind) = scanner.member()?;
        let same_kind = is_text == kind.is_text();
        self.kind = kind;
        same_kind.then_some(end)
    }
}
