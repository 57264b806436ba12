//! Cumulative evidence: the CUSUM of Page (1954), and the dispersion that scales it.
//!
//! Each bucket gives x nats for "something is wrong" against "normal". The sum never falls below zero, so a quiet day
//! does not have to be made up for. Sums are whole 1/2048 nats: two bytes, and no drift.

/// Parts of a nat in a sum.
const UNIT: f32 = 2048.0;

/// A running sum of evidence.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cusum {
    sum: u16,
}

impl Cusum {
    /// Adds a bucket's evidence and returns the sum in nats.
    pub(super) fn add(&mut self, nats: f32) -> f32 {
        let sum = i32::from(self.sum) + libm::roundf(nats.clamp(-30.0, 30.0) * UNIT) as i32;
        if sum <= 0 {
            *self = Self::default();
            return 0.0;
        }
        self.sum = u16::try_from(sum).unwrap_or(u16::MAX);
        self.nats()
    }

    /// Returns the sum in nats.
    pub(super) fn nats(self) -> f32 {
        f32::from(self.sum) / UNIT
    }

    /// Resets the sum to zero, as after an alarm.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Lengths of the blocks over which overdispersion is measured, in buckets with traffic: 10 s, a minute, six minutes.
const BLOCKS: [u8; 3] = [1, 6, 36];

/// Overdispersion over short and long blocks; the largest counts. A tail that wanders over minutes looks like
/// independent noise within ten seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockDispersion {
    by_length: [Dispersion; BLOCKS.len()],
    /// Deviation and expected square of the unfinished longer blocks.
    unfinished: [(f32, f32); BLOCKS.len() - 1],
    /// Buckets in the unfinished longest block.
    count: u8,
}

impl BlockDispersion {
    /// Creates dispersions of one, with a prior of `weight` expectations.
    pub(super) const fn new(weight: f32) -> Self {
        Self {
            by_length: [Dispersion::new(weight); BLOCKS.len()],
            unfinished: [(0.0, 0.0); BLOCKS.len() - 1],
            count: 0,
        }
    }

    /// Returns the factor to divide evidence by; never less than one.
    pub(super) fn factor(&self) -> f32 {
        self.by_length.iter().fold(1.0, |most, dispersion| most.max(dispersion.factor()))
    }

    /// Learns the deviation of one bucket and its expected square. `keep` is the decay per bucket.
    pub(super) fn learn(&mut self, deviation: f32, expected: f32, keep: f32) {
        let [_, longer_blocks @ ..] = BLOCKS;
        let [.., longest] = BLOCKS;
        self.count += 1;
        let [shortest, longer @ ..] = &mut self.by_length;
        let learn = |dispersion: &mut Dispersion, deviation: f32, expected: f32, keep: f32| {
            dispersion.learn(deviation * deviation, expected, 16.0 * expected, keep);
        };
        learn(shortest, deviation, expected, keep);
        for ((dispersion, length), sums) in longer.iter_mut().zip(longer_blocks).zip(&mut self.unfinished) {
            *sums = (sums.0 + deviation, sums.1 + expected);
            if self.count.is_multiple_of(length) {
                learn(dispersion, sums.0, sums.1, libm::powf(keep, f32::from(length)));
                *sums = (0.0, 0.0);
            }
        }
        self.count %= longest;
    }
}

/// Overdispersion: the variance of the evidence over the variance that independent exchanges would give.
///
/// The sum of squared deviations over the sum of their expectations, with the same decay for both. In recorded quiet
/// traffic the ratio reaches 39 where a test that assumes independence takes it for 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispersion {
    observed: f32,
    expected: f32,
}

impl Dispersion {
    /// Creates a dispersion of one, with a prior of `weight` expectations.
    pub(super) const fn new(weight: f32) -> Self {
        Self { observed: weight, expected: weight }
    }

    /// Returns the factor to divide evidence by; never less than one.
    pub(super) fn factor(self) -> f32 {
        (self.observed / self.expected.max(1e-6)).max(1.0)
    }

    /// Learns one bucket, whose `square` is cut at `most` so that an anomaly does not hide itself.
    pub(super) fn learn(&mut self, square: f32, expected: f32, most: f32, keep: f32) {
        self.observed = self.observed * keep + square.min(most);
        self.expected = self.expected * keep + expected;
    }
}
