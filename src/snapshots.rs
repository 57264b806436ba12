//! Which seal an exchange may be compared with.
//!
//! What is usual changes with each sealed bucket. The last few seals are kept, so that an exchange is judged by the one its
//! own time entitles it to, whatever has been sealed since.

/// How many are kept: one more than buckets can be open at the longest `reorder`.
pub(crate) const SNAPSHOTS: usize = 5;

/// What one seal left behind; baselines keep theirs at the same place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    /// The bucket that was sealed; 0 where there was none.
    pub(crate) bucket: u32,
    /// The most attempts at which the retry limit was met; 0 where it was not.
    pub(crate) max_attempts: u8,
    /// All slots of routes were taken.
    pub(crate) routes_full: bool,
}

/// The last seals, in a ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshots {
    ring: [Snapshot; SNAPSHOTS],
    newest: u8,
}

impl Snapshots {
    /// The place and content of the newest version up to and including bucket `comparable`.
    pub(crate) fn find(&self, comparable: u64) -> Option<(usize, Snapshot)> {
        (0..SNAPSHOTS)
            .map(|back| (usize::from(self.newest) + SNAPSHOTS - back) % SNAPSHOTS)
            .find_map(|place| {
                self.ring
                    .get(place)
                    .filter(|version| u64::from(version.bucket) <= comparable)
                    .map(|found| (place, *found))
            })
            .filter(|(_, version)| version.bucket > 0)
    }

    /// What the newest seal left behind.
    pub(crate) fn newest(&self) -> Snapshot {
        self.ring.get(usize::from(self.newest)).copied().unwrap_or_default()
    }

    /// Where the newest seal left it.
    pub(crate) fn newest_place(&self) -> usize {
        usize::from(self.newest)
    }

    /// Where the next version will be.
    pub(crate) fn next_place(&self) -> usize {
        (usize::from(self.newest) + 1) % SNAPSHOTS
    }

    /// Adds a version.
    pub(crate) fn push(&mut self, version: Snapshot) {
        let place = self.next_place();
        self.newest = place as u8;
        if let Some(oldest) = self.ring.get_mut(place) {
            *oldest = version;
        }
    }
}
