//! One token of a log line.

use super::scanner::{address_length, bracketed_length, word_length};
use super::value_kind::ValueKind;

/// A token of a log line, as the format's reader found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    /// Offsets in the line.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: ValueKind,
    /// The field that it holds, or [`NO_FIELD`](crate::field_id::NO_FIELD).
    pub(crate) id: u8,
}

impl Token {
    /// Returns true if the end of the token can be found by its kind alone.
    pub(super) fn is_delimited(&self, line: &[u8]) -> bool {
        let Some(value) = line.get(self.start..self.end) else { return false };
        match self.kind {
            ValueKind::Quoted => !value.contains(&b'"'),
            ValueKind::Bracketed => bracketed_length(value) == value.len(),
            ValueKind::Address => !value.is_empty() && address_length(value) == value.len(),
            _ => word_length(value) == Some(value.len()),
        }
    }
}
