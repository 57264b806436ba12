//! A VM's post: what it has counted, until the desk has taken it.
//!
//! A small ring of deltas, each under a key of its own, and an entry in front that says which there are. What finds no room in
//! the ring waits in the VM, where counts add up instead of being lost.

use super::LEASE;
use super::board::{Board, moment, word};
use crate::host::Call;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{Delta, Monitor, Timestamp, timeline};

/// Deltas in the ring.
const RING: u32 = 8;
/// Bytes before a delta: whose it is, its number, its bucket.
const HEAD: usize = 16;
/// Said of a bucket by a VM that has gone: nothing more comes.
const GONE: u64 = u64::MAX;

/// What this VM has posted.
#[derive(Debug, Default)]
pub(super) struct Post {
    /// Its place among the posts, once it has one.
    place: Option<u32>,
    /// The number of the first in `waiting`.
    first: u32,
    /// Not taken yet.
    waiting: VecDeque<Delta>,
    /// How many of them are in the ring.
    posted: usize,
    /// The bucket up to which what is usual was taken over.
    usual: u32,
}

/// The entry in front of a post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front {
    pub(super) place: u32,
    pub(super) id: u32,
    beat: Timestamp,
    /// Every bucket below has been posted.
    passed: u64,
    first: u32,
    next: u32,
    version: u32,
}

impl Post {
    /// Posts what is ready, and takes over what became usual.
    pub(super) fn tick(
        &mut self,
        call: &Call,
        key: &str,
        id: u32,
        board: &Board,
        own: &mut Monitor,
        now: Timestamp,
    ) {
        if board.usual > self.usual {
            super::desk::adopt(call, key, own);
            self.usual = board.usual;
        }
        let Some(place) = self.place else {
            // Posted from the next tick on: by then nobody else thinks that the place is his.
            self.place = Front::claim(call, key, id, now);
            return;
        };
        let taken = board.next(id);
        while self.first < taken && self.waiting.pop_front().is_some() {
            // Its memory is given back.
            let _ = call.share(&slot(key, place, self.first), &[], 0);
            self.first += 1;
            self.posted = self.posted.saturating_sub(1);
        }
        self.put(call, key, place, id, own);
        self.show(call, key, place, id, timeline::bucket_of(now), now);
    }

    /// Posts everything for the last time.
    pub(super) fn leave(&mut self, call: &Call, key: &str, id: u32, own: &mut Monitor, now: Timestamp) {
        let Some(place) = self.place.or_else(|| Front::claim(call, key, id, now)) else { return };
        self.put(call, key, place, id, own);
        self.show(call, key, place, id, GONE, now);
    }

    /// Fills the ring.
    fn put(&mut self, call: &Call, key: &str, place: u32, id: u32, own: &mut Monitor) {
        while self.waiting.len() < RING as usize
            && let Some(delta) = own.next_delta()
        {
            self.waiting.push_back(delta);
        }
        for delta in self.waiting.range(self.posted.min(self.waiting.len())..) {
            let number = self.first + self.posted as u32;
            let mut bytes = Vec::with_capacity(HEAD + delta.bytes.len());
            bytes.extend(id.to_le_bytes());
            bytes.extend(number.to_le_bytes());
            bytes.extend(delta.bucket.to_le_bytes());
            bytes.extend(&delta.bytes);
            if call.share(&slot(key, place, number), &bytes, 0).is_err() {
                return;
            }
            self.posted += 1;
        }
    }

    /// Says what is there. `passed` is held back by what found no room.
    fn show(&mut self, call: &Call, key: &str, place: u32, id: u32, passed: u64, now: Timestamp) {
        let is_full = self.waiting.len() == RING as usize || self.posted < self.waiting.len();
        let held = self.waiting.back().filter(|_| is_full).map_or(passed, |last| last.bucket.min(passed));
        let Some(known) = Front::read(call, key, place) else { return };
        if known.id != id {
            // Another has the place: all that waits is posted again elsewhere, under the numbers it has.
            (self.place, self.posted) = (None, 0);
            return;
        }
        let next = self.first + self.posted as u32;
        let _ = Front { beat: now, passed: held, first: self.first, next, ..known }.write(call, key);
    }
}

impl Front {
    /// The entry of a post, if there is one.
    pub(super) fn read(call: &Call, key: &str, place: u32) -> Option<Self> {
        let (bytes, version) = call.shared(&format!("{key}/post/{place}")).ok()?;
        Some(Self {
            place,
            id: word(bytes, 0),
            beat: moment(bytes, 4),
            passed: moment(bytes, 12).micros(),
            first: word(bytes, 20),
            next: word(bytes, 24),
            version,
        })
    }

    /// The delta of that number, and its bucket.
    pub(super) fn delta<'a>(&self, call: &'a Call, key: &str, number: u32) -> Option<(u64, &'a [u8])> {
        let (bytes, _) = call.shared(&slot(key, self.place, number)).ok()?;
        let (head, delta) = bytes.split_at_checked(HEAD)?;
        (word(head, 0) == self.id && word(head, 4) == number).then(|| (moment(head, 8).micros(), delta))
    }

    /// The numbers that are there from `next` on.
    pub(super) fn numbers(&self, next: u32) -> core::ops::Range<u32> {
        next.max(self.first)..self.next
    }

    /// Whether a bucket before `bucket` may still come from there, because its VM lives and has not said otherwise.
    pub(super) fn passed(&self, now: Timestamp) -> u64 {
        if self.is_alive(now) { self.passed } else { GONE }
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        self.id != 0 && now.since(self.beat) <= LEASE && self.beat.since(now) <= LEASE
    }

    fn write(&self, call: &Call, key: &str) -> bool {
        let mut bytes = Vec::with_capacity(28);
        bytes.extend(self.id.to_le_bytes());
        bytes.extend(self.beat.micros().to_le_bytes());
        bytes.extend(self.passed.to_le_bytes());
        bytes.extend(self.first.to_le_bytes());
        bytes.extend(self.next.to_le_bytes());
        call.share(&format!("{key}/post/{}", self.place), &bytes, self.version).is_ok()
    }

    /// Takes a place that nobody has, or that a VM has left that is gone. Which one is a promise only when the next entry is
    /// written: a place that is created by two at the same time belongs to the later.
    fn claim(call: &Call, key: &str, id: u32, now: Timestamp) -> Option<u32> {
        /// More workers than any machine has.
        const PLACES: u32 = 1_024;
        for place in 1..=PLACES {
            let free = Self { place, id: 0, beat: now, passed: 0, first: 0, next: 0, version: 0 };
            let known = Self::read(call, key, place).or_else(|| {
                let _ = free.write(call, key);
                // Without an entry nobody would look behind this place.
                Self::read(call, key, place)
            })?;
            let is_free = known.passed == GONE || !known.is_alive(now);
            if is_free && (Self { id, version: known.version, ..free }).write(call, key) {
                return Some(place);
            }
        }
        None
    }
}

fn slot(key: &str, place: u32, number: u32) -> String {
    format!("{key}/post/{place}/{}", number % RING)
}
