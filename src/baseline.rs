//! Baseline of durations, learned in fixed memory: exchanges above its limit get the fate `slow`.
//!
//! A bucket of time keeps a sample of its single-attempt successes: those with the smallest hash, so the order of
//! arrival does not matter and every exchange has the same chance. When the bucket is sealed, the baseline learns the
//! sample without the exchanges flagged as slow, so an incident does not become the baseline. Only if more than half
//! was flagged in thirty consecutive buckets is that the new normal, and learning restarts.
//!
//! *Slow* is above twice the 99th percentile and above three times the median. One slow exchange proves nothing;
//! the fate is an annotation.
//!
//! Each seal stores a snapshot of the limit. An exchange is judged by the snapshot that its own time allows, regardless
//! of later seals, so the order of lines within `reorder` changes no verdict.

use crate::codec::{Decoder, Drain, Encode, Encoder};
use crate::histogram::{self, BUCKETS};
use crate::snapshots::SNAPSHOTS;
use crate::sort;
use crate::verdict::LatencyBaseline;
use alloc::vec::Vec;

/// Exchanges sampled per bucket.
const SAMPLE_SIZE: usize = 32;
/// Samples to learn before anything is judged.
const MIN_SAMPLES: u32 = 60;
/// Latency buckets that share a bin, as a power of two: a bin is 41 % wider than the one before.
const BIN_SHIFT: u32 = 2;
/// Number of bins.
const BINS: usize = BUCKETS.div_ceil(1 << BIN_SHIFT);
/// A factor of two, in latency buckets.
const TWICE: u8 = 8;
/// A factor of three, in latency buckets.
const THRICE: u8 = 13;
/// Consecutive buckets, five minutes, in which more than half must be slow to be the new normal.
const NEW_NORMAL: u8 = 30;

/// The bottom-k sample of one open bucket.
///
/// Each word is 15 bits of hash, one bit *flagged*, 8 bits of route slot (255: none), 8 bits of latency bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    words: Vec<u32>,
    /// Index of the largest word, once the sample is full.
    largest: u8,
}

impl Sample {
    /// Adds an exchange if its hash is among the smallest.
    pub(crate) fn offer(&mut self, key: u64, flagged: bool, route: Option<u8>, bucket: u8) {
        let word = (key as u32) >> 17 << 17
            | u32::from(flagged) << 16
            | u32::from(route.unwrap_or(u8::MAX)) << 8
            | u32::from(bucket);
        self.offer_word(word);
    }

    fn offer_word(&mut self, word: u32) {
        if self.words.len() < SAMPLE_SIZE {
            if self.words.capacity() == 0 {
                self.words.reserve_exact(SAMPLE_SIZE);
            }
            self.words.push(word);
        } else if let Some(largest) =
            self.words.get_mut(usize::from(self.largest)).filter(|largest| word < **largest)
        {
            *largest = word;
        } else {
            return;
        }
        if self.words.len() == SAMPLE_SIZE {
            let largest = self.words.iter().enumerate().max_by_key(|(_, word)| **word);
            self.largest = largest.map_or(0, |(index, _)| index as u8);
        }
    }

    /// Sorts the sample, so that nothing depends on the order of arrival.
    pub(crate) fn sort(&mut self) {
        sort::sort_by(&mut self.words, |a, b| a < b);
    }

    /// Iterates over the sample: (flagged, route slot, latency bucket) per exchange.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (bool, u8, u8)> + Clone {
        self.words.iter().map(|word| (word >> 16 & 1 == 1, (word >> 8) as u8, *word as u8))
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }

    /// Decodes the sample of another process in the same bucket and adds it; `route` maps the sender's slots to ours.
    pub(crate) fn absorb(&mut self, from: &mut Decoder<'_>, route: impl Fn(u8) -> Option<u8>) {
        for _ in 0..from.get::<u64>() {
            let word: u32 = from.get();
            if from.is_broken() {
                return;
            }
            let slot = route((word >> 8) as u8).unwrap_or(u8::MAX);
            self.offer_word(word & !0xff00 | u32::from(slot) << 8);
        }
    }
}

impl Drain for Sample {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        (self.words.len() as u64).encode(to);
        self.words.drain(..).for_each(|word| word.encode(to));
    }
}

/// A coarse histogram of durations that decays by halving, and snapshots of its limits.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    counts: [u8; BINS],
    halvings: u8,
    /// Consecutive buckets in which more than half was flagged.
    flagged_for: u8,
    /// (limit, median) as latency buckets, by snapshot; a limit of 0 judges nothing.
    snapshots: [(u8, u8); SNAPSHOTS],
}

impl Default for Baseline {
    fn default() -> Self {
        Self { counts: [0; BINS], halvings: 0, flagged_for: 0, snapshots: [(0, 0); SNAPSHOTS] }
    }
}

impl Baseline {
    /// Learns the sampled exchanges of one sealed bucket, (flagged, latency bucket) each, and stores a snapshot.
    pub(crate) fn learn(&mut self, sampled: impl Iterator<Item = (bool, u8)> + Clone, snapshot: usize) {
        let (all, flagged) =
            sampled.clone().fold((0, 0), |(all, n), (flag, _)| (all + 1, n + u32::from(flag)));
        if all > 0 {
            self.flagged_for = if 2 * flagged > all { self.flagged_for.saturating_add(1) } else { 0 };
        }
        let new_normal = self.flagged_for >= NEW_NORMAL;
        if new_normal {
            *self = Self { snapshots: self.snapshots, ..Self::default() };
        }
        for (_, bucket) in sampled.filter(|(flagged, _)| new_normal || !flagged) {
            self.count(bucket);
        }
        let limits = self.limits();
        if let Some(snapshot) = self.snapshots.get_mut(snapshot) {
            *snapshot = limits;
        }
    }

