//! Room for the attempts of one exchange.

use nearmiss::exchange::{Attempt, MAX_ATTEMPT_LOG};

/// The last [`MAX_ATTEMPT_LOG`] attempts of one exchange, in order.
///
/// Lives beside the line it borrows from, on the stack of whoever reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempts<'a> {
    kept: [Attempt<'a>; MAX_ATTEMPT_LOG],
    len: usize,
}

impl<'a> Attempts<'a> {
    /// Adds the next attempt; the first makes room when there are too many.
    pub fn push(&mut self, attempt: Attempt<'a>) {
        if self.len == MAX_ATTEMPT_LOG {
            self.kept.rotate_left(1);
            self.len -= 1;
        }
        if let Some(slot) = self.kept.get_mut(self.len) {
            *slot = attempt;
            self.len += 1;
        }
    }

    /// Takes the last attempt back.
    pub fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// The last attempt, to be completed.
    pub fn last_mut(&mut self) -> Option<&mut Attempt<'a>> {
        self.as_mut_slice().last_mut()
    }

    /// The attempts in order, to be completed.
    pub fn as_mut_slice(&mut self) -> &mut [Attempt<'a>] {
        self.kept.get_mut(..self.len).unwrap_or_default()
    }

    /// Forgets all attempts.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The attempts in order.
    pub fn as_slice(&self) -> &[Attempt<'a>] {
        self.kept.get(..self.len).unwrap_or_default()
    }
}
