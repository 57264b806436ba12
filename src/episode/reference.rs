//! Whole days compared with a frozen, dated reference.
//!
//! After an hour of warm-up one whole day becomes the reference and never changes. Every later day is compared with it
//! once, when it is over: a slow decay still shows, even after the rolling baselines have accepted it. A whole day, so
//! that the hour of the day does not matter.

use super::bucket::BucketCounts;
use crate::codec::{Decode, Decoder, Encode, Encoder, copies};
use crate::timeline;
use crate::units::{Micros, Timestamp, Used};

/// Buckets in an hour.
const HOUR: u32 = 360;
/// Buckets in a day.
const DAY: u32 = 24 * HOUR;
/// Judged exchanges that make a day worth comparing.
const MIN_EXCHANGES: u32 = 200;
/// Rise of the typical duration that makes a day deviant, in octaves: a factor of 1.25.
const MIN_RISE: f32 = 0.32;
/// Variance of a day's near misses over that of independent ones.
const DISPERSION: f32 = 20.0;

/// The reference of one upstream, and the day to compare with it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DailyComparison {
    day: Day,
    reference: Option<Reference>,
    /// The last bucket with traffic; 0 before the first.
    last: u32,
}

/// Counts of one day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Day {
    /// First bucket of the day.
    pub(crate) from: u32,
    pub(crate) exchanges: u32,
    pub(crate) left_out: u32,
    pub(crate) near_misses: u32,
    pub(crate) failed: u32,
    pub(crate) first_try: u32,
    timed: f32,
    log2: f32,
}

/// The frozen day that later days are compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reference {
    /// First bucket of the day.
    pub(crate) from: u32,
    /// Share of near misses among judged exchanges.
    pub(crate) near_misses: Used,
    /// Typical duration: logarithm of microseconds to base 2, in 1/256.
    pub(crate) log2: u16,
    /// Bucket in which the reference expires; 0 for never.
    pub(crate) expires: u32,
}

copies! { Reference { from, near_misses, log2, expires } }

impl Encode for Used {
    fn encode(&self, to: &mut Encoder<'_>) {
        self.basis_points().encode(to);
    }
}

impl Decode for Used {
    fn decode(from: &mut Decoder<'_>) -> Self {
        Self::from_basis_points(from.get()).unwrap_or_default()
    }
}

impl Reference {
    /// Returns the typical duration.
    pub(crate) fn typical(&self) -> Micros {
        Micros::new(libm::roundf(libm::exp2f(f32::from(self.log2) / 256.0)) as u64)
    }
}

/// A day that deviates from the reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deviation {
    pub(crate) day: Day,
    pub(crate) reference: Reference,
    /// Share of near misses on the day.
    pub(crate) near_misses: Used,
    /// Typical duration of the day, in the unit of [`Reference::log2`].
    pub(crate) log2: u16,
}

impl Deviation {
    /// Returns the end of the day.
    pub(crate) fn end(&self) -> Timestamp {
        timeline::start_of(u64::from(self.day.from) + u64::from(DAY))
    }
}

impl DailyComparison {
    /// Counts a sealed bucket, whose typical duration is `log2`.
    pub(super) fn count(&mut self, index: u32, counts: &BucketCounts, log2: Option<f32>) {
        if self.last == 0 {
            // The warm-up: the first day begins after an hour.
            self.day.from = index + HOUR;
        }
        self.last = index;
        if index < self.day.from {
            return;
        }
        let day = &mut self.day;
        day.exchanges = day.exchanges.saturating_add(counts.exchanges);
        day.left_out = day.left_out.saturating_add(counts.left_out);
        day.near_misses = day.near_misses.saturating_add(counts.near_misses);
        day.failed = day.failed.saturating_add(counts.failed);
        day.first_try = day.first_try.saturating_add(counts.first_try);
        if let Some(log2) = log2 {
            let n = counts.exchanges as f32;
            day.timed += n;
            day.log2 += (log2 - day.log2) * n / day.timed.max(1.0);
        }
    }

    /// Ends the day if it is over. The first day becomes the reference; a later one is returned if it deviates.
    pub(super) fn end_day(&mut self, index: u32) -> Option<Deviation> {
        if self.last == 0 || index < self.day.from.saturating_add(DAY) {
            return None;
        }
        let days = (index - self.day.from) / DAY;
        let next = Day { from: self.day.from + days * DAY, ..Day::default() };
        let day = core::mem::replace(&mut self.day, next);
        let judged = day.exchanges.saturating_sub(day.left_out);
        if judged < MIN_EXCHANGES {
            return None;
        }
        let near_misses = Used::of(day.near_misses.into(), judged.into())?;
        let log2 = libm::roundf(day.log2 * 256.0) as u16;
        let Some(reference) = self.reference.filter(|held| held.expires == 0 || index < held.expires) else {
            self.reference = Some(Reference { from: day.from, near_misses, log2, expires: 0 });
            return None;
        };
        let expected = f32::from(reference.near_misses.basis_points()) / 10_000.0 * judged as f32;
        let more = day.near_misses as f32 - expected;
        let is_more = more > expected && more * more > 9.0 * DISPERSION * expected.max(1.0);
        let is_longer = (f32::from(log2) - f32::from(reference.log2)) / 256.0 > MIN_RISE;
        (is_more || is_longer).then_some(Deviation { day, reference, near_misses, log2 })
    }

    /// Returns the reference, once there is one.
    pub(crate) fn get(&self) -> Option<Reference> {
        self.reference
    }

    /// Sets a reference that was stored elsewhere.
    pub(crate) fn restore(&mut self, reference: Reference) {
        self.reference = Some(reference);
    }

    /// Encodes the reference, if any.
    pub(super) fn encode_reference(&self, to: &mut Encoder<'_>) {
        self.reference.is_some().encode(to);
        if let Some(reference) = &self.reference {
            reference.encode(to);
        }
    }

    /// Decodes the reference, if any, and sets it.
    pub(super) fn decode_reference(&mut self, from: &mut Decoder<'_>) {
        if from.get() {
            self.reference = Some(from.get());
        }
    }
}
