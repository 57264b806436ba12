//! A line that a container runtime has cut into parts.

use crate::prefix::{self, CriLine};
use alloc::vec::Vec;

/// Maximum length of a line that is joined from parts, in bytes.
const MAX_JOINED: usize = 1 << 20;

/// The parts of lines so far, of standard output and of standard error.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct LineParts {
    stdout: StreamParts,
    stderr: StreamParts,
}

/// The parts of one stream's line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct StreamParts {
    text: Vec<u8>,
    /// True if the last part was read, so that the next one begins another line.
    is_complete: bool,
}

impl LineParts {
    /// Removes the prefix of a container runtime and joins the parts of a line; `None` until its last part. The prefix's time is
    /// set in `time`.
    pub(super) fn join<'a>(&'a mut self, line: &'a [u8], time: &mut Option<&'a [u8]>) -> Option<&'a [u8]> {
        let Some(cri) = prefix::cri(line) else {
            self.stdout.text.clear();
            self.stderr.text.clear();
            return Some(line);
        };
        *time = Some(cri.time);
        if cri.is_stderr { self.stderr.join(cri) } else { self.stdout.join(cri) }
    }

    /// Returns the beginnings of lines that continue.
    pub(super) fn unfinished(&self) -> Self {
        Self { stdout: self.stdout.unfinished(), stderr: self.stderr.unfinished() }
    }
}

impl StreamParts {
    fn join<'a>(&'a mut self, cri: CriLine<'a>) -> Option<&'a [u8]> {
        if core::mem::take(&mut self.is_complete) {
            self.text.clear();
        }
        if self.text.is_empty() && !cri.is_partial {
            return Some(cri.text);
        }
        if self.text.len() <= MAX_JOINED {
            self.text.extend_from_slice(cri.text);
        }
        self.is_complete = !cri.is_partial;
        self.is_complete.then_some(self.text.as_slice())
    }

    fn unfinished(&self) -> Self {
        if self.is_complete { Self::default() } else { self.clone() }
    }
}
