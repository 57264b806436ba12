//! A follower: publishes what this VM has counted to its mailbox, until the leader has absorbed it.
//!
//! When the mailbox is full, further counts stay in the VM's monitor, where they add up instead of being lost.

use super::baselines;
use super::lease::Lease;
use super::mailbox::{self, CAPACITY, ENDED, Mailbox};
use crate::proxy_wasm::hostcalls::Hostcalls;
use alloc::collections::VecDeque;
use nearmiss::{Delta, Monitor, Timestamp, bucket_of};

/// The deltas of this VM that have not been absorbed.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The index of its mailbox, once it has claimed one.
    mailbox: Option<u32>,
    /// The number of the first pending delta.
    first: u32,
    /// Deltas that have not been absorbed.
    pending: VecDeque<Delta>,
    /// Number of pending deltas that are in the mailbox.
    published: usize,
    /// The bucket up to which baselines have been applied.
    baselines: u32,
}

impl Follower {
    /// Applies new baselines, drops absorbed deltas and publishes new ones.
    pub(super) fn on_tick(
        &mut self,
        hostcalls: &Hostcalls,
        key: &str,
        id: u32,
        lease: &Lease,
        own: &mut Monitor,
        now: Timestamp,
    ) {
        if lease.baselines > self.baselines {
            baselines::apply(hostcalls, key, own);
            self.baselines = lease.baselines;
        }
        let Some(index) = self.mailbox else {
            // It publishes from the next tick on: by then a VM that created the same mailbox knows who owns it.
            self.mailbox = Mailbox::claim(hostcalls, key, id, now);
            return;
        };
        let next = lease.position(id);
        while self.first < next && self.pending.pop_front().is_some() {
            mailbox::clear_delta(hostcalls, key, index, self.first);
            self.first += 1;
            self.published = self.published.saturating_sub(1);
        }
        self.publish(hostcalls, key, index, id, own);
        self.announce(hostcalls, key, index, id, bucket_of(now), now);
    }

    /// Publishes everything and ends the mailbox.
    pub(super) fn finish(
        &mut self,
        hostcalls: &Hostcalls,
        key: &str,
        id: u32,
        own: &mut Monitor,
        now: Timestamp,
    ) {
        let Some(index) = self.mailbox.or_else(|| Mailbox::claim(hostcalls, key, id, now)) else { return };
        self.publish(hostcalls, key, index, id, own);
        self.announce(hostcalls, key, index, id, ENDED, now);
    }

    /// Writes pending deltas to the mailbox as long as it has room.
    fn publish(&mut self, hostcalls: &Hostcalls, key: &str, index: u32, id: u32, own: &mut Monitor) {
        while self.pending.len() < CAPACITY as usize
            && let Some(delta) = own.next_delta()
        {
            self.pending.push_back(delta);
        }
        for delta in self.pending.range(self.published.min(self.pending.len())..) {
            let number = self.first + self.published as u32;
            if !mailbox::write_delta(hostcalls, key, index, id, number, delta) {
                return;
            }
            self.published += 1;
        }
    }

    /// Announces the published deltas. Buckets whose deltas found no room stay open, whatever `open_bucket` is.
    fn announce(
        &mut self,
        hostcalls: &Hostcalls,
        key: &str,
        index: u32,
        id: u32,
        open_bucket: u64,
        now: Timestamp,
    ) {
        let is_full = self.pending.len() == CAPACITY as usize || self.published < self.pending.len();
        let last = self.pending.back().filter(|_| is_full);
        let open_bucket = last.map_or(open_bucket, |last| last.bucket.min(open_bucket));
        let Some(mailbox) = Mailbox::read(hostcalls, key, index) else { return };
        if mailbox.owner != id {
            // Another VM owns the mailbox: all pending deltas are published again in another one, under their numbers.
            (self.mailbox, self.published) = (None, 0);
            return;
        }
        let end = self.first + self.published as u32;
        mailbox.announce(hostcalls, key, open_bucket, (self.first, end), now);
    }
}
