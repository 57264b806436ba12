//! The same blip recurring at a fixed interval, too small each time to be significant.
//!
//! Small peaks of evidence (one to a few an hour in quiet traffic; the threshold follows the traffic's own noise) are
//! remembered by time only. At each new peak every earlier one is tried as "one period ago": further visits at that
//! distance add ln(.75 / chance) nats each, a missing one adds ln(.25 / (1 − chance)), where chance comes from the rate
//! of peaks on this upstream. The method needs no list of periods, and 4 bytes per peak.

/// Peaks remembered.
const RING: usize = 24;
/// Longest period in buckets: an hour.
const LONGEST: u32 = 360;
/// Shortest period in buckets.
const SHORTEST: u32 = 9;
/// Tolerance of a visit in buckets.
const SLACK: u32 = 1;
/// Lowest threshold of a peak, in nats.
const LEAST: f32 = 1.0;
/// Highest threshold of a peak, in nats.
const MOST: f32 = 4.0;
/// Expected share of visits that are seen.
const EXPECTED: f32 = 0.75;
/// Maximum evidence of one visit, in nats.
const CAP: f32 = 4.0;
/// Rise of the threshold with each peak, in nats.
const STEP: f32 = 0.1;
/// Peaks per hour that the threshold aims at.
const RATE: f32 = 6.0;

/// Kind of evidence that peaked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BlipKind {
    Errors,
    Durations,
}

/// The last peaks of one upstream.
#[derive(Clone, Debug)]
pub(super) struct PeriodicityDetector {
    /// Bucket × 2, and the kind in the last bit; 0 for none.
    peaks: [u32; RING],
    /// Nats × 16.
    heights: [u8; RING],
    next: u8,
    thresholds: [f32; 2],
}

/// A periodicity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Periodicity {
    pub(super) nats: f32,
    /// Period in buckets.
    pub(super) interval: u32,
    /// Peaks that were seen at this period.
    pub(super) visits: u16,
}

impl PeriodicityDetector {
    pub(super) const fn new() -> Self {
        Self { peaks: [0; RING], heights: [0; RING], next: 0, thresholds: [2.0, 2.0] }
    }

    /// Iterates over the peaks of one kind: bucket and height.
    fn of(&self, kind: BlipKind) -> impl Iterator<Item = (u32, u8)> {
        let all = self.peaks.iter().zip(&self.heights).filter(|(at, _)| **at != 0);
        all.filter(move |(at, _)| **at & 1 == kind as u32).map(|(at, height)| (at >> 1, *height))
    }

    fn has(&self, bucket: u32, kind: BlipKind) -> bool {
        self.of(kind).any(|(at, _)| at.abs_diff(bucket) <= SLACK)
    }

    /// Evaluates one bucket's evidence of one kind.
    pub(super) fn evaluate(
        &mut self,
        bucket: u32,
        kind: BlipKind,
        nats: f32,
        frozen: bool,
    ) -> Option<Periodicity> {
        let threshold = self.thresholds.get_mut(kind as usize)?;
        // A constant rate of peaks: the threshold rises by a step at a peak, and falls by a small part of it at every
        // other bucket.
        if nats <= *threshold {
            *threshold = (*threshold - STEP * RATE / 360.0).max(LEAST);
            return None;
        }
        if !frozen {
            *threshold = (*threshold + STEP).min(MOST);
        }
        if self.has(bucket, kind) {
            return None;
        }
        let index = usize::from(self.next);
        *self.peaks.get_mut(index)? = bucket << 1 | kind as u32;
        *self.heights.get_mut(index)? = (nats * 16.0).clamp(0.0, 255.0) as u8;
        self.next = (self.next + 1) % RING as u8;
        self.periodicity(bucket, kind)
    }

    fn periodicity(&self, bucket: u32, kind: BlipKind) -> Option<Periodicity> {
        let mine = || self.of(kind);
        let oldest = mine().map(|p| p.0).min()?.max(bucket.saturating_sub(4 * LONGEST));
        let span = (bucket - oldest).max(LONGEST) as f32;
        let width = (2 * SLACK + 1) as f32;
        let mut found = [Periodicity { nats: 0.0, interval: 0, visits: 0 }; RING];
        for ((before, _), best) in mine().zip(&mut found) {
            let interval = bucket.saturating_sub(before);
            if !(SHORTEST..=LONGEST).contains(&interval) {
                continue;
            }
            // The chance of a peak at least this high at any time out of phase.
            let chance = |height: u8| {
                let off = mine().filter(|&(at, h)| {
                    let phase = bucket.saturating_sub(at) % interval;
                    at >= oldest && h >= height && phase.min(interval - phase) > 2 * SLACK
                });
                ((off.count() as f32 + 0.5) / span * width).clamp(0.005, 0.4)
            };
            let missing = libm::logf((1.0 - EXPECTED) / (1.0 - chance(0)));
            let (mut nats, mut missed, mut visits) = (0.0, 0, 2);
            let mut at = before;
            while let Some(due) = at.checked_sub(interval) {
                if due + SLACK < oldest || missed > 2 {
                    break;
                }
                match mine().find(|p| p.0.abs_diff(due) <= SLACK) {
                    Some((visit, height)) => {
                        nats += libm::logf(EXPECTED / chance(height)).min(CAP);
                        missed = 0;
                        visits += 1;
                        // Continue from the visit itself, so that small errors of the interval do not add up.
                        at = visit;
                    }
                    None => {
                        nats += missing;
                        missed += 1;
                        at = due;
                    }
                }
                if nats > best.nats {
                    *best = Periodicity { nats, interval, visits };
                }
            }
        }
        let most = found.iter().fold(0.0_f32, |most, periodicity| most.max(periodicity.nats));
        // Multiples of the period fit too: the shortest interval with most of the evidence is the period.
        let explains = found.iter().filter(|periodicity| periodicity.nats > 0.6 * most);
        explains
            .min_by_key(|periodicity| periodicity.interval)
            .map(|periodicity| Periodicity { nats: most, ..*periodicity })
    }
}