    /// Returns the baseline as of a snapshot; `None` while too little was known.
    pub(crate) fn expected(&self, snapshot: usize) -> Option<LatencyBaseline> {
        let (limit, median) = *self.snapshots.get(snapshot)?;
        (limit > 0).then(|| LatencyBaseline {
            limit: histogram::upper_border(limit),
            median: histogram::upper_border(median),
        })
    }

    /// Encodes a snapshot.
    pub(crate) fn encode_snapshot(&self, snapshot: usize, to: &mut Encoder<'_>) {
        let (limit, median) = self.snapshots.get(snapshot).copied().unwrap_or_default();
        limit.encode(to);
        median.encode(to);
    }

    /// Decodes a snapshot into its index.
    pub(crate) fn decode_snapshot(&mut self, snapshot: usize, from: &mut Decoder<'_>) {
        let limits = (from.get(), from.get());
        if let Some(snapshot) = self.snapshots.get_mut(snapshot) {
            *snapshot = limits;
        }
    }

    fn count(&mut self, bucket: u8) {
        let Some(count) = self.counts.get_mut(usize::from(bucket >> BIN_SHIFT)) else { return };
        *count += 1;
        if *count == u8::MAX {
            // Odd counts are rounded up and down by turns, so that a rare tail neither dies out nor stays forever.
            self.halvings ^= 1;
            let up = self.halvings;
            self.counts.iter_mut().for_each(|count| *count = count.saturating_add(up) / 2);
        }
    }

    fn limits(&self) -> (u8, u8) {
        let total: u32 = self.counts.iter().map(|count| u32::from(*count)).sum();
        if total < MIN_SAMPLES {
            return (0, 0);
        }
        let (median, p99) = (self.quantile(total, 50), self.quantile(total, 99));
        (p99.saturating_add(TWICE).max(median.saturating_add(THRICE)).min(BUCKETS as u8 - 1), median)
    }

    /// Returns the last latency bucket of the bin that holds the quantile.
    fn quantile(&self, total: u32, percent: u32) -> u8 {
        let mut above = total - total * percent / 100;
        let bin = self.counts.iter().rposition(|count| {
            above = above.saturating_sub(u32::from(*count));
            above == 0
        });
        ((bin.unwrap_or(0) as u8) << BIN_SHIFT) | ((1 << BIN_SHIFT) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn learned(buckets: &[(bool, u8)], times: usize) -> Baseline {
        let mut baseline = Baseline::default();
        (0..times).for_each(|_| baseline.learn(buckets.iter().copied(), 0));
        baseline
    }

    #[test]
    fn nothing_is_judged_before_enough_samples() {
        assert_eq!(learned(&[(false, 60); 59], 1).expected(0), None);
        assert!(learned(&[(false, 60); 60], 1).expected(0).is_some());
    }

    #[test]
    fn slow_is_twice_the_99th_percentile_and_three_times_the_median() {
        let narrow = learned(&[(false, 63); 100], 1).expected(0).unwrap();
        assert_eq!(narrow.limit, histogram::upper_border(63 + THRICE));
        assert_eq!(narrow.median, histogram::upper_border(63));
        let wide: Vec<_> = (0..100).map(|i| (false, 63 + if i < 5 { 20 } else { 0 })).collect();
        assert_eq!(learned(&wide, 1).expected(0).unwrap().limit, histogram::upper_border(83 + TWICE));
    }

    #[test]
    fn flagged_exchanges_are_not_learned() {
        let incident: Vec<_> = (0..100).map(|i| (i < 30, if i < 30 { 150 } else { 63 })).collect();
        assert_eq!(learned(&incident, 50).expected(0), learned(&[(false, 63); 70], 1).expected(0));
    }

    #[test]
    fn a_step_that_stays_becomes_the_new_normal() {
        let mut baseline = learned(&[(false, 63); 100], 10);
        let after = |baseline: &mut Baseline, buckets| {
            (0..buckets).for_each(|_| baseline.learn([(true, 103); 80].into_iter(), 0));
            baseline.expected(0).unwrap().median
        };
        assert_eq!(after(&mut baseline, 29), histogram::upper_border(63));
        assert_eq!(after(&mut baseline, 1), histogram::upper_border(103));
    }

    #[test]
    fn counts_are_halved_and_never_overflow() {
        let baseline = learned(&[(false, 63); 64], 1_000);
        assert!(baseline.counts.iter().all(|count| *count < u8::MAX));
        assert!(baseline.expected(0).is_some());
    }

    proptest! {
        #[test]
        fn a_sample_does_not_depend_on_the_order(mut keys in prop::collection::vec((any::<u64>(), any::<bool>(), 0u8..200), 0..300)) {
            let sample = |keys: &[(u64, bool, u8)]| {
                let mut sample = Sample::default();
                keys.iter().for_each(|(key, flagged, bucket)| sample.offer(*key, *flagged, None, *bucket));
                let mut taken: Vec<_> = sample.iter().collect();
                taken.sort_unstable();
                taken
            };
            let forwards = sample(&keys);
            keys.reverse();
            prop_assert_eq!(&forwards, &sample(&keys));
            prop_assert_eq!(forwards.len(), keys.len().min(SAMPLE_SIZE));
        }
    }

    #[test]
    fn the_median_of_a_small_odd_histogram_is_found() {
        let spread: Vec<_> = vec![(false, 23); 30].into_iter().chain(vec![(false, 63); 31]).collect();
        assert_eq!(learned(&spread, 1).expected(0).unwrap().median, histogram::upper_border(63));
    }
}
