//! All responses slower at once: the bucket's mean against the median of the last ten minutes.
//!
//! Robust z = (v − median) / (1.4826 · MAD + 0.05) of the mean log duration above its routes' means. Buckets with z > 4
//! are excluded from the history, so an episode does not become its own baseline, but for at most half an hour: a shift
//! that persists is the new baseline. This method covers overdispersed recorded traffic, where the dispersion of the
//! tail is so large that the tail is muted.

use crate::sort;

/// Buckets in the history.
const RING: usize = 60;
/// Parts of a nat.
const UNIT: f32 = 2048.0;
/// Consecutive buckets that may be excluded.
const MAX_EXCLUDED: u8 = 180;

/// The last means of one upstream.
#[derive(Clone, Debug)]
pub(super) struct LocationShift {
    ring: [i16; RING],
    filled: u8,
    next: u8,
    excluded: u8,
}

/// Score of a bucket's mean.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ShiftScore {
    pub(super) z: f32,
    /// Nats above the median.
    pub(super) shift: f32,
}

impl LocationShift {
    pub(super) const fn new() -> Self {
        Self { ring: [0; RING], filled: 0, next: 0, excluded: 0 }
    }

    /// Scores the mean of a bucket, and adds it to the history unless it is an outlier.
    pub(super) fn evaluate(&mut self, mean: f32) -> ShiftScore {
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
