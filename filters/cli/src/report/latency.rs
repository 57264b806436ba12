//! Durations in OpenTelemetry's exponential buckets, with quantiles and the rows of a heat map.

use crate::records;
use nearmiss::histogram::{BUCKETS, OFFSET, SCALE};

/// Buckets of the core per row of a heat map; a row is half an octave.
const BUCKETS_PER_ROW: usize = 4;
/// Number of rows of a heat map.
pub(crate) const ROWS: usize = BUCKETS.div_ceil(BUCKETS_PER_ROW);

/// Number of durations by bucket of the core.
#[derive(Clone, Debug)]
pub(crate) struct LatencyCounts(Vec<u64>);

impl Default for LatencyCounts {
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

impl LatencyCounts {
    /// Adds the counts of a summary.
    pub(crate) fn add(&mut self, other: &records::LatencyHistogram) {
        for (bucket, count) in buckets(other) {
            if let Some(sum) = self.0.get_mut(bucket) {
                *sum = sum.saturating_add(count);
            }
        }
    }

    /// Adds the counts of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns the geometric mean in milliseconds, for comparison with the typical duration in a reference.
    pub(crate) fn typical(&self) -> Option<f64> {
        let total = self.total();
        let sum: f64 = self
            .0
            .iter()
            .enumerate()
            .map(|(bucket, count)| {
                (lower_bound(bucket) * lower_bound(bucket + 1)).log2() / 2.0 * *count as f64
            })
            .sum();
        (total > 0).then(|| (sum / total as f64).exp2())
    }

    /// Returns the quantile `share` in milliseconds: the upper bound of its bucket, at most 9 % too high.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.total() as f64 * share).ceil().max(1.0) as u64;
        let mut sum = 0;
        let bucket = self.0.iter().position(|count| {
            sum += count;
            sum >= wanted
        })?;
        Some(lower_bound(bucket + 1))
    }
}

/// Number of durations in one time bin, by row of the heat map.
#[derive(Clone, Debug)]
pub(crate) struct HeatMapColumn([u32; ROWS]);

impl Default for HeatMapColumn {
    fn default() -> Self {
        Self([0; ROWS])
    }
}

impl HeatMapColumn {
    pub(crate) fn add(&mut self, other: &records::LatencyHistogram) {
        for (bucket, count) in buckets(other) {
            if let Some(sum) = self.0.get_mut(bucket / BUCKETS_PER_ROW) {
                *sum = sum.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }

    /// Returns the count of each row, the shortest durations first.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// Returns the quantile `share` in milliseconds: the upper bound of its row, half an octave wide.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let total: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let wanted = (total as f64 * share).ceil().max(1.0) as u64;
        let mut sum = 0;
        let row = self.0.iter().position(|count| {
            sum += u64::from(*count);
            sum >= wanted
        })?;
        Some(row_lower_bound(row + 1))
    }
}

/// Returns the lower bound of a row in milliseconds.
pub(crate) fn row_lower_bound(row: usize) -> f64 {
    lower_bound(row * BUCKETS_PER_ROW)
}

/// Returns the row of a duration, with a fractional part.
pub(crate) fn row_of(millis: f64) -> f64 {
    let buckets = millis.max(0.001).log2() * f64::from(1 << SCALE) - f64::from(OFFSET);
    (buckets / BUCKETS_PER_ROW as f64).clamp(0.0, ROWS as f64)
}

/// Returns the lower bound of a bucket in milliseconds.
fn lower_bound(bucket: usize) -> f64 {
    ((bucket as f64 + f64::from(OFFSET)) / f64::from(1 << SCALE)).exp2()
}

/// Maps the counts to buckets of the core.
fn buckets(histogram: &records::LatencyHistogram) -> impl Iterator<Item = (usize, u64)> + '_ {
    let scale_difference = (histogram.scale - SCALE as i32).clamp(-10, 20);
    histogram.counts.iter().zip(0_i32..).filter(|(count, _)| **count > 0).map(move |(count, index)| {
        let index = i64::from(histogram.offset) + i64::from(index);
        let index =
            if scale_difference >= 0 { index >> scale_difference } else { index << -scale_difference };
        let bucket = (index - i64::from(OFFSET)).clamp(0, BUCKETS as i64 - 1);
        (bucket as usize, *count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_rows_agree_with_the_buckets() {
        let summary = records::LatencyHistogram { scale: 3, offset: 24, counts: vec![98, 0, 0, 0, 1, 1] };
        let (mut latency, mut rows) = (LatencyCounts::default(), HeatMapColumn::default());
        latency.add(&summary);
        rows.add(&summary);
        assert_eq!(latency.total(), 100);
        assert!((latency.quantile(0.5).unwrap() - 8.72).abs() < 0.01, "(8, 8.72] ms");
        assert!((latency.quantile(0.99).unwrap() - 12.34).abs() < 0.01);
        assert_eq!(rows.counts().map(u64::from).sum::<u64>(), 100);
        assert!(
            LatencyCounts::default().quantile(0.5).is_none()
                && HeatMapColumn::default().quantile(0.5).is_none()
        );
        assert_eq!(row_of(row_lower_bound(7)), 7.0);
    }
}
