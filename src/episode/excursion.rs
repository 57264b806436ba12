//! An excursion: the buckets since some evidence began to add up.

use super::bucket::BucketCounts;
use super::residual::BINS;
use super::shift::{self, DurationBaseline, Durations, Shift};

/// Counts and durations of the current excursion, from which an episode begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Excursion {
    /// First bucket.
    pub(super) start: u32,
    pub(super) counts: BucketCounts,
    pub(super) durations: Durations,
    /// Durations before the excursion.
    pub(super) baseline: DurationBaseline,
}

impl Excursion {
    /// Begins with an empty excursion at a bucket.
    pub(super) fn new(start: u32, baseline: DurationBaseline) -> Self {
        Self { start, baseline, ..Self::default() }
    }

    /// Adds a bucket.
    pub(super) fn add(&mut self, counts: &BucketCounts, residuals: &[u16; BINS]) {
        self.counts.merge(counts);
        self.durations.add(residuals);
    }

    /// Returns the shift of its durations from the baseline.
    pub(super) fn shift(&self) -> Option<Shift> {
        self.durations.shift(&self.baseline)
    }

    /// Returns true if the excursion harmed anybody.
    pub(super) fn is_harmful(&self) -> bool {
        shift::is_harmful(&self.counts, self.shift())
    }
}
