//! A queue of finished records in one reused string.

use crate::record::{Record, RecordKind};
use crate::units::Timestamp;
use alloc::collections::VecDeque;
use alloc::string::String;

/// A queue of finished records.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    text: String,
    /// Kind, time and end offset of each waiting record.
    waiting: VecDeque<(RecordKind, Timestamp, usize)>,
    /// Start offset of the next record.
    start: usize,
}

/// Capacity in bytes above which a drained queue gives its memory back.
const KEEP: usize = 8 << 10;

impl Outbox {
    /// Appends the record that `write` writes.
    pub(crate) fn push(&mut self, kind: RecordKind, time: Timestamp, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.waiting.push_back((kind, time, self.text.len()));
    }

    /// Returns true if a record waits.
    pub(crate) fn has_records(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Removes and returns the next record; an empty queue reuses its string.
    pub(crate) fn pop(&mut self) -> Option<Record<'_>> {
        let Some((kind, time, end)) = self.waiting.pop_front() else {
            self.start = 0;
            self.text.clear();
            self.text.shrink_to(KEEP);
            return None;
        };
        let start = core::mem::replace(&mut self.start, end);
        Some(Record { kind, time, json: self.text.get(start..end).unwrap_or_default() })
    }
}
