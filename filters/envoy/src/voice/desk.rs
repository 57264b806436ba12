//! The desk: takes what all VMs have posted, reports it, and publishes what is usual.
//!
//! A bucket is reported when every VM has said that it has passed it, two seconds after its end at the earliest; a VM that
//! says nothing is waited for until eight seconds after it. What comes later counts, and changes no episode.

use super::board::Board;
use super::post::Front;
use crate::host::Call;
use alloc::format;
use alloc::vec::Vec;
use nearmiss::{Micros, Monitor, Timestamp, end_of, timeline};

/// From the end of a bucket: a VM that has just seen its first exchange is heard of by then.
const SETTLE: Micros = Micros::from_seconds(2);
/// From the end of a bucket: who has not said anything by then is late.
const PATIENCE: Micros = Micros::from_seconds(8);

/// VMs that have gone, of which is still known how far they were heard.
const GONE: usize = 64;

/// What this VM reports with.
#[derive(Debug)]
pub(super) struct Desk {
    /// Reports for all; begun when there is somebody to report for.
    monitor: Option<Monitor>,
    fronts: Vec<Front>,
    /// Taken, of buckets that are not complete.
    waiting: Vec<(u64, Vec<u8>)>,
    /// The first bucket that was not reported.
    next: u64,
    usual: u32,
    heard: u64,
    text: Vec<u8>,
}

impl Desk {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            monitor: None,
            fronts: Vec::new(),
            waiting: Vec::new(),
            next: timeline::bucket_of(now),
            usual: 0,
            heard: 0,
            text: Vec::new(),
        }
    }

    /// Begins to report for all.
    pub(super) fn begin(&mut self, monitor: Option<Monitor>) {
        self.monitor = monitor;
        self.monitor.iter_mut().for_each(Monitor::become_reporter);
    }

    pub(super) fn monitor(&mut self) -> Option<&mut Monitor> {
        self.monitor.as_mut()
    }

    pub(super) fn take_heard(&mut self) -> u64 {
        core::mem::take(&mut self.heard)
    }

    /// Another has the desk now: what is counted here and was not told is.
    pub(super) fn retire(mut self) -> Option<Monitor> {
        self.absorb(u64::MAX);
        let mut monitor = self.monitor?;
        monitor.finish();
        Some(monitor)
    }

    /// Looks who posts; whether anybody does.
    pub(super) fn look(&mut self, call: &Call, key: &str) -> bool {
        self.fronts.clear();
        self.fronts.extend((1..).map_while(|place| Front::read(call, key, place)));
        !self.fronts.is_empty()
    }

    /// Takes what was posted, and reports every bucket that is complete, or all. False if another has the desk.
    pub(super) fn work(&mut self, call: &Call, key: &str, id: u32, now: Timestamp, is_last: bool) -> bool {
        let Some(mut board) = Board::read(call, key) else { return true };
        if board.holder != id {
            return false;
        }
        let mut news = Vec::new();
        for front in self.fronts.iter().filter(|front| front.id != 0) {
            let mut next = board.next(front.id);
            for number in front.numbers(next) {
                let Some((bucket, delta)) = front.delta(call, key, number) else { break };
                news.push((bucket, delta.to_vec()));
                next = number + 1;
            }
            board.took(front.id, next);
        }
        board.keep(self.fronts.len() + GONE);
        board.usual = self.usual;
        if is_last {
            board.holder = 0;
        }
        // The last time is the last: then it is worth a second try.
        if board.write(call, key, now) || is_last && board.write(call, key, now) {
            self.waiting.append(&mut news);
        } else if !is_last {
            // Nothing was taken. If another has the desk, the next tick will see it.
            return true;
        }
        self.report(call, key, if is_last { u64::MAX } else { self.complete(now) });
        if is_last && let Some(monitor) = &mut self.monitor {
            monitor.finish();
        }
        true
    }

    /// The first bucket of which more may come.
    fn complete(&self, now: Timestamp) -> u64 {
        let settled = timeline::bucket_of(now.before(SETTLE));
        let patient = timeline::bucket_of(now.before(PATIENCE));
        let passed = self.fronts.iter().map(|front| front.passed(now)).min().unwrap_or(settled);
        settled.min(passed).max(patient)
    }

    /// Reports everything before bucket `end`.
    fn report(&mut self, call: &Call, key: &str, end: u64) {
        self.absorb(end);
        let Some(monitor) = self.monitor.as_mut().filter(|_| self.next < end && end < u64::MAX) else {
            return;
        };
        monitor.wake(end_of(end - 1));
        self.next = end;
        monitor.publish(&mut self.text);
        if call.share(&format!("{key}/usual"), &self.text, 0).is_ok() {
            self.usual = end as u32;
        }
    }

    /// Absorbs what was taken of the buckets before `end`, the earliest first.
    fn absorb(&mut self, end: u64) {
        let Some(monitor) = &mut self.monitor else { return };
        let earliest = |waiting: &[(u64, Vec<u8>)]| {
            let ready = waiting.iter().enumerate().filter(|(_, (bucket, _))| *bucket < end);
            ready.min_by_key(|(_, (bucket, _))| *bucket).map(|(place, _)| place)
        };
        while let Some(place) = earliest(&self.waiting) {
            let (_, delta) = self.waiting.swap_remove(place);
            // What is of another build is nobody's to read.
            self.heard += monitor.absorb(&delta).unwrap_or(0);
        }
    }
}

/// Takes over what is usual, as far as it was published.
pub(super) fn adopt(call: &Call, key: &str, monitor: &mut Monitor) {
    if let Ok((usual, _)) = call.shared(&format!("{key}/usual")) {
        // Of another build: then it learns by itself.
        let _ = monitor.adopt(usual);
    }
}
