//! State of a reader after the lines read so far.

use super::Reader;
use crate::{Format, cloudfront};
use alloc::vec::Vec;

/// State of a reader after the lines read so far: readers with the same configuration and the same state read the next lines alike.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReaderState {
    detected: Option<Format>,
    json_start: Vec<u8>,
    columns: cloudfront::Columns,
    has_prefix: bool,
    /// The beginning of a line that continues.
    parts: Vec<u8>,
}

impl Reader {
    /// Returns the state after the last line.
    pub fn state(&self) -> ReaderState {
        ReaderState {
            detected: self.detected,
            json_start: self.json_start.clone(),
            columns: self.columns.clone(),
            has_prefix: self.has_prefix,
            parts: if self.parts.is_complete { Vec::new() } else { self.parts.text.clone() },
        }
    }

    /// Continues from a state, which may be that of another reader with the same configuration.
    pub fn restore(&mut self, state: &ReaderState) {
        self.detected = state.detected;
        self.json_start.clone_from(&state.json_start);
        self.columns.clone_from(&state.columns);
        self.has_prefix = state.has_prefix;
        self.parts.is_complete = false;
        self.parts.text.clone_from(&state.parts);
    }
}
