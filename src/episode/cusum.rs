//! Evidence that adds up: the cumulative sum of Page (1954), and the dispersion that tempers it.
//!
//! Each bucket gives x nats for "something is wrong" against "as ever". The sum never falls below
//! zero, so a quiet day does not have to be paid back. Levels are whole 1/2048 nats: two bytes, and no drift.

/// Parts of a nat in a level.
const UNIT: f32 = 2048.0;

/// One running sum of evidence.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cusum {
    level: u16,
}

impl Cusum {
    /// Adds a bucket's evidence and returns the level in nats.
    pub(super) fn add(&mut self, nats: f32) -> f32 {
        let level = i32::from(self.level) + libm::roundf(nats.clamp(-30.0, 30.0) * UNIT) as i32;
        if level <= 0 {
            *self = Self::default();
            return 0.0;
        }
        self.level = u16::try_from(level).unwrap_or(u16::MAX);
        self.nats()
    }

    /// The level in nats.
    pub(super) fn nats(self) -> f32 {
        f32::from(self.level) / UNIT
    }

    /// Back to zero, as after an alarm.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// How much more the evidence scatters than independent exchanges would make it.
///
/// The sum of squared deviations over the sum of their expectations, both forgotten at the same
/// rate. Real quiet traffic reaches 39 where a test that assumes independence takes it for 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispersion {
    seen: f32,
    expected: f32,
}

impl Dispersion {
    /// Starts at `weight` expectations' worth of a dispersion of one.
    pub(super) const fn new(weight: f32) -> Self {
        Self { seen: weight, expected: weight }
    }

    /// The factor to divide evidence by; never less than one.
    pub(super) fn factor(self) -> f32 {
        (self.seen / self.expected.max(1e-6)).max(1.0)
    }

    /// Learns one bucket, whose `square` is cut at `most` so that an anomaly does not hide itself.
    pub(super) fn learn(&mut self, square: f32, expected: f32, most: f32, keep: f32) {
        self.seen = self.seen * keep + square.min(most);
        self.expected = self.expected * keep + expected;
    }
}
