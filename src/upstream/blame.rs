//! Counts the attempts of hosts, and blames hosts for near misses and failures.
//!
//! A host gets its slot when a bucket is sealed, with everything counted for it while the bucket was open. With more hosts
//! than slots, those that are blamed most have them.

use super::hosts::{BucketHosts, HostPlace, SettledHosts};
use super::open_bucket::OpenBucket;
use super::slots::HostCounts;
use super::state::UpstreamState;
use crate::exchange::Exchange;
use crate::timeline::OpenAt;
use crate::top_k::{Eviction, Seal, hash_of};
use crate::verdict::{Fate, Verdict};
use alloc::vec::Vec;

impl UpstreamState {
    /// Returns the hosts as an open bucket knows them.
    pub(crate) fn hosts_in(&mut self, at: OpenAt) -> Option<BucketHosts<'_>> {
        let candidates = &mut self.open.get_mut(at.index)?.new_hosts;
        Some(BucketHosts::new(&self.hosts, candidates, at.comparable))
    }

    /// Counts attempts by host, and blames hosts for a near miss or a failure.
    ///
    /// For a retried exchange the hosts whose attempts failed are blamed, never the one that answered in the end.
    /// Returns the place of the host if there is no attempt log. An exchange outside of open buckets adds to tracked hosts only.
    pub(super) fn count_hosts(
        &mut self,
        exchange: &Exchange<'_>,
        verdict: &Verdict,
        at: Option<OpenAt>,
    ) -> Option<HostPlace> {
        let is_cause = matches!(verdict.fate, Fate::Partial | Fate::Tight | Fate::Slow);
        let is_near_miss = verdict.fate.is_near_miss();
        let [before @ .., last] = exchange.attempt_log else {
            let (name, failed) = (exchange.host?, verdict.fate.is_failure());
            return self.count_host(hash_of(name), name, HostCounts::one(failed, is_cause), at);
        };
        for attempt in before {
            if let Some(name) = attempt.host {
                self.count_host(
                    hash_of(name),
                    name,
                    HostCounts::one(attempt.failed(), attempt.failed() && is_near_miss),
                    at,
                );
            }
        }
        if let Some(name) = last.host {
            let counts = HostCounts::one(last.failed(), last.failed() && is_near_miss || is_cause);
            self.count_host(hash_of(name), name, counts, at);
        }
        None
    }

    /// Counts the only attempt of a clean exchange. Returns the place of its host.
    #[inline]
    pub(super) fn count_plain_host(&mut self, name: &str, at: OpenAt) -> Option<HostPlace> {
        let counts = HostCounts::one(false, false);
        let hash = hash_of(name);
        let Some(slot) = self.hosts.find_at(hash, at.comparable) else {
            return self.count_new_host(hash, name, counts, at);
        };
        if let (Some(host), Some(open)) = (self.hosts.get_mut(slot), self.open.get_mut(at.index)) {
            host.add(counts);
            open.mark_host(slot, counts);
        }
        Some(HostPlace::Slot(slot))
    }

    /// Adds counts of a host. Returns its place.
    pub(super) fn count_host(
        &mut self,
        hash: u32,
        name: &str,
        counts: HostCounts,
        at: Option<OpenAt>,
    ) -> Option<HostPlace> {
        let comparable = at.map_or(u32::MAX, |at| at.comparable);
        let Some(slot) = self.hosts.find_at(hash, comparable) else {
            return self.count_new_host(hash, name, counts, at?);
        };
        if let Some(host) = self.hosts.get_mut(slot) {
            host.add(counts);
        }
        if let Some(open) = at.and_then(|at| self.open.get_mut(at.index)) {
            open.mark_host(slot, counts);
        }
        Some(HostPlace::Slot(slot))
    }

    fn count_new_host(&mut self, hash: u32, name: &str, counts: HostCounts, at: OpenAt) -> Option<HostPlace> {
        let has_room = self.hosts.has_room(at.comparable);
        let OpenBucket { bucket, new_hosts, .. } = self.open.get_mut(at.index)?;
        if !has_room && counts.blamed() == 0 {
            new_hosts.refused = true;
            return None;
        }
        // Where there is no room, each bucket keeps others of the many that may be blamed.
        let salt = if has_room { 0 } else { *bucket as u32 };
        let new = new_hosts.offer(hash, salt, name)?;
        new.weight = new.weight.saturating_add(counts.blamed().min(u16::MAX.into()) as u16);
        new.value.counts.add(counts);
        has_room.then_some(HostPlace::Candidate(hash))
    }

    /// Assigns slots to the hosts of a bucket that is complete.
    pub(crate) fn settle_hosts(&mut self, seal: Seal) -> SettledHosts {
        let index = self.open_index(seal.bucket.into());
        let Self { hosts, open, snapshots, .. } = self;
        let open = open.get_mut(index).filter(|open| open.bucket == u64::from(seal.bucket));
        let Some(open) = open else { return SettledHosts::default() };
        hosts.age(snapshots.newest().bucket, seal.bucket);
        let used = core::mem::take(&mut open.used_hosts);
        for (slot, blamed) in (0..).zip(core::mem::take(&mut open.blamed)) {
            if used >> slot & 1 == 1 {
                hosts.mark(slot, seal.bucket, blamed.into());
            }
        }
        let mut arrived = Vec::new();
        let replaced = hosts.settle(open.new_hosts.take(), seal, Eviction::Lightest, |slot, host, new| {
            host.add(new.counts);
            arrived.push((slot, new.in_bucket));
        });
        SettledHosts { replaced, arrived }
    }
}
