//! Have we got used to it? Burn rates of the budget, and whole days against a frozen, dated reference.
//!
//! *Burn* is the share of near misses over the budget, in windows of 5 and 30 minutes, 1 and 6 hours (Google's SRE workbook,
//! chapter 5, pairs 1 h with 5 m and 6 h with 30 m). The windows decay instead of ending: two numbers each.
//!
//! *Reference*: after an hour of warm-up one whole day is taken as the reference and never changed. Every later day is
//! compared with it once, when it is over: so a baseline that rots slowly still shows, whatever the rolling baselines have
//! meanwhile accepted. A whole day, so that the hour of the day plays no part.

use super::bucket::BucketCounts;
use crate::codec::Codec;
use crate::timeline;
use crate::units::{Micros, Timestamp, Used};

/// Buckets in an hour and in a day.
const HOUR: u32 = 360;
const DAY: u32 = 24 * HOUR;
/// The windows of burn rates, in buckets.
const WINDOWS: [u32; 4] = [30, 180, HOUR, 6 * HOUR];
/// Their names.
const NAMES: [&str; WINDOWS.len()] = ["5m", "30m", "1h", "6h"];
/// Exchanges that make a day worth comparing.
const ENOUGH: u32 = 200;
/// Typical durations this much longer are deviant: an octave times this, a factor of 1.25.
const LONGER: f32 = 0.32;
/// How much more than independent near misses a day's near misses scatter.
const SCATTER: f32 = 20.0;

/// The habits of one upstream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    near: [f32; WINDOWS.len()],
    judged: [f32; WINDOWS.len()],
    last: u32,
    day: Day,
    reference: Option<Reference>,
}

/// What a day is compared by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Day {
    /// Its first bucket.
    pub(crate) from: u32,
    pub(crate) exchanges: u32,
    pub(crate) aborted: u32,
    pub(crate) near: u32,
    pub(crate) failed: u32,
    pub(crate) first_try: u32,
    timed: f32,
    log2: f32,
}

/// The frozen past that today is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reference {
    /// The first bucket of its day.
    pub(crate) from: u32,
    /// Its share of near misses among judged exchanges.
    pub(crate) near: Used,
    /// The logarithm of its typical duration to base 2 of microseconds, in 1/256.
    pub(crate) log2: u16,
    /// The bucket in which it stops to hold; 0 if it never does.
    pub(crate) expires: u32,
}

impl Reference {
    /// Its typical duration.
    pub(crate) fn typical(&self) -> Micros {
        Micros::new(libm::roundf(libm::exp2f(f32::from(self.log2) / 256.0)) as u64)
    }
}

/// A day that is not as the reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deviation {
    pub(crate) day: Day,
    pub(crate) reference: Reference,
    /// Its share of near misses.
    pub(crate) near: Used,
    /// Its typical duration, as in the reference.
    pub(crate) log2: u16,
}

impl Deviation {
    /// The end of its day.
    pub(crate) fn end(&self) -> Timestamp {
        timeline::start_of(u64::from(self.day.from) + u64::from(DAY))
    }
}

impl Habits {
    /// BucketCounts a sealed bucket, whose typical duration is `log2`.
    pub(super) fn count(&mut self, index: u32, counts: &BucketCounts, log2: Option<f32>) {
        let passed = index.saturating_sub(self.last) as f32;
        for ((near, judged), window) in self.near.iter_mut().zip(&mut self.judged).zip(WINDOWS) {
            let keep = if self.last == 0 { 0.0 } else { libm::expf(-passed / window as f32) };
            *near = *near * keep + counts.near as f32;
            *judged = *judged * keep + counts.judged() as f32;
        }
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
        day.aborted = day.aborted.saturating_add(counts.aborted);
        day.near = day.near.saturating_add(counts.near);
        day.failed = day.failed.saturating_add(counts.failed);
        day.first_try = day.first_try.saturating_add(counts.first_try);
        if let Some(log2) = log2 {
            let n = counts.exchanges as f32;
            day.timed += n;
            day.log2 += (log2 - day.log2) * n / day.timed.max(1.0);
        }
    }

    /// Ends the day if it is over: the first becomes the reference, a later one is compared with it.
    pub(super) fn end_day(&mut self, index: u32) -> Option<Deviation> {
        if self.last == 0 || index < self.day.from.saturating_add(DAY) {
            return None;
        }
        let days = (index - self.day.from) / DAY;
        let next = Day { from: self.day.from + days * DAY, ..Day::default() };
        let day = core::mem::replace(&mut self.day, next);
        let judged = day.exchanges.saturating_sub(day.aborted);
        if judged < ENOUGH {
            return None;
        }
        let near = Used::of(day.near.into(), judged.into())?;
        let log2 = libm::roundf(day.log2 * 256.0) as u16;
        let Some(reference) = self.reference.filter(|held| held.expires == 0 || index < held.expires) else {
            self.reference = Some(Reference { from: day.from, near, log2, expires: 0 });
            return None;
        };
        let usual = f32::from(reference.near.basis_points()) / 10_000.0 * judged as f32;
        let more = day.near as f32 - usual;
        let is_more = more > usual && more * more > 9.0 * SCATTER * usual.max(1.0);
        let is_longer = (f32::from(log2) - f32::from(reference.log2)) / 256.0 > LONGER;
        (is_more || is_longer).then_some(Deviation { day, reference, near, log2 })
    }

    /// The reference, once there is one.
    pub(crate) fn reference(&self) -> Option<Reference> {
        self.reference
    }

    /// Takes a reference that was kept elsewhere.
    pub(crate) fn restore(&mut self, reference: Reference) {
        self.reference = Some(reference);
    }

    /// The reference, to be told elsewhere, or as it was told.
    pub(super) fn tell(&mut self, codec: &mut Codec<'_>) {
        if codec.number(self.reference.is_some().into()) == 0 {
            return;
        }
        let nothing = Reference { from: 0, near: Used::default(), log2: 0, expires: 0 };
        let mut told = self.reference.unwrap_or(nothing);
        codec.tell(&mut told.from);
        let near = codec.number(told.near.basis_points().into()) as u16;
        told.near = Used::from_basis_points(near).unwrap_or_default();
        codec.tell(&mut told.log2);
        codec.tell(&mut told.expires);
        self.reference = Some(told);
    }

    /// How fast the budget is being spent, by window, in basis points: 10 000 spends it exactly.
    pub(crate) fn burn(&self, budget: Used) -> Option<[(&'static str, u32); WINDOWS.len()]> {
        let budget = f32::from(budget.basis_points());
        let is_told = budget > 0.0 && self.judged.first().is_some_and(|judged| *judged >= 1.0);
        let mut rates = NAMES.map(|name| (name, 0));
        for ((rate, near), judged) in rates.iter_mut().zip(self.near).zip(self.judged) {
            rate.1 = libm::roundf(near / judged.max(1.0) / budget * 100_000_000.0) as u32;
        }
        is_told.then_some(rates)
    }
}
