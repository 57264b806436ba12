//! The leader: absorbs the deltas of all followers, reports for the whole Envoy, and publishes baselines.
//!
//! A bucket is reported when every follower has announced that it is complete, two seconds after its end at the earliest.
//! Followers that announce nothing are waited for until eight seconds after its end. A delta that arrives later is counted but
//! changes no episode.
//!
//! A report does its work in slices, one per tick, and ticks follow each other quickly until it is complete: with a thousand upstreams, one
//! slice for everything would keep the main thread busy for milliseconds. Whatever ends the leader completes the report first.

use super::baselines;
use super::candidate;
use super::lease::Lease;
use super::mailbox::Mailbox;
use crate::proxy_wasm::hostcalls::Hostcalls;
use alloc::vec::Vec;
use nearmiss::{Micros, Monitor, Steps, Timestamp, bucket_of, end_of};

/// Settle delay: a bucket is reported this long after its end at the earliest, so that a VM whose first exchange is in the
/// bucket has a mailbox by then.
const SETTLE_DELAY: Micros = Micros::from_seconds(2);
/// Straggler timeout: a bucket is reported this long after its end at the latest, whether or not followers are late.
const STRAGGLER_TIMEOUT: Micros = Micros::from_seconds(8);

/// Steps of a slice of a report: 50 upstreams are absorbed, sealed or summarised in it, or 400 published.
const SLICE: u32 = 400;
/// Positions that the lease keeps for VMs that have ended.
const ENDED_POSITIONS: usize = 64;

/// The state of a leader.
#[derive(Debug)]
pub(super) struct Leader {
    /// Reports for all VMs; `None` until there are followers.
    monitor: Option<Monitor>,
    mailboxes: Vec<Mailbox>,
    /// Deltas that were read and are not absorbed.
    pending: Vec<PendingDelta>,
    /// The first bucket that has not been reported.
    next_bucket: u64,
    /// The end of the buckets that are being reported, if a report is in progress.
    report_end: Option<u64>,
    /// Upstreams whose baselines are in `buffer`.
    published: usize,
    /// The bucket up to which baselines have been published.
    baselines: u32,
    absorbed: u64,
    buffer: Vec<u8>,
}

/// A delta with the position up to which it is absorbed.
#[derive(Debug)]
struct PendingDelta {
    bucket: u64,
    bytes: Vec<u8>,
    position: usize,
}

/// The leader after this one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Successor {
    /// This leader goes on; true if it sees traffic.
    Same { has_traffic: bool },
    /// A VM without traffic takes over.
    Candidate(u32),
    /// This leader ends, and any VM may take over.
    Any,
}

impl Successor {
    /// Decides who leads next.
    pub(super) fn new(
        hostcalls: &Hostcalls,
        key: &str,
        has_traffic: bool,
        is_last: bool,
        now: Timestamp,
    ) -> Self {
        if is_last {
            return Self::Any;
        }
        let candidate = has_traffic.then(|| candidate::find(hostcalls, key, now)).flatten();
        candidate.map_or(Self::Same { has_traffic }, Self::Candidate)
    }
}

