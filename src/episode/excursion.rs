//! An excursion: the buckets since some evidence began to add up.

use super::bucket::BucketCounts;
use super::evidence::{Cause, Evidence};
use super::residual::BINS;
use super::shift::{self, DurationBaseline, Durations, Shift};

/// Counts and durations of the current excursion, from which an episode begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Excursion {
    /// First bucket; 0 before it.
    pub(super) start: u32,
    pub(super) counts: BucketCounts,
    pub(super) durations: Durations,
    /// Durations before the excursion.
    pub(super) baseline: DurationBaseline,
}

impl Excursion {
    /// Creates an excursion that begins with the next bucket.
    pub(super) fn new(baseline: DurationBaseline) -> Self {
        Self { baseline, ..Self::default() }
    }

    /// Adds a bucket.
    pub(super) fn add(&mut self, index: u32, counts: &BucketCounts, residuals: &[u16; BINS]) {
        if self.counts.exchanges == 0 {
            self.start = index;
        }
        self.counts.merge(counts);
        self.durations.add(residuals);
    }

    /// Returns the shift of its durations from the baseline.
    pub(super) fn shift(&self) -> Option<Shift> {
        self.durations.shift(&self.baseline)
    }

    /// Returns true if the excursion harmed anybody.
    pub(super) fn is_harmful(&self, evidence: &Evidence, cause: Cause) -> bool {
        if cause.is_timing() {
            shift::is_harmful_slowness(&self.counts, self.shift(), evidence.slowdown)
        } else {
            shift::is_harmful(&self.counts, self.shift())
        }
    }
}
