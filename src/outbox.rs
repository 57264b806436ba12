//! A queue of finished records in one reused string.

use crate::json::tokens::Token;
use crate::json::write::Json;
use crate::record::{Head, Record};
use crate::units::Timestamp;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// A queue of finished records.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// For each record the name of its upstream, then its JSON.
    text: String,
    /// Tokens of all records, if they are noted.
    tokens: Vec<Token>,
    notes_tokens: bool,
    waiting: VecDeque<Entry>,
    /// The record that was taken last, while its text is kept.
    taken: Option<Entry>,
}

/// A record; its start in `text` and `tokens`, the end of the upstream's name, and its end.
#[derive(Clone, Copy, Debug)]
struct Entry {
    head: Head,
    time: Timestamp,
    start: (usize, usize),
    name_end: usize,
    end: (usize, usize),
}

/// Capacity in bytes above which a drained queue gives its memory back.
const KEEP: usize = 8 << 10;

impl Outbox {
    /// Notes the tokens of all records from now on.
    pub(crate) fn note_tokens(&mut self) {
        self.notes_tokens = true;
    }

    /// Appends the record that `write` writes.
    pub(crate) fn push(
        &mut self,
        head: Head,
        time: Timestamp,
        upstream: &str,
        write: impl FnOnce(&mut Json<'_>),
    ) {
        let Self { text, tokens, .. } = self;
        let start = (text.len(), tokens.len());
        text.push_str(upstream);
        let name_end = text.len();
        write(&mut Json::noting(text, self.notes_tokens.then_some(tokens)));
        let end = (self.text.len(), self.tokens.len());
        self.waiting.push_back(Entry { head, time, start, name_end, end });
    }

    /// Returns true if a record waits.
    pub(crate) fn has_records(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns true if no record waits and the memory of those before was given back.
    pub(crate) fn is_clear(&self) -> bool {
        self.text.is_empty()
    }

    /// Removes and returns the next record; an empty queue reuses its memory.
    pub(crate) fn pop(&mut self) -> Option<Record<'_>> {
        self.taken = self.waiting.pop_front();
        if self.taken.is_none() {
            self.text.clear();
            self.text.shrink_to(KEEP);
            self.tokens.clear();
            self.tokens.shrink_to(KEEP);
        }
        self.taken()
    }

    /// Returns the record that was taken last, until the next call of [`pop`](Self::pop).
    pub(crate) fn taken(&self) -> Option<Record<'_>> {
        let Entry { head, time, start, name_end, end } = self.taken?;
        Some(Record {
            head,
            time,
            upstream: self.text.get(start.0..name_end).unwrap_or_default(),
            json: self.text.get(name_end..end.0).unwrap_or_default(),
            tokens: self.tokens.get(start.1..end.1).unwrap_or_default(),
        })
    }
}