impl Leader {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            monitor: None,
            mailboxes: Vec::new(),
            pending: Vec::new(),
            next_bucket: bucket_of(now),
            report_end: None,
            published: 0,
            baselines: 0,
            absorbed: 0,
            buffer: Vec::new(),
        }
    }

    /// Starts to report for all VMs, with this monitor.
    pub(super) fn start_reporting(&mut self, mut monitor: Monitor) {
        monitor.become_reporter();
        self.monitor = Some(monitor);
    }

    pub(super) fn monitor(&mut self) -> Option<&mut Monitor> {
        self.monitor.as_mut()
    }

    /// Returns the number of exchanges absorbed since the last call.
    pub(super) fn take_absorbed(&mut self) -> u64 {
        core::mem::take(&mut self.absorbed)
    }

    /// Steps down. Pending deltas are absorbed and reported first, because another VM leads from here on.
    pub(super) fn step_down(mut self) -> Option<Monitor> {
        self.finish();
        self.monitor
    }

    /// Absorbs and reports everything.
    fn finish(&mut self) {
        self.absorb(u64::MAX, &mut Steps::all());
        self.monitor.iter_mut().for_each(Monitor::finish);
    }

    /// Reads the headers of all mailboxes; returns false if there are none.
    pub(super) fn read_mailboxes(&mut self, hostcalls: &Hostcalls, key: &str) -> bool {
        self.mailboxes.clear();
        self.mailboxes.extend((1..).map_while(|index| Mailbox::read(hostcalls, key, index)));
        !self.mailboxes.is_empty()
    }

    /// Reads new deltas, renews the lease and begins to report every complete bucket; on the last call it gives up the lease and reports
    /// all buckets. Returns false if another VM holds the lease, or gets it: a candidate does unless an episode is open.
    pub(super) fn lead(
        &mut self,
        hostcalls: &Hostcalls,
        key: &str,
        id: u32,
        now: Timestamp,
        successor: Successor,
    ) -> bool {
        let is_last = successor == Successor::Any;
        // A report in progress may open an episode.
        let has_open_episodes =
            self.report_end.is_some() || self.monitor.as_ref().is_some_and(Monitor::has_open_episodes);
        let Some(mut lease) = Lease::read(hostcalls, key) else { return true };
        if lease.holder != id {
            return false;
        }
        let mut received = Vec::new();
        for mailbox in self.mailboxes.iter().filter(|mailbox| mailbox.owner != 0) {
            let mut next = lease.position(mailbox.owner);
            for number in mailbox.numbers_from(next) {
                let Some((bucket, delta)) = mailbox.delta(hostcalls, key, number) else { break };
                received.push(PendingDelta { bucket, bytes: delta.to_vec(), position: 0 });
                next = number + 1;
            }
            lease.set_position(mailbox.owner, next);
        }
        lease.truncate_positions(self.mailboxes.len() + ENDED_POSITIONS);
        lease.baselines = self.baselines;
        match successor {
            Successor::Any => lease.holder = 0,
            Successor::Candidate(id) if !has_open_episodes => lease.holder = id,
            Successor::Candidate(_) => lease.has_traffic = true,
            Successor::Same { has_traffic } => lease.has_traffic = has_traffic,
        }
        // The last write is retried once, because no tick follows that could repeat it.
        if lease.write(hostcalls, key, now) || is_last && lease.write(hostcalls, key, now) {
            self.pending.append(&mut received);
        } else if !is_last {
            // The positions were not written, so these deltas are read again. If another VM leads, the next tick finds out.
            return true;
        }
        if lease.holder != id && !is_last {
            return false;
        }
        if is_last {
            self.finish();
            return true;
        }
        let open_bucket = self.open_bucket(now);
        // A report that takes until the next one is due, because ticks are slow, is completed at once.
        let is_overdue = self.report_end.is_some_and(|end| end < open_bucket);
        self.report_end.get_or_insert(open_bucket);
        self.report(hostcalls, key, if is_overdue { Steps::all() } else { Steps::new(SLICE) });
        true
    }

    /// Returns the first bucket that is not complete.
    fn open_bucket(&self, now: Timestamp) -> u64 {
        let settled = bucket_of(now.before(SETTLE_DELAY));
        let timed_out = bucket_of(now.before(STRAGGLER_TIMEOUT));
        let open = self.mailboxes.iter().map(|mailbox| mailbox.open_bucket(now)).min().unwrap_or(settled);
        settled.min(open).max(timed_out)
    }

    /// Returns true if a report is in progress.
    pub(super) const fn is_reporting(&self) -> bool {
        self.report_end.is_some()
    }

    /// Continues the report in progress with one slice.
    pub(super) fn continue_report(&mut self, hostcalls: &Hostcalls, key: &str) {
        self.report(hostcalls, key, Steps::new(SLICE));
    }

    /// Reports the buckets of the report in progress and publishes the baselines, in these steps.
    fn report(&mut self, hostcalls: &Hostcalls, key: &str, mut steps: Steps) {
        let Some(end) = self.report_end else { return };
        // Once the baselines are being written, late deltas wait for the next report.
        if self.published == 0 && !self.absorb(end, &mut steps) {
            return;
        }
        if let Some(monitor) = self.monitor.as_mut().filter(|_| self.next_bucket < end) {
            if !monitor.wake_in_steps(end_of(end - 1), &mut steps)
                || !monitor.publish_in_steps(&mut self.buffer, &mut self.published, &mut steps)
            {
                return;
            }
            self.next_bucket = end;
            if baselines::publish(hostcalls, key, &self.buffer) {
                self.baselines = end as u32;
            }
        }
        (self.report_end, self.published) = (None, 0);
    }

    /// Absorbs the pending deltas of buckets before `end`, in order of their buckets. Returns false if it must be continued.
    fn absorb(&mut self, end: u64, steps: &mut Steps) -> bool {
        let Some(monitor) = &mut self.monitor else { return true };
        let earliest = |pending: &[PendingDelta]| {
            let ready = pending.iter().enumerate().filter(|(_, delta)| delta.bucket < end);
            ready.min_by_key(|(_, delta)| delta.bucket).map(|(index, _)| index)
        };
        while let Some(index) = earliest(&self.pending)
            && let Some(delta) = self.pending.get_mut(index)
        {
            // Deltas of another build are unreadable and skipped.
            if let Ok(exchanges) = monitor.absorb_in_steps(&delta.bytes, &mut delta.position, steps) {
                self.absorbed += exchanges;
                if delta.position < delta.bytes.len() {
                    return false;
                }
            }
            self.pending.swap_remove(index);
        }
        true
    }
}
