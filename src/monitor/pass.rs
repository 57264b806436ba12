//! A pass over the upstreams in progress, in the order of names: one of the two of a seal, or that of the summaries.

use crate::episode::Change;
use crate::units::Timestamp;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// A pass in progress.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) task: Task,
    /// Position of the next upstream in the order of names.
    pub(super) position: usize,
    /// Changes of episodes by upstream, found by a seal and not recorded.
    pub(super) changes: Vec<(u32, Change)>,
}

/// Work on each upstream.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Seals its bucket and evaluates it.
    Evaluate(Bucket),
    /// Closes and opens its episodes.
    Update(Bucket),
    /// Emits the records of the changes.
    Record(Bucket),
    /// Emits its summary.
    Summarise(Timestamp),
}

/// A bucket that is being sealed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) number: u64,
    /// True if no upstream waits for its seal.
    pub(super) is_gap: bool,
}

impl Pass {
    pub(super) fn new(task: Task) -> Self {
        Self { task, position: 0, changes: Vec::new() }
    }

    /// Takes the change that is recorded next: of episodes that open together the one with the largest shift comes first.
    pub(super) fn next_change(&mut self) -> Option<(u32, Change)> {
        let rank = |change: &Change| match change {
            Change::Opened(open) => (true, Reverse(open.shift_bp())),
            Change::Closed(_) | Change::Deviated(_) => (false, Reverse(None)),
        };
        let first = self.changes.iter().enumerate().min_by_key(|(_, (_, change))| rank(change))?.0;
        Some(self.changes.remove(first))
    }
}
