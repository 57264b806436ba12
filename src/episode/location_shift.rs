//! All responses slower at once: the bucket's mean against the median of the last ten minutes.
//!
//! Robust z = (v − median) / (1.4826 · MAD + 0.05) of the mean log duration above its routes' means. Buckets with z > 4
//! are excluded from the history, so an episode does not become its own baseline, but for at most half an hour: a shift
//! that persists is the new baseline. This method covers overdispersed recorded traffic, where the dispersion of the
//! tail is so large that the tail is muted.

use super::routes::NATS_PER_OCTAVE;
use crate::sort;

/// Buckets in the history.
const RING: usize = 60;
/// Parts of a nat.
const UNIT: f32 = 2048.0;
/// Durations of a mean. At low rates buckets are merged until there are as many.
const DURATIONS: u32 = 5;
/// Buckets that may be merged: five minutes.
const MERGED: u32 = 30;
/// Consecutive buckets that may be excluded.
const MAX_EXCLUDED: u8 = 180;

/// The last means of one upstream.
#[derive(Clone, Debug)]
pub(super) struct LocationShift {
    ring: [i16; RING],
    filled: u8,
    next: u8,
    excluded: u8,
    merged: Merged,
}

/// Durations that are too few for a mean.
#[derive(Clone, Copy, Debug, Default)]
struct Merged {
    /// First bucket.
    from: u32,
    count: u16,
    /// Sum of their offsets from the means of their routes, in 1/64 octave.
    sum: i32,
}

/// Score of a bucket's mean.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShiftScore {
    pub(super) z: f32,
    /// Nats above the median.
    pub(super) shift: f32,
    /// Durations of the mean.
    pub(super) durations: u32,
}

impl LocationShift {
    pub(super) const fn new() -> Self {
        Self {
            ring: [0; RING],
            filled: 0,
            next: 0,
            excluded: 0,
            merged: Merged { from: 0, count: 0, sum: 0 },
        }
    }

    /// Adds `count` durations of a bucket, whose offsets from the means of their routes sum to `sum` 1/64 octaves.
    /// Scores the mean when there are enough.
    pub(super) fn add(&mut self, bucket: u32, count: u32, sum: i32) -> Option<ShiftScore> {
        let merged = &mut self.merged;
        if merged.count == 0 || bucket > merged.from + MERGED {
            *merged = Merged { from: bucket, count: 0, sum: 0 };
        }
        let count = count.saturating_add(merged.count.into());
        let sum = sum.saturating_add(merged.sum);
        if count < DURATIONS {
            (merged.count, merged.sum) = (count as u16, sum);
            return None;
        }
        *merged = Merged::default();
        let score = self.evaluate(sum as f32 / count as f32 / 64.0 * NATS_PER_OCTAVE);
        Some(ShiftScore { durations: count, ..score })
    }

    /// Scores the mean of a bucket, and adds it to the history unless it is an outlier.
    fn evaluate(&mut self, mean: f32) -> ShiftScore {
        let value = libm::roundf((mean * UNIT).clamp(-32_000.0, 32_000.0)) as i16;
        let mut score = ShiftScore::default();
        if self.filled >= 12 {
            let mut sorted = self.ring;
            let sorted = sorted.get_mut(..usize::from(self.filled)).unwrap_or_default();
            let median = sort::middle(sorted).unwrap_or(0);
            for v in sorted.iter_mut() {
                *v = v.saturating_sub(median).saturating_abs();
            }
            let mad = sort::middle(sorted).unwrap_or(0);
            score.shift = (f32::from(value) - f32::from(median)) / UNIT;
            score.z = score.shift / (1.4826 * f32::from(mad) / UNIT + 0.05);
        }
        if score.z > 4.0 && self.excluded < MAX_EXCLUDED {
            self.excluded += 1;
        } else {
            if score.z <= 4.0 {
                self.excluded = 0;
            }
            if let Some(entry) = self.ring.get_mut(usize::from(self.next)) {
                *entry = value;
            }
            self.next = (self.next + 1) % RING as u8;
            self.filled = (self.filled + 1).min(RING as u8);
        }
        score
    }
}
