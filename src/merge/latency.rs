//! Merges exponential histograms of any scale and offset.
//!
//! A bucket of a coarser scale is two whole buckets of the next finer one, so histograms of different scales merge at the
//! coarsest without loss. A histogram that would need more than [`MAX_BUCKETS`] is coarsened by whole halvings. Both rules
//! depend only on the coarsest scale and on the outermost buckets, so the order of merging does not matter.

use crate::histogram::SCALE;
use crate::units::Micros;
use alloc::collections::VecDeque;

/// Maximum number of buckets; at scale 3 all durations fit into 202.
pub(crate) const MAX_BUCKETS: usize = 512;
/// Scales that are read: OpenTelemetry's, and the coarser ones that halving can lead to.
pub(crate) const SCALES: core::ops::RangeInclusive<i32> = -32..=20;

/// Counts per bucket, from the first to the last in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Latency {
    scale: i32,
    /// OpenTelemetry's index of the first bucket.
    offset: i32,
    counts: VecDeque<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        Self { scale: SCALE as i32, offset: 0, counts: VecDeque::new() }
    }
}

impl Latency {
    /// Returns the histogram of a summary.
    pub(crate) fn new(scale: i32, offset: i32, counts: impl Iterator<Item = u64>) -> Self {
        let mut latency = Self { scale, offset, counts: VecDeque::new() };
        let (mut index, mut started) = (offset, false);
        for count in counts {
            if count > 0 && !started {
                (latency.offset, started) = (index, true);
            }
            if started {
                latency.counts.push_back(count);
            }
            index = index.saturating_add(1);
        }
        while latency.counts.back() == Some(&0) {
            latency.counts.pop_back();
        }
        if latency.counts.is_empty() {
            return Self::default();
        }
        latency.fit();
        latency
    }

    /// Adds all counts of `other`.
    pub(crate) fn add(&mut self, other: &Self) {
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            self.clone_from(other);
            return;
        }
        let mut coarser;
        let mut other = other;
        if other.scale > self.scale {
            coarser = other.clone();
            coarser.coarsen(self.scale);
            other = &coarser;
        }
        self.coarsen(other.scale);
        // Both ends first: the range between them may be too wide for this scale.
        let (mut first, mut last) = (self.offset.min(other.offset), self.last().max(other.last()));
        let mut scale = self.scale;
        while last.abs_diff(first) as usize >= MAX_BUCKETS {
            (first, last, scale) = (first >> 1, last >> 1, scale - 1);
        }
        if scale < self.scale {
            self.coarsen(scale);
            coarser = other.clone();
            coarser.coarsen(scale);
            other = &coarser;
        }
        for _ in first..self.offset {
            self.counts.push_front(0);
        }
        self.offset = first;
        self.counts.resize(last.abs_diff(first) as usize + 1, 0);
        let shift = other.offset.abs_diff(first) as usize;
        for (mine, theirs) in self.counts.iter_mut().skip(shift).zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// Returns the quantile `per_mille` / 1 000 of the durations; `None` without any.
    ///
    /// The result is the geometric middle of its bucket: at scale 3 at most 4.5 % off.
    pub fn quantile(&self, per_mille: u64) -> Option<Micros> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        let rank = (u128::from(total) * u128::from(per_mille)).div_ceil(1_000).max(1);
        let mut below = 0;
        let place = self.counts.iter().position(|count| {
            below += u128::from(*count);
            below >= rank
        })?;
        let index = f64::from(self.offset) + place as f64 + 0.5;
        let millis = libm::exp2(libm::ldexp(index, -self.scale));
        Some(Micros::new(libm::round(millis * 1_000.0) as u64))
    }

    /// Returns the number of durations.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    pub(crate) fn scale(&self) -> i32 {
        self.scale
    }

    pub(crate) fn offset(&self) -> i32 {
        self.offset
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().copied()
    }

    fn last(&self) -> i32 {
        self.offset.saturating_add(self.counts.len().saturating_sub(1) as i32)
    }

    fn fit(&mut self) {
        while self.counts.len() > MAX_BUCKETS {
            self.coarsen(self.scale - 1);
        }
    }

    /// Changes to a coarser scale.
    fn coarsen(&mut self, scale: i32) {
        let shift = self.scale.saturating_sub(scale);
        if shift <= 0 {
            return;
        }
        let halved = |index: i32| index >> shift.min(31);
        let mut coarse = VecDeque::new();
        let offset = halved(self.offset);
        coarse.resize(halved(self.last()).abs_diff(offset) as usize + 1, 0u64);
        for (place, count) in self.counts.iter().enumerate() {
            let index = halved(self.offset.saturating_add(place as i32));
            if let Some(sum) = coarse.get_mut(index.abs_diff(offset) as usize) {
                *sum = sum.saturating_add(*count);
            }
        }
        (self.scale, self.offset) = (scale, offset);
        if !self.counts.is_empty() {
            self.counts = coarse;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{Histogram, Log2};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn latency() -> impl Strategy<Value = Latency> {
        (SCALES, -2_000i32..2_000, prop::collection::vec(0u64..5, 0..300))
            .prop_map(|(scale, offset, counts)| Latency::new(scale, offset, counts.into_iter()))
    }

    fn sum(of: &[&Latency]) -> Latency {
        let mut sum = Latency::default();
        of.iter().for_each(|latency| sum.add(latency));
        sum
    }

    proptest! {
        #[test]
        fn histograms_of_any_scale_merge_in_any_order(a in latency(), b in latency(), c in latency()) {
            let all = sum(&[&a, &b, &c]);
            prop_assert_eq!(&all, &sum(&[&c, &b, &a]));
            prop_assert_eq!(&all, &sum(&[&a, &sum(&[&b, &c])]));
            prop_assert_eq!(&all, &sum(&[&sum(&[&a, &b]), &c]));
            prop_assert_eq!(all.total(), a.total() + b.total() + c.total(), "without loss");
            prop_assert!(all.counts.len() <= MAX_BUCKETS);
        }

        #[test]
        fn a_quantile_is_within_five_percent(mut spans in prop::collection::vec(106u64..3_000_000_000, 1..300)) {
            let mut histogram = Histogram::default();
            spans.iter().for_each(|span| histogram.record(Log2::of(Micros::new(*span)).bucket(Micros::new(*span))));
            let (offset, counts) = histogram.used();
            let latency = Latency::new(SCALE as i32, offset, counts.iter().map(|count| u64::from(*count)));
            spans.sort_unstable();
            for per_mille in [500u64, 900, 990, 999] {
                let rank = (spans.len() as u64 * per_mille).div_ceil(1_000).max(1) as usize;
                let (exact, estimate) = (spans[rank - 1] as f64, latency.quantile(per_mille).unwrap().get() as f64);
                prop_assert!((estimate / exact - 1.0).abs() < 0.05, "{exact} {estimate}");
            }
        }
    }

    #[test]
    fn buckets_of_a_finer_scale_fall_whole_into_those_of_a_coarser() {
        let fine = Latency::new(3, -3, [1, 2, 3, 4, 5].into_iter());
        let coarse = Latency::new(2, 0, [10].into_iter());
        let both = sum(&[&fine, &coarse]);
        // (-3) and (-2 -1) and (0 1) of scale 3 are -2, -1 and 0 of scale 2.
        assert_eq!((both.scale, both.offset, both.counts().collect::<Vec<_>>()), (2, -2, [1, 5, 19].into()));
        assert_eq!(sum(&[&coarse, &fine]), both);
    }
}
