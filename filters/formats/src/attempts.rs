//! Buffers for the attempts of one line.

use nearmiss::{Attempt, MAX_ATTEMPT_LOG};

/// Buffers for the attempts of one line, which may be read twice: as the known format says, and after a search for the
/// line of an access log in it.
///
/// Live on the caller's stack, next to the line that the attempts borrow from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempts<'a> {
    pub(crate) first: AttemptList<'a>,
    pub(crate) second: Option<AttemptList<'a>>,
}

/// The last [`MAX_ATTEMPT_LOG`] attempts of one exchange, in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttemptList<'a> {
    kept: [Attempt<'a>; MAX_ATTEMPT_LOG],
    len: usize,
}

impl<'a> AttemptList<'a> {
    /// Appends an attempt; a full buffer drops its first.
    pub fn push(&mut self, attempt: Attempt<'a>) {
        if self.len == MAX_ATTEMPT_LOG {
            self.kept.rotate_left(1);
            self.len -= 1;
        }
        if let Some(entry) = self.kept.get_mut(self.len) {
            *entry = attempt;
            self.len += 1;
        }
    }

    /// Removes the last attempt.
    pub fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// Returns the last attempt, to be completed.
    pub fn last_mut(&mut self) -> Option<&mut Attempt<'a>> {
        self.as_mut_slice().last_mut()
    }

    /// Returns the attempts in order, to be completed.
    pub fn as_mut_slice(&mut self) -> &mut [Attempt<'a>] {
        self.kept.get_mut(..self.len).unwrap_or_default()
    }

    /// Removes all attempts.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Returns the attempts in order.
    pub fn as_slice(&self) -> &[Attempt<'a>] {
        self.kept.get(..self.len).unwrap_or_default()
    }
}
