//! Hosts of one upstream: those with slots, and the places where an open bucket counts them.

use super::open_bucket::CandidateCounts;
use super::slots::{BucketHost, HostCounts, MAX_HOSTS};
use crate::top_k::{Candidates, TopK, hash_of};
use alloc::vec::Vec;

/// Hosts of an upstream.
pub(crate) type Hosts = TopK<HostCounts, MAX_HOSTS>;

/// Place where a bucket counts a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HostPlace {
    /// Slot of a tracked host.
    Slot(u8),
    /// Candidate with this hash.
    Candidate(u32),
}

/// Hosts of an upstream as an open bucket knows them.
pub(crate) struct BucketHosts<'a> {
    table: &'a Hosts,
    candidates: &'a mut Candidates<CandidateCounts>,
    comparable: u32,
}

/// Slots of hosts that a seal assigned.
#[derive(Debug, Default)]
pub(crate) struct SettledHosts {
    /// Slot that was reassigned.
    pub(crate) replaced: Option<u8>,
    /// Counts of the sealed bucket for hosts that had no slot in it.
    pub(crate) arrived: Vec<(u8, BucketHost)>,
}

impl<'a> BucketHosts<'a> {
    pub(super) fn new(
        table: &'a Hosts,
        candidates: &'a mut Candidates<CandidateCounts>,
        comparable: u32,
    ) -> Self {
        Self { table, candidates, comparable }
    }

    /// Returns the place of a host; `None` if the bucket does not count it.
    pub(crate) fn place(&self, name: &str) -> Option<HostPlace> {
        let hash = hash_of(name);
        let is_counted = || self.table.has_room(self.comparable);
        match self.table.find_at(hash, self.comparable) {
            Some(slot) => Some(HostPlace::Slot(slot)),
            None => is_counted().then_some(HostPlace::Candidate(hash)),
        }
    }

    /// Adds the counts of a candidate.
    pub(crate) fn add(&mut self, hash: u32, counts: BucketHost) {
        if let Some(new) = self.candidates.get_mut(hash) {
            new.in_bucket.add(counts);
        }
    }
}
