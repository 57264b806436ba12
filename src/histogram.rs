//! Latency in OpenTelemetry's exponential buckets, in fixed memory.
//!
//! Scale 3: bucket `i` holds durations above `2^(i/8)` up to and including `2^((i+1)/8)` milliseconds, each 9 % wider
//! than the one before. 202 buckets reach from 0.1 ms to 1 h; durations outside count in the first or the last.
//! Because the borders never move, histograms of one upstream merge by adding, without loss. (Formula:
//! OpenTelemetry metrics data model, exponential histogram, `base = 2^(2^-scale)`.)
//!
//! Cost: one count of leading zeros, one lookup and at most one correction; nothing is allocated.

use crate::codec::{Absorb, Decoder, Drain, Encode, Encoder};
use crate::units::Micros;
use alloc::boxed::Box;

/// OpenTelemetry's scale of all buckets here.
pub const SCALE: u32 = 3;
/// OpenTelemetry's index of the first bucket, which holds everything up to 0.105 ms.
pub const OFFSET: i32 = -27;
/// Number of buckets.
pub const BUCKETS: usize = 202;

/// `2^(j/8)` for j in 0..8, times `2^60`.
const EIGHTHS: [u64; 8] = [
    1_152_921_504_606_846_976,
    1_257_269_815_929_830_109,
    1_371_062_456_318_104_878,
    1_495_154_210_581_915_421,
    1_630_477_228_166_597_777,
    1_778_048_025_250_290_524,
    1_938_975_120_585_633_119,
    2_114_467_362_444_183_334,
];

/// Upper border of each bucket in whole microseconds, like all durations.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const UPPER: [u32; BUCKETS] = {
    let mut upper = [0; BUCKETS];
    let mut i = 0;
    while i < BUCKETS {
        let eighths = i as i32 + OFFSET + 1;
        let (octave, eighth) = (eighths.div_euclid(8), eighths.rem_euclid(8));
        upper[i] = ((1_000 * EIGHTHS[eighth as usize] as u128) >> (60 - octave)) as u32;
        i += 1;
    }
    upper
};

/// Fraction of a logarithm, from eight bits of mantissa: `log2(1 + (i + 0.5) / 256)` in 256ths, floored.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const FRACTION: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        // Squaring a number in 1..2 doubles its logarithm: the bits fall out one by one.
        let mut y = ((2 * (256 + i as u64) + 1) << 31) / 512;
        let (mut bits, mut n) = (0, 0);
        while n < 8 {
            y = (y * y) >> 31;
            bits <<= 1;
            if y >> 32 != 0 {
                y >>= 1;
                bits |= 1;
            }
            n += 1;
        }
        table[i] = bits;
        i += 1;
    }
    table
};

/// A logarithm to base 2 of microseconds, in 256ths of an octave: 0 to 8 191.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Log2(pub(crate) u16);

impl Log2 {
    /// Returns the logarithm of a duration, within 2/256 of an octave (0.6 %); zero counts as 1 µs.
    pub(crate) fn of(span: Micros) -> Self {
        let micros = u32::try_from(span.get()).unwrap_or(u32::MAX).max(1);
        let mantissa = (micros << micros.leading_zeros()) >> 23 & 0xff;
        let fraction = FRACTION.get(mantissa as usize).copied().unwrap_or(0);
        Self((31 - micros.leading_zeros()) as u16 * 256 + u16::from(fraction))
    }

    /// Returns the bucket of `span`, whose logarithm this is.
    pub(crate) fn bucket(self, span: Micros) -> u8 {
        /// `log2(1 000)` in 256ths: a bucket's borders are in milliseconds.
        const MILLI: i32 = 2_551;
        let guess =
            ((i32::from(self.0) - MILLI).div_euclid(32) - OFFSET).clamp(0, BUCKETS as i32 - 1) as usize;
        let upper = |i: usize| UPPER.get(i).copied().map_or(u64::MAX, u64::from);
        let bucket = if span.get() > upper(guess) {
            guess + 1
        } else if guess > 0 && span.get() <= upper(guess - 1) {
            guess - 1
        } else {
            guess
        };
        bucket.min(BUCKETS - 1) as u8
    }
}

/// Returns the upper border of a bucket.
pub(crate) fn upper_border(bucket: u8) -> Micros {
    let last = BUCKETS - 1;
    Micros::new(UPPER.get(usize::from(bucket).min(last)).copied().map_or(0, u64::from))
}

