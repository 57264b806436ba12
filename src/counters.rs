//! Exact counts of one upstream since its last summary.

use crate::codec::counts;
use crate::exchange::Exchange;
use crate::histogram::Histogram;
use crate::units::Used;
use crate::verdict::{Fate, Signals, Verdict};
use alloc::boxed::Box;

/// Bands of the margin distribution; each is a tenth, the last includes the full margin.
pub(crate) const MARGIN_BANDS: usize = 10;

/// Counters of one upstream. Every field adds up, so counters of one upstream merge without loss.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    /// Exchanges by fate, in the order of [`Fate::ALL`]; they sum to the number of exchanges.
    pub(crate) fates: [u32; Fate::COUNT],
    /// Exchanges by signal, in the order of [`Signals::NAMES`].
    pub(crate) signals: [u32; Signals::COUNT],
    /// Successes with one attempt and without a safety net.
    pub(crate) first_try: u32,
    /// Attempts; an exchange with an unknown number counts one.
    pub(crate) attempts: u64,
    /// Microseconds spent on failed attempts, for exchanges with an attempt log.
    pub(crate) failed_micros: u64,
    /// Exchanges by margin, in tenths of the limit; those without a limit and aborted ones are in no band.
    pub(crate) margins: [u32; MARGIN_BANDS],
    /// Durations of all exchanges that were not aborted.
    pub(crate) latency: Histogram,
    /// Exchanges that arrived after their bucket was sealed; the counts above include them.
    pub(crate) late: u32,
    /// Records suppressed by the rate limit.
    pub(crate) suppressed: u32,
    /// Exchanges by fate that another nearmiss judged; the counts above do not include them.
    pub(crate) relayed: Option<Box<[u32; Fate::COUNT]>>,
}

impl Counters {
    /// Counts one judged exchange whose duration falls into `bucket`.
    pub(crate) fn count(&mut self, exchange: &Exchange<'_>, verdict: &Verdict, bucket: u8) {
        add(self.fates.get_mut(verdict.fate as usize));
        let mut bits = verdict.signals.bits();
        while bits != 0 {
            add(self.signals.get_mut(bits.trailing_zeros() as usize));
            bits &= bits - 1;
        }
        self.attempts += u64::from(exchange.attempts.unwrap_or(1));
        self.late += u32::from(verdict.late);
        if verdict.signals.any(Signals::ABORTED) {
            return;
        }
        self.first_try += u32::from(verdict.is_first_try(exchange));
        self.count_duration(verdict, bucket);
        if let [failed @ .., _] = exchange.attempt_log {
            let spent =
                failed.iter().filter(|attempt| attempt.failed()).filter_map(|attempt| attempt.duration);
            self.failed_micros = spent.fold(self.failed_micros, |sum, span| sum.saturating_add(span.get()));
        }
    }

    /// Counts what [`count`](Self::count) counts for a plain exchange whose verdict is clean.
    #[inline]
    pub(crate) fn count_plain(&mut self, verdict: &Verdict, bucket: u8) {
        let [clean, ..] = &mut self.fates;
        *clean = clean.saturating_add(1);
        self.attempts += 1;
        self.first_try += 1;
        self.count_duration(verdict, bucket);
    }

    fn count_duration(&mut self, verdict: &Verdict, bucket: u8) {
        self.latency.record(bucket);
        if let Some(margin) = verdict.margin_bp() {
            add(self.margins.get_mut((usize::from(margin) / 1_000).min(MARGIN_BANDS - 1)));
        }
    }

    /// Counts one exchange that another nearmiss judged.
    pub(crate) fn relay(&mut self, fate: Fate) {
        add(self.relayed.get_or_insert_default().get_mut(fate as usize));
    }

    /// Returns true if nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.relayed.is_none() && self.exchanges() == 0
    }

    /// Returns the number of exchanges.
    pub(crate) fn exchanges(&self) -> u64 {
        self.fates.iter().map(|count| u64::from(*count)).sum()
    }

    /// Returns true if adding the counters of another process might overflow.
    pub(crate) fn is_half_full(&self) -> bool {
        self.latency.is_half_full()
    }

    /// Resets all counts and keeps the allocation.
    pub(crate) fn clear(&mut self) {
        let Self {
            fates,
            signals,
            first_try,
            attempts,
            failed_micros,
            margins,
            latency,
            late,
            suppressed,
            relayed,
        } = self;
        fates.fill(0);
        signals.fill(0);
        margins.fill(0);
        latency.clear();
        (*first_try, *attempts, *failed_micros, *late, *suppressed, *relayed) = (0, 0, 0, 0, 0, None);
    }
}

