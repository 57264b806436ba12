//! Baseline snapshots: which seal an exchange may be compared with.
//!
//! Baselines change with each sealed bucket. The last few snapshots are kept, so that an exchange is judged by the one
//! that its own time allows, regardless of later seals.

use crate::codec::copies;

/// Snapshots kept: one more than buckets can be open with the longest `reorder`.
pub(crate) const SNAPSHOTS: usize = 5;

/// Result of one seal. Baselines keep their part at the same index.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    /// The bucket that was sealed; 0 for an empty snapshot.
    pub(crate) bucket: u32,
    /// The most attempts at which the retry limit was reached; 0 if it never was.
    pub(crate) max_attempts: u8,
    /// True if all route slots were in use.
    pub(crate) routes_full: bool,
}

copies! { Snapshot { bucket, max_attempts, routes_full } }

/// The last snapshots, in a ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshots {
    ring: [Snapshot; SNAPSHOTS],
    newest: u8,
}

impl Snapshots {
    /// Returns the index and content of the newest snapshot up to and including bucket `comparable`.
    pub(crate) fn find(&self, comparable: u64) -> Option<(usize, Snapshot)> {
        let newest = self.newest();
        if u64::from(newest.bucket) <= comparable {
            return (newest.bucket > 0).then_some((self.newest_index(), newest));
        }
        (1..SNAPSHOTS)
            .map(|back| (usize::from(self.newest) + SNAPSHOTS - back) % SNAPSHOTS)
            .find_map(|index| {
                self.ring
                    .get(index)
                    .filter(|snapshot| u64::from(snapshot.bucket) <= comparable)
                    .map(|found| (index, *found))
            })
            .filter(|(_, snapshot)| snapshot.bucket > 0)
    }

    /// Returns the newest snapshot.
    pub(crate) fn newest(&self) -> Snapshot {
        self.ring.get(usize::from(self.newest)).copied().unwrap_or_default()
    }

    /// Returns the index of the newest snapshot.
    pub(crate) fn newest_index(&self) -> usize {
        usize::from(self.newest)
    }

    /// Returns the index of the snapshot that [`push`](Self::push) writes next.
    pub(crate) fn next_index(&self) -> usize {
        (usize::from(self.newest) + 1) % SNAPSHOTS
    }

    /// Adds a snapshot in place of the oldest one.
    pub(crate) fn push(&mut self, snapshot: Snapshot) {
        let index = self.next_index();
        self.newest = index as u8;
        if let Some(oldest) = self.ring.get_mut(index) {
            *oldest = snapshot;
        }
    }
}
