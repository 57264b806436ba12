//! An episode while it lasts, and its name when it is over.

use alloc::vec::Vec;

use super::HOSTS;
use super::bucket::Tally;
use super::watch::{Cause, CAUSES, Step};

/// The kind of an episode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Pattern { Burst, Sustained, Recurring, Creeping, Concentrated, Correlated, Storm, Deviant }

impl Pattern {
    /// As in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Sustained => "sustained",
            Self::Recurring => "recurring",
            Self::Creeping => "creeping",
            Self::Concentrated => "concentrated",
            Self::Correlated => "correlated",
            Self::Storm => "storm",
            Self::Deviant => "deviant",
        }
    }
}

/// What is kept of an open episode.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) start: u32,
    pub(super) detected: u32,
    /// The last bucket with evidence.
    pub(super) last: u32,
    /// Buckets with traffic since.
    pub(super) quiet: u16,
    pub(super) cause: Cause,
    pub(super) tally: Tally,
    pub(super) nats: [f32; CAUSES],
    /// Buckets with evidence.
    pub(super) buckets: u16,
    /// Separate runs of evidence.
    pub(super) runs: u16,
    pub(super) culprit: [u8; HOSTS],
    pub(super) interval: u32,
    /// Attempts and exchanges of the last three buckets, and the worst ratio × 100.
    window: [(u32, u32); 3],
    pub(super) amplification: u16,
    pub(super) amplified: u32,
    /// Evidence of slowness before it escalated, and the same times its age.
    pub(super) slow: f32,
    pub(super) slow_age: f32,
    /// Slowness had been adding up for long before something else raised the alarm.
    pub(super) crept: bool,
    pub(super) escalated: u32,
    pub(super) related: Vec<u16>,
}

impl Open {
    pub(super) fn new(start: u32, now: u32, cause: Cause, tally: Tally) -> Self {
        Self {
            start, detected: now, last: now, quiet: 0, cause, tally,
            nats: [0.0; CAUSES], buckets: 0, runs: 1, culprit: [0; HOSTS], interval: 0,
            window: [(0, 0); 3], amplification: 100, amplified: 0, slow: 0.0, slow_age: 0.0, crept: false, escalated: 0, related: Vec::new(),
        }
    }

    /// What a bucket must weigh to belong to this episode: the longer the quiet, the more.
    pub(super) fn needed(&self) -> f32 {
        4.0 + f32::from(self.quiet) / 8.0
    }

    /// One more bucket with traffic.
    pub(super) fn follow(&mut self, now: u32, step: &Step) {
        let single = step.nats.iter().take(4).fold(0.0_f32, |a, &b| a.max(b));
        if step.alive || single > self.needed() {
            if self.quiet > 3 {
                self.runs = self.runs.saturating_add(1);
            }
            self.last = now;
            self.quiet = 0;
            self.buckets = self.buckets.saturating_add(1);
        } else {
            self.quiet = self.quiet.saturating_add(1);
        }
        let age = now.saturating_sub(self.start) as f32;
        for (i, x) in step.nats.iter().enumerate() {
            if let Some(sum) = self.nats.get_mut(i) {
                *sum += x.max(0.0);
            }
            if (i == Cause::Tail as usize || i == Cause::Level as usize) && *x > 0.0 && self.escalated == 0 {
                self.slow += x;
                self.slow_age += x * age;
            }
        }
        if let Some(c) = step.culprit.filter(|c| c.nats > 5.0 && c.rising) {
            if let Some(v) = self.culprit.get_mut(usize::from(c.slot)) {
                *v = v.saturating_add(1);
            }
        }
        if let Some(r) = step.rhythm {
            self.interval = r.interval;
        }
        self.window.rotate_left(1);
        if let Some(w) = self.window.last_mut() {
            *w = (step.attempts, step.exchanges);
        }
        let (a, e) = self.window.iter().fold((0, 0), |(a, e), w| (a + w.0, e + w.1));
        if e >= 5 {
            let ratio = (a.saturating_mul(100) / e).min(10_000) as u16;
            self.amplification = self.amplification.max(ratio);
            if ratio >= 150 && self.amplified == 0 {
                self.amplified = now;
            }
        }
        if self.escalated == 0 && step.failed >= 3 && step.failed * 20 > step.exchanges {
            self.escalated = now;
        }
    }

    /// The host that carries it: named by its siblings again and again, with far more than its share.
    pub(super) fn host(&self) -> Option<usize> {
        let votes: u32 = self.culprit.iter().map(|&v| u32::from(v)).sum();
        let bad: u32 = self.tally.bad.iter().map(|&v| u32::from(v)).sum();
        let hosts = self.tally.bad.iter().filter(|&&v| v > 0).count() as u32;
        let (slot, most) = self.culprit.iter().enumerate().max_by_key(|&(_, &v)| v)?;
        let share = u32::from(*self.tally.bad.get(slot)?);
        let most = u32::from(*most);
        let sure = most >= 5 && most * 10 >= votes * 8;
        let likely = most >= 2 && most * 10 >= votes * 6;
        (sure || likely && share * hosts * 2 >= bad * 3).then_some(slot)
    }

    /// The name it deserves by what is known now.
    pub(super) fn pattern(&self) -> Pattern {
        let length = (self.last + 1).saturating_sub(self.start);
        let evidence = u32::from(self.buckets);
        if !self.related.is_empty() {
            return Pattern::Correlated;
        }
        if self.cause == Cause::Rhythm {
            return Pattern::Recurring;
        }
        if self.amplified != 0 && self.amplified <= self.start + 8 {
            return Pattern::Storm;
        }
        if self.host().is_some() || (self.cause == Cause::Host && length < 12) {
            return Pattern::Concentrated;
        }
        if self.interval > 0 && evidence * 6 < length {
            return Pattern::Recurring;
        }
        let grows = self.slow_age >= self.slow * 0.45 * length as f32;
        let slow = matches!(self.cause, Cause::Tail | Cause::Level | Cause::Host) && grows;
        if length >= 30 && (slow || self.crept) {
            return Pattern::Creeping;
        }
        if self.runs >= 3 && evidence * 5 < length * 2 || self.runs >= 2 && self.escalated > self.start + 12 {
            return Pattern::Recurring;
        }
        if evidence >= 12 || (self.cause == Cause::Late && length >= 12) {
            return Pattern::Sustained;
        }
        Pattern::Burst
    }
}
