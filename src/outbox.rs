//! Records on their way out, in order, in one text that is reused.

use crate::record::{Record, RecordKind};
use crate::units::Timestamp;
use alloc::collections::VecDeque;
use alloc::string::String;

/// A queue of finished records.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    text: String,
    /// Kind, time and end of each record that waits.
    waiting: VecDeque<(RecordKind, Timestamp, usize)>,
    /// Where the next record starts.
    start: usize,
}

/// Above this the memory is given back when the queue has been drained.
const KEEP: usize = 8 << 10;

impl Outbox {
    /// Adds the record that `write` writes.
    pub(crate) fn push(&mut self, kind: RecordKind, time: Timestamp, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.waiting.push_back((kind, time, self.text.len()));
    }

    /// Whether a record waits.
    pub(crate) fn has_records(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next record; once there is none the text is used anew.
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
