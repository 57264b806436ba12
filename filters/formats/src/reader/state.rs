//! State of a reader after the lines read so far.

use super::Reader;
use super::json_start::JsonStart;
use super::line_parts::LineParts;
use crate::Format;
use crate::formats::cloudfront;

/// State of a reader after the lines read so far: readers with the same configuration and the same state read the next lines alike.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReaderState {
    detected: Option<Format>,
    json_start: JsonStart,
    columns: cloudfront::Columns,
    has_prefix: bool,
    /// The beginning of a line that continues.
    parts: LineParts,
}

impl Reader {
    /// Returns the state after the last line.
    pub fn state(&self) -> ReaderState {
        ReaderState {
            detected: self.detected,
            json_start: self.json_start.clone(),
            columns: self.columns.clone(),
            has_prefix: self.has_prefix,
            parts: self.parts.unfinished(),
        }
    }

    /// Continues from a state, which may be that of another reader with the same configuration.
    pub fn restore(&mut self, state: &ReaderState) {
        self.detected = state.detected;
        self.json_start.clone_from(&state.json_start);
        self.columns.clone_from(&state.columns);
        self.has_prefix = state.has_prefix;
        self.parts.clone_from(&state.parts);
    }
}
