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
    pub(super) amplified: u16,
    pub(super) escalated: u32,
    pub(super) related: Vec<u16>,
}

impl Open {
    pub(super) fn new(start: u32, now: u32, cause: Cause, tally: Tally) -> Self {
        Self {
            start, detected: now, last: now, quiet: 0, cause, tally,
            nats: [0.0; CAUSES], buckets: 0, runs: 1, culprit: [0; HOSTS], interval: 0,
            window: [(0, 0); 3], amplification: 100, amplified: 0, escalated: 0, related: Vec::new(),
        }
    }

    /// One more bucket with traffic.
    pub(super) fn follow(&mut self, now: u32, step: &Step) {
        let single = step.nats.iter().take(4).fold(0.0_f32, |a, &b| a.max(b));
        let alive = step.alive || single > 3.0;
        if alive {
            if self.quiet > 3 {
                self.runs = self.runs.saturating_add(1);
            }
            self.last = now;
            self.quiet = 0;
            self.buckets = self.buckets.saturating_add(1);
        } else {
            self.quiet = self.quiet.saturating_add(1);
        }
        for (sum, x) in self.nats.iter_mut().zip(step.nats) {
            *sum += x.max(0.0);
        }
        if let Some(c) = step.culprit.filter(|c| c.nats > 5.0) {
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
            if ratio >= 140 {
                self.amplified = self.amplified.saturating_add(1);
            }
        }
        if self.escalated == 0 && step.failed >= 3 && step.failed * 20 > step.exchanges {
            self.escalated = now;
        }
    }

    /// The name it deserves by what is known now.
    pub(super) fn pattern(&self) -> Pattern {
        let length = (self.last + 1).saturating_sub(self.start);
        let sum = |c: Cause| self.nats.get(c as usize).copied().unwrap_or(0.0);
        if !self.related.is_empty() {
            return Pattern::Correlated;
        }
        if self.cause == Cause::Rhythm || (self.interval > 0 && sum(Cause::Rhythm) > 20.0) {
            return Pattern::Recurring;
        }
        if self.amplified >= 3 && length < 60 {
            return Pattern::Storm;
        }
        if self.culprit.iter().any(|&v| v >= 2) || self.cause == Cause::Host {
            return Pattern::Concentrated;
        }
        if length >= 72 && sum(Cause::Tail) + sum(Cause::Level) > sum(Cause::Errors) {
            return Pattern::Creeping;
        }
        if self.runs >= 4 && u32::from(self.buckets) * 4 < length {
            return Pattern::Recurring;
        }
        if length >= 15 {
            return Pattern::Sustained;
        }
        Pattern::Burst
    }
}
