//! A line that a container runtime has cut into parts.

use crate::prefix;
use alloc::vec::Vec;

/// Maximum length of a line that is joined from parts, in bytes.
const MAX_JOINED: usize = 1 << 20;

/// The parts of a line so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct LineParts {
    text: Vec<u8>,
    /// True if the last part was read, so that the next one begins another line.
    is_complete: bool,
}

impl LineParts {
    /// Removes the prefix of a container runtime and joins the parts of a line; `None` until its last part.
    pub(super) fn join<'a>(&'a mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        if core::mem::take(&mut self.is_complete) {
            self.text.clear();
        }
        let Some(cri) = prefix::cri(line) else {
            self.text.clear();
            return Some(line);
        };
        if self.text.is_empty() && !cri.is_partial {
            return Some(cri.text);
        }
        if self.text.len() <= MAX_JOINED {
            self.text.extend_from_slice(cri.text);
        }
        self.is_complete = !cri.is_partial;
        self.is_complete.then_some(self.text.as_slice())
    }

    /// Returns the beginning of a line that continues.
    pub(super) fn unfinished(&self) -> Self {
        if self.is_complete { Self::default() } else { self.clone() }
    }
}