/// Counts per bucket, until one of them is full.
///
/// 16 bits per bucket halve an upstream's largest part. The caller checks [`is_full`](Self::is_full) and emits a
/// summary before a count saturates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Histogram {
    counts: Box<[u16; BUCKETS]>,
    full: bool,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), full: false }
    }
}

impl Histogram {
    /// Counts one duration in `bucket` (see [`Log2::bucket`]).
    pub(crate) fn record(&mut self, bucket: u8) {
        if let Some(count) = self.counts.get_mut(usize::from(bucket)) {
            *count = count.saturating_add(1);
            self.full |= *count == u16::MAX;
        }
    }

    /// Returns true if the count of any bucket exceeds half of its maximum.
    pub(crate) fn is_half_full(&self) -> bool {
        self.counts.iter().any(|count| *count > u16::MAX / 2)
    }

    /// Returns true if the count of any bucket is at its maximum.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Resets all counts.
    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.full = false;
    }

    /// Returns the counts from the first to the last bucket in use, and OpenTelemetry's index of the first; an empty
    /// slice and 0 if nothing was counted.
    pub(crate) fn used(&self) -> (i32, &[u16]) {
        let first = self.counts.iter().position(|count| *count > 0);
        let last = self.counts.iter().rposition(|count| *count > 0);
        match (first, last) {
            (Some(first), Some(last)) => {
                (OFFSET + first as i32, self.counts.get(first..=last).unwrap_or_default())
            }
            _ => (0, &[]),
        }
    }
}

/// A message holds the counts from the first to the last bucket in use.
impl Drain for Histogram {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        let first = self.counts.iter().position(|count| *count > 0).unwrap_or(0);
        let end = self.counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        (first as u64).encode(to);
        (end as u64).encode(to);
        self.counts.get_mut(first..end).unwrap_or_default().drain(to);
        self.full = false;
    }
}

impl Absorb for Histogram {
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        let (first, end): (u8, u8) = (from.get(), from.get());
        let range = usize::from(first)..usize::from(end).min(BUCKETS);
        let used = self.counts.get_mut(range).unwrap_or_default();
        used.absorb(from);
        self.full |= used.contains(&u16::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn bucket(micros: u64) -> i32 {
        i32::from(Log2::of(Micros::new(micros)).bucket(Micros::new(micros))) + OFFSET
    }

    #[test]
    fn a_border_belongs_to_the_bucket_below() {
        assert_eq!(bucket(1_000), -1, "1 ms is the upper border of (2^(-1/8), 1]");
        assert_eq!(bucket(1_001), 0);
        assert_eq!(bucket(2_000), 7);
        assert_eq!(bucket(2_001), 8);
        assert_eq!(bucket(0), OFFSET);
        assert_eq!(bucket(3_600_000_000), 174);
        assert_eq!(bucket(u64::MAX), 174);
    }

    proptest! {
        #[test]
        fn buckets_match_the_definition(micros in 106u64..3_600_000_000) {
            let exact = ((micros as f64 / 1_000.0).log2() * 8.0).ceil() as i32 - 1;
            prop_assert!((bucket(micros) - exact).abs() <= i32::from(UPPER.contains(&(micros as u32))));
        }

        #[test]
        fn merging_two_histograms_equals_the_histogram_of_both(
            a in prop::collection::vec(0u64..5_000_000_000, 0..50), b in prop::collection::vec(0u64..5_000_000_000, 0..50)
        ) {
            let of = |spans: &[u64]| {
                let mut histogram = Histogram::default();
                for span in spans {
                    histogram.record(Log2::of(Micros::new(*span)).bucket(Micros::new(*span)));
                }
                histogram
            };
            let (mut merged, mut bytes) = (of(&a), Vec::new());
            of(&b).drain(&mut Encoder::new(&mut bytes));
            merged.absorb(&mut Decoder::new(&bytes));
            prop_assert_eq!(&merged, &of(&[a, b].concat()));
        }

        #[test]
        fn logarithms_are_exact_to_two_256ths(micros in 256u32..) {
            let exact = f64::from(micros).log2() * 256.0;
            prop_assert!((f64::from(Log2::of(Micros::new(micros.into())).0) - exact).abs() <= 2.0);
        }
    }
}
