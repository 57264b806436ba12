//! Additive counts of exchanges, and the shares derived from them.

use crate::fate_class::FateClass;
use nearmiss::{Exchange, Fate, Used, Verdict};

/// Counts of a set of exchanges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Exchanges by fate.
    pub(crate) fates: [u64; Fate::ALL.len()],
    /// Exchanges whose client disconnected: excluded from all shares.
    pub(crate) aborted: u64,
    /// Exchanges known from their record alone, without a summary that counts the clean ones: excluded from all
    /// shares.
    pub(crate) record_only: u64,
    pub(crate) attempts: u64,
    /// Successes with one attempt and without a safety net.
    pub(crate) first_try: u64,
}

impl Counts {
    /// Counts one exchange of which only the fate is known.
    pub(crate) fn of_one(fate: Fate) -> Self {
        Self::of_many(fate, 1)
    }

    /// Counts `count` exchanges of which only the fate is known.
    pub(crate) fn of_many(fate: Fate, count: u64) -> Self {
        let first_try = if fate.is_first_try() { count } else { 0 };
        let mut counts = Self { attempts: count, first_try, ..Self::default() };
        counts.count(fate, count);
        counts
    }

    /// Counts one exchange that is known from its record alone.
    pub(crate) fn of_record(fate: Fate) -> Self {
        Self { record_only: 1, ..Self::of_one(fate) }
    }

    /// Counts an exchange that was judged here.
    pub(crate) fn count_exchange(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        let attempts = u64::from(exchange.attempts.unwrap_or(1));
        self.count(verdict.fate, 1);
        self.attempts = self.attempts.saturating_add(attempts);
        self.aborted = self.aborted.saturating_add(verdict.is_aborted().into());
        self.first_try = self.first_try.saturating_add(verdict.is_first_try(exchange).into());
    }

    /// Counts `count` exchanges of a fate, without their attempts.
    pub(crate) fn count(&mut self, fate: Fate, count: u64) {
        if let Some(sum) = self.fates.get_mut(fate as usize) {
            *sum = sum.saturating_add(count);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.fates.iter_mut().zip(other.fates).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        self.aborted = self.aborted.saturating_add(other.aborted);
        self.record_only = self.record_only.saturating_add(other.record_only);
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.first_try = self.first_try.saturating_add(other.first_try);
    }

    /// Returns the exchanges of a fate.
    pub(crate) fn of(&self, fate: Fate) -> u64 {
        self.fates.get(fate as usize).copied().unwrap_or(0)
    }

    /// Returns the exchanges of a class of fates.
    pub(crate) fn class(&self, class: FateClass) -> u64 {
        Fate::ALL
            .into_iter()
            .filter(|fate| FateClass::of(*fate) == Some(class))
            .map(|fate| self.of(fate))
            .sum()
    }

    pub(crate) fn exchanges(&self) -> u64 {
        self.fates.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the denominator of the shares: all exchanges except aborted and rejected ones and those known from a record alone.
    pub(crate) fn judged(&self) -> u64 {
        let left_out = self.aborted.saturating_add(self.of(Fate::Rejected)).saturating_add(self.record_only);
        self.exchanges().saturating_sub(left_out)
    }

    /// Returns the exchanges that failed or were abandoned.
    pub(crate) fn failed(&self) -> u64 {
        Fate::ALL.into_iter().filter(|fate| fate.is_failure()).map(|fate| self.of(fate)).sum()
    }

    pub(crate) fn near_misses(&self) -> u64 {
        Fate::ALL.into_iter().filter(|fate| fate.is_near_miss()).map(|fate| self.of(fate)).sum()
    }

    /// Returns the near misses that are more than slow: slowness alone does not prove a near miss.
    pub(crate) fn close_calls(&self) -> u64 {
        self.near_misses().saturating_sub(self.of(Fate::Slow))
    }

    /// Returns the success rate that callers saw, in basis points, rounded down.
    pub(crate) fn final_success(&self) -> Option<u64> {
        share(self.judged().saturating_sub(self.failed()), self.judged())
    }

    /// Returns the success rate without safety nets, in basis points, rounded down.
    pub(crate) fn first_try_success(&self) -> Option<u64> {
        share(self.first_try, self.judged())
    }

    /// Returns the successes that depended on a safety net.
    pub(crate) fn carried(&self) -> u64 {
        self.judged().saturating_sub(self.failed()).saturating_sub(self.first_try)
    }

    /// Returns the share of near misses, in basis points.
    pub(crate) fn near_miss_share(&self) -> Option<u64> {
        share(self.near_misses(), self.judged())
    }

    /// Returns the attempts per exchange, in hundredths.
    pub(crate) fn amplification(&self) -> Option<u64> {
        let counted = self.exchanges().saturating_sub(self.record_only);
        let attempts = self.attempts.saturating_sub(self.record_only);
        (u128::from(attempts) * 100).checked_div(counted.into()).map(|share| share as u64)
    }
}

/// Returns the share of `whole` that `part` is, in basis points, rounded down.
pub(crate) fn share(part: u64, whole: u64) -> Option<u64> {
    Used::of(part, whole).map(|share| share.basis_points().into())
}
