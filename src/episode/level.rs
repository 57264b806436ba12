//! Everything slower at once: the bucket's mean against the median of the last ten minutes.
//!
//! Robust z = (v − median) / (1.4826 · MAD + 0.05) of the mean log duration above its routes' means.
//! Buckets with z > 4 are kept out of the history, so an episode does not become its own yardstick,
//! though for at most half an hour: what stays is the new usual. This carries overdispersed recorded traffic,
//! where the tail's dispersion is so large that it has to be muted.

use crate::sort;

/// Buckets remembered.
const RING: usize = 60;
/// Parts of a nat.
const UNIT: f32 = 2048.0;
/// Buckets in a row that may be kept out.
const HELD: u8 = 180;

/// The last means of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Level {
    ring: [i16; RING],
    filled: u8,
    next: u8,
    held: u8,
}

/// Where a bucket lies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Height {
    pub(super) z: f32,
    /// Nats above the median.
    pub(super) shift: f32,
}

impl Level {
    pub(super) const fn new() -> Self {
        Self { ring: [0; RING], filled: 0, next: 0, held: 0 }
    }

    /// Weighs the mean of a bucket and remembers it unless it stands out.
    pub(super) fn weigh(&mut self, mean: f32) -> Height {
        let value = libm::roundf((mean * UNIT).clamp(-32_000.0, 32_000.0)) as i16;
        let mut height = Height::default();
        if self.filled >= 12 {
            let mut sorted = self.ring;
            let sorted = sorted.get_mut(..usize::from(self.filled)).unwrap_or_default();
            let median = sort::middle(sorted).unwrap_or(0);
            for v in sorted.iter_mut() {
                *v = v.saturating_sub(median).saturating_abs();
            }
            let mad = sort::middle(sorted).unwrap_or(0);
            height.shift = (f32::from(value) - f32::from(median)) / UNIT;
            height.z = height.shift / (1.4826 * f32::from(mad) / UNIT + 0.05);
        }
        if height.z > 4.0 && self.held < HELD {
            self.held += 1;
        } else {
            if height.z <= 4.0 {
                self.held = 0;
            }
            if let Some(slot) = self.ring.get_mut(usize::from(self.next)) {
                *slot = value;
            }
            self.next = (self.next + 1) % RING as u8;
            self.filled = (self.filled + 1).min(RING as u8);
        }
        height
    }
}
