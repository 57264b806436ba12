//! A bucket of time that is not sealed yet.

use super::slots::{BucketHost, HostCounts, MAX_HOSTS};
use crate::baseline::Sample;
use crate::exchange::Exchange;
use crate::hash;
use crate::top_k::Candidates;

/// Input for the baselines, and use of hosts and routes, gathered until the bucket is sealed.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenBucket {
    /// Number of the bucket.
    pub(super) bucket: u64,
    /// True while the bucket contains exchanges.
    pub(super) filled: bool,
    pub(super) sample: Sample,
    /// Largest number of attempts of an exchange that exhausted its retries; 0 without one.
    pub(super) retry_limit: u8,
    /// Tracked routes with exchanges, as a bit mask.
    pub(super) used_routes: u8,
    /// Tracked hosts with attempts, as a bit mask.
    pub(super) used_hosts: u8,
    /// Near misses and failures that each tracked host caused.
    pub(super) blamed: [u8; MAX_HOSTS],
    /// Routes without a slot.
    pub(super) new_routes: Candidates<CandidateCounts>,
    /// Hosts without a slot.
    pub(super) new_hosts: Candidates<CandidateCounts>,
}

/// Counts of a host without a slot; zeros for a route, so that the candidates of both are compiled once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CandidateCounts {
    pub(super) counts: HostCounts,
    /// Counts for episodes. Without room for another host they stay zero.
    pub(super) in_bucket: BucketHost,
}

impl OpenBucket {
    /// Offers an exchange to the sample.
    pub(super) fn add_to_sample(
        &mut self,
        exchange: &Exchange<'_>,
        flagged: bool,
        route: Option<u8>,
        latency: u8,
    ) {
        let key = hash::mix(exchange.ts.micros() ^ exchange.duration.get().rotate_left(40));
        self.sample.offer(key, flagged, route, latency);
    }

    /// Counts attempts to a tracked host.
    pub(super) fn mark_host(&mut self, slot: u8, counts: HostCounts) {
        self.used_hosts |= 1 << slot;
        if let Some(blamed) = self.blamed.get_mut(usize::from(slot)) {
            *blamed = blamed.saturating_add(counts.blamed().min(u8::MAX.into()) as u8);
        }
    }
}