counts! {
    Counters {
        fates, signals, first_try, attempts, failed_micros, margins, latency, late, suppressed, relayed
    }
}

/// Counters of an upstream over many intervals, in 64 bits.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CounterTotals {
    /// Exchanges by fate, in the order of [`Fate::ALL`].
    pub fates: [u64; Fate::COUNT],
    /// Exchanges by fate that another nearmiss judged, if any.
    pub relayed: Option<Box<[u64; Fate::COUNT]>>,
    /// Attempts.
    pub attempts: u64,
    /// Exchanges by signal, in the order of [`Signals::NAMES`].
    pub signals: [u64; Signals::COUNT],
    /// Successes with one attempt and without a safety net.
    pub first_try: u64,
    /// Microseconds spent on failed attempts.
    pub failed_micros: u64,
    /// Exchanges by margin, in tenths of the limit.
    pub margins: [u64; MARGIN_BANDS],
    /// Exchanges that arrived after their bucket was sealed.
    pub late: u64,
    /// Records suppressed by the rate limit.
    pub suppressed: u64,
    /// Log records that could not be read.
    pub unread: u64,
}

impl From<&Counters> for CounterTotals {
    fn from(counters: &Counters) -> Self {
        Self {
            fates: counters.fates.map(u64::from),
            relayed: counters.relayed.as_ref().map(|fates| Box::new(fates.map(u64::from))),
            attempts: counters.attempts,
            signals: counters.signals.map(u64::from),
            first_try: counters.first_try.into(),
            failed_micros: counters.failed_micros,
            margins: counters.margins.map(u64::from),
            late: counters.late.into(),
            suppressed: counters.suppressed.into(),
            unread: 0,
        }
    }
}

impl CounterTotals {
    /// Returns the number of exchanges judged here.
    pub fn exchanges(&self) -> u64 {
        sum(&self.fates)
    }

    /// Returns the number of exchanges judged by another nearmiss.
    pub fn exchanges_relayed(&self) -> u64 {
        self.relayed.as_ref().map_or(0, |fates| sum(&**fates))
    }

    /// Returns the number of exchanges with one fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.fates.get(fate as usize).copied().unwrap_or(0)
    }

    /// Returns the number of exchanges with one signal.
    pub fn with_signal(&self, signal: Signals) -> u64 {
        self.signals.get(signal.index()).copied().unwrap_or(0)
    }

    /// Returns the number of exchanges whose client went away although the upstream was not at fault.
    pub fn aborted(&self) -> u64 {
        self.with_signal(Signals::ABORTED).saturating_sub(self.of(Fate::Abandoned))
    }

    /// Returns the number of exchanges that were neither rejected nor aborted: the whole of all shares.
    pub fn judged(&self) -> u64 {
        self.exchanges().saturating_sub(self.of(Fate::Rejected)).saturating_sub(self.aborted())
    }

    /// Returns the share of judged exchanges that neither failed nor were abandoned; `None` if none was judged.
    pub fn final_success(&self) -> Option<Used> {
        let failures = self.of(Fate::Failed).saturating_add(self.of(Fate::Abandoned));
        Used::of(self.judged().saturating_sub(failures), self.judged())
    }

    /// Returns the share of judged exchanges that succeeded on the first try; `None` if none was judged.
    pub fn first_try_success(&self) -> Option<Used> {
        Used::of(self.first_try, self.judged())
    }
}

fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

fn add(count: Option<&mut u32>) {
    if let Some(count) = count {
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_leave_out_rejected_and_aborted_exchanges_and_count_abandoned_ones_as_failures() {
        let mut totals = CounterTotals { first_try: 60, ..CounterTotals::default() };
        for (fate, count) in
            [(Fate::Clean, 80), (Fate::Failed, 5), (Fate::Rejected, 10), (Fate::Abandoned, 15)]
        {
            totals.fates[fate as usize] = count;
        }
        totals.signals[Signals::ABORTED.index()] = 15 + 20;
        assert_eq!((totals.exchanges(), totals.aborted(), totals.judged()), (110, 20, 80));
        assert_eq!(totals.final_success().map(Used::basis_points), Some(7_500));
        assert_eq!(totals.first_try_success().map(Used::basis_points), Some(7_500));
    }
}
