//! The start of a JSON line, by which its format is recognised again.

use alloc::vec::Vec;

/// Maximum length of the start of a JSON line in bytes.
const MAX_JSON_START: usize = 40;

/// The start of the last JSON line, up to its first colon: a line that starts alike has the same format.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct JsonStart(Vec<u8>);

impl JsonStart {
    /// Returns true if this is the start of `line`.
    pub(super) fn is_start_of(&self, line: &[u8]) -> bool {
        line.starts_with(b"{") && !self.0.is_empty() && start_of(line) == self.0
    }

    /// Notes the start of `line`, if it is JSON.
    pub(super) fn note(&mut self, line: &[u8]) {
        self.clear();
        if line.starts_with(b"{") {
            self.0.extend_from_slice(start_of(line));
        }
    }

    /// Forgets the start.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn start_of(line: &[u8]) -> &[u8] {
    let start = line.get(..MAX_JSON_START).unwrap_or(line);
    start.iter().position(|byte| *byte == b':').and_then(|colon| start.get(..colon)).unwrap_or_default()
}
