//! The same blip again and again, when no single one is anything.
//!
//! Small peaks of evidence (one to a few an hour in quiet traffic; the bar follows the traffic's own
//! noise) are remembered by time only. At each new one every earlier peak is taken as "one period
//! ago": further visits at that distance are worth ln(.85 / chance) nats each, a missing one costs
//! ln(.15 / (1 − chance)), where chance comes from how often this upstream peaks anyway. It needs no
//! list of periods, and 4 bytes a peak.

/// Peaks remembered.
const RING: usize = 24;
/// Buckets a period may be long: an hour. And short.
const LONGEST: u32 = 360;
const SHORTEST: u32 = 9;
/// Buckets that a visit may be off.
const SLACK: u32 = 1;
const LEAST: f32 = 1.0;
const MOST: f32 = 4.0;
const EXPECTED: f32 = 0.75;
const CAP: f32 = 4.0;
const STEP: f32 = 0.1;
const RATE: f32 = 6.0;

/// What kind of peak it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Errors,
    Durations,
}

/// The last peaks of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Blips {
    /// Bucket × 2, and the kind in the last bit; 0 for none.
    peaks: [u32; RING],
    /// Nats × 16.
    heights: [u8; RING],
    next: u8,
    bars: [f32; 2],
}

/// A periodicity that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Periodicity {
    pub(super) nats: f32,
    /// Buckets from one to the next.
    pub(super) interval: u32,
}

impl Blips {
    pub(super) const fn new() -> Self {
        Self { peaks: [0; RING], heights: [0; RING], next: 0, bars: [2.0, 2.0] }
    }

    /// The peaks of one kind: bucket and height.
    fn of(&self, kind: Kind) -> impl Iterator<Item = (u32, u8)> {
        let all = self.peaks.iter().zip(&self.heights).filter(|(at, _)| **at != 0);
        all.filter(move |(at, _)| **at & 1 == kind as u32).map(|(at, height)| (at >> 1, *height))
    }

    fn has(&self, bucket: u32, kind: Kind) -> bool {
        self.of(kind).any(|(at, _)| at.abs_diff(bucket) <= SLACK)
    }

    /// Looks at one bucket's evidence of one kind.
    pub(super) fn weigh(&mut self, bucket: u32, kind: Kind, nats: f32, frozen: bool) -> Option<Periodicity> {
        let bar = self.bars.get_mut(kind as usize)?;
        // So many an hour: up by a evidence at a peak, down by its share at every other bucket.
        if nats <= *bar {
            *bar = (*bar - STEP * RATE / 360.0).max(LEAST);
            return None;
        }
        if !frozen {
            *bar = (*bar + STEP).min(MOST);
        }
        if self.has(bucket, kind) {
            return None;
        }
        let place = usize::from(self.next);
        *self.peaks.get_mut(place)? = bucket << 1 | kind as u32;
        *self.heights.get_mut(place)? = (nats * 16.0).clamp(0.0, 255.0) as u8;
        self.next = (self.next + 1) % RING as u8;
        self.periodicity(bucket, kind)
    }

    fn periodicity(&self, bucket: u32, kind: Kind) -> Option<Periodicity> {
        let mine = || self.of(kind);
        let oldest = mine().map(|p| p.0).min()?.max(bucket.saturating_sub(4 * LONGEST));
        let span = (bucket - oldest).max(LONGEST) as f32;
        let width = (2 * SLACK + 1) as f32;
        let mut found = [Periodicity { nats: 0.0, interval: 0 }; RING];
        for ((before, _), best) in mine().zip(&mut found) {
            let interval = bucket.saturating_sub(before);
            if !(SHORTEST..=LONGEST).contains(&interval) {
                continue;
            }
            // How often peaks as high as this come off the beat.
            let chance = |height: u8| {
                let off = mine().filter(|&(at, h)| {
                    let phase = bucket.saturating_sub(at) % interval;
                    at >= oldest && h >= height && phase.min(interval - phase) > 2 * SLACK
                });
                ((off.count() as f32 + 0.5) / span * width).clamp(0.005, 0.4)
            };
            let missing = libm::logf((1.0 - EXPECTED) / (1.0 - chance(0)));
            let (mut nats, mut missed) = (0.0, 0);
            let mut at = before;
            while let Some(due) = at.checked_sub(interval) {
                if due + SLACK < oldest || missed > 2 {
                    break;
                }
                match mine().find(|p| p.0.abs_diff(due) <= SLACK) {
                    Some((visit, height)) => {
                        nats += libm::logf(EXPECTED / chance(height)).min(CAP);
                        missed = 0;
                        // Follow the visit itself, so that small errors of the interval do not add up.
                        at = visit;
                    }
                    None => {
                        nats += missing;
                        missed += 1;
                        at = due;
                    }
                }
                if nats > best.nats {
                    *best = Periodicity { nats, interval };
                }
            }
        }
        let most = found.iter().fold(0.0_f32, |most, periodicity| most.max(periodicity.nats));
        // Every second visit keeps a beat too: the shortest that explains most of it is meant.
        let explains = found.iter().filter(|periodicity| periodicity.nats > 0.6 * most);
        explains
            .min_by_key(|periodicity| periodicity.interval)
            .map(|periodicity| Periodicity { nats: most, ..*periodicity })
    }
}
