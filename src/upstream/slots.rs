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
    /// Near misses that the host caused.
    pub(crate) near_misses: u32,
}

copies! { HostCounts { attempts, failed, near_misses } }

/// Counts of one host in a bucket, for episodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BucketHost {
    pub(crate) attempts: u16,
    pub(crate) failed: u8,
    /// Attempts that failed or were very slow.
    pub(crate) bad: u16,
    /// Sum of residuals.
    pub(crate) sum: i32,
}

counts! { BucketHost { attempts, failed, sum, bad } }

/// Counts of one route since the last summary, and the baseline of its durations.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteState {
    pub(crate) exchanges: u32,
    pub(crate) near_misses: u32,
    pub(super) baseline: Baseline,
}

counts! { RouteState { exchanges, near_misses } not { baseline } }

impl RouteState {
    /// Counts an exchange.
    pub(super) fn count(&mut self, near_miss: bool) {
        self.exchanges = self.exchanges.saturating_add(1);
        self.near_misses = self.near_misses.saturating_add(near_miss.into());
    }
}

impl HostCounts {
    /// Returns the counts of one attempt.
    pub(super) fn one(failed: bool, near_miss: bool) -> Self {
        Self { attempts: 1, failed: failed.into(), near_misses: near_miss.into() }
    }

    /// Returns the number of failures and near misses that the host caused. An attempt can be both.
    pub(super) fn blamed(&self) -> u32 {
        self.failed.max(self.near_misses)
    }

    /// Returns true if anything was counted.
    pub(super) fn has_counts(&self) -> bool {
        self.attempts > 0
    }

    /// Adds other counts.
    pub(super) fn add(&mut self, other: Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.failed = self.failed.saturating_add(other.failed);
        self.near_misses = self.near_misses.saturating_add(other.near_misses);
    }
}

impl BucketHost {
    /// Adds other counts.
    pub(crate) fn add(&mut self, other: Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.failed = self.failed.saturating_add(other.failed);
        self.bad = self.bad.saturating_add(other.bad);
        self.sum = self.sum.saturating_add(other.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_say_how_many_hosts_and_routes_an_upstream_keeps() {
        const WORDS: [&str; 10] =
            ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
        let (hosts, routes) = (WORDS[MAX_HOSTS], WORDS[MAX_ROUTES]);
        let detection = include_str!("../../docs/detection.md");
        assert!(
            detection
                .contains(&alloc::format!("beyond the {hosts} and single routes beyond the {routes} that"))
        );
        assert!(detection.contains(&alloc::format!("({routes} routes and the others)")));
        let architecture = include_str!("../../docs/architecture.md");
        assert!(architecture.contains(&alloc::format!("{hosts} hosts and {routes} routes each")));
    }
}
