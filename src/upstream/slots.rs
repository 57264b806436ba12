//! Entries for the hosts and routes of one upstream, and how many of each are tracked.

use crate::baseline::Baseline;
use crate::codec::{copies, counts};

/// Hosts of an upstream that are tracked individually.
pub(crate) const MAX_HOSTS: usize = 8;
/// Routes of an upstream that are tracked individually.
pub(crate) const MAX_ROUTES: usize = 6;

/// Counts of one host since the last summary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostCounts {
    /// Attempts sent to the host.
    pub(crate) attempts: u32,
    /// Attempts that failed.
    pub(crate) failed: u32,
    /// Near misses and failures that the host caused.
    pub(crate) blamed: u32,
}

copies! { HostCounts { attempts, failed, blamed } }

/// Counts of one route since the last summary, and the baseline of its durations.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteState {
    pub(crate) exchanges: u32,
    pub(crate) near_misses: u32,
    /// Bucket of the last exchange.
    pub(super) last_used: u32,
    /// Sealed bucket that added the route. Exchanges that may not be compared with that bucket do not use this entry.
    pub(super) since: u32,
    pub(super) baseline: Baseline,
}

counts! { RouteState { exchanges, near_misses } not { last_used, since, baseline } }

impl HostCounts {
    /// Returns true if anything was counted.
    pub(super) fn has_counts(&self) -> bool {
        self.attempts > 0 || self.blamed > 0
    }

    /// Adds the counts of another process.
    pub(super) fn add(&mut self, other: Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.failed = self.failed.saturating_add(other.failed);
        self.blamed = self.blamed.saturating_add(other.blamed);
    }
}
