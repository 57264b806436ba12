//! The bank of thirteen cumulative sums, each with the threshold at which it raises an alarm.

use super::cusum::Cusum;
use super::evidence::{Cause, Evidence};
use super::rates::RateEvidence;
use super::tail::{OVERDISPERSED, TailEvidence};

/// Number of sums: errors, caught, late, tail.
const SUMS: usize = 4 + 2 + 2 + 5;
/// Threshold of the tail, in nats.
const TAIL: f32 = 15.0;
/// Cause and threshold in nats of each sum. One nat changes the rate of false alarms by a factor of two to three. For
/// counts, a single event is capped below a third of its threshold, so it takes at least four to raise an alarm.
const THRESHOLDS: [(Cause, f32); SUMS] = [
    (Cause::Errors, 13.0),
    (Cause::Errors, 13.0),
    (Cause::Errors, 13.0),
    (Cause::Errors, 13.0),
    (Cause::Caught, 12.5),
    (Cause::Caught, 12.5),
    (Cause::Late, 11.5),
    (Cause::Late, 11.5),
    (Cause::Tail, TAIL),
    (Cause::Tail, TAIL),
    (Cause::Tail, TAIL),
    (Cause::Tail, TAIL),
    (Cause::Tail, TAIL),
];

/// All sums of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Bank {
    sums: [Cusum; SUMS],
}

impl Bank {
    pub(super) fn new() -> Self {
        Self { sums: [Cusum::default(); SUMS] }
    }

    /// Adds a bucket. Returns the highest sum in nats, and the highest as a multiple of its threshold.
    ///
    /// `keep_alive` is the sum that keeps an open episode alive; `penalty` multiplies the thresholds of the tail.
    pub(super) fn add(
        &mut self,
        evidence: &mut Evidence,
        tail: &TailEvidence,
        rates: &RateEvidence,
        keep_alive: f32,
        penalty: f32,
    ) -> (f32, f32) {
        let nats = rates.errors.iter().chain(&rates.caught).chain(&rates.late).chain(tail.alarms());
        let (mut highest, mut highest_ratio) = (0.0_f32, 0.0_f32);
        for ((sum, (cause, threshold)), nats) in self.sums.iter_mut().zip(THRESHOLDS).zip(nats) {
            if cause == Cause::Tail && tail.dispersion > OVERDISPERSED {
                sum.reset();
                continue;
            }
            let threshold = if cause == Cause::Tail { threshold * penalty } else { threshold };
            let total = sum.add(*nats);
            highest = highest.max(total);
            highest_ratio = highest_ratio.max(total / threshold);
            evidence.record(cause, *nats);
            if total > threshold {
                evidence.raise(cause, total / threshold);
            }
            if total > threshold.min(keep_alive) {
                evidence.is_alive = true;
                sum.reset();
            }
        }
        (highest, highest_ratio)
    }

    /// Returns the highest sum of the tail, in nats.
    pub(super) fn tail(&self) -> f32 {
        let tail = self.sums.iter().zip(THRESHOLDS).filter(|(_, (cause, _))| *cause == Cause::Tail);
        tail.fold(0.0, |most, (sum, _)| most.max(sum.nats()))
    }
}
