//! Exact counts of one upstream since its last summary.

use crate::exchange::Exchange;
use crate::histogram::Histogram;
use crate::units::Used;
use crate::verdict::{Fate, Signals, Verdict};

/// How many bands the distribution of margins has; each is a tenth, the last takes in the full margin.
pub const MARGIN_BANDS: usize = 10;

/// What was counted. Everything adds, so tallies of one upstream merge without loss.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Exchanges by fate, in the order of [`Fate::ALL`]; they sum to the number of exchanges.
    pub fates: [u32; Fate::COUNT],
    /// Exchanges by signal, in the order of [`Signals::NAMES`].
    pub signals: [u32; Signals::COUNT],
    /// Successes of one attempt that no safety net carried.
    pub first_try: u32,
    /// Attempts, as far as they are known; an exchange that cannot tell counts one.
    pub attempts: u64,
    /// Microseconds spent on attempts that failed, where attempts are known one by one.
    pub failed_micros: u64,
    /// Exchanges by margin, in tenths of the limit; those without a limit or aborted are in none.
    pub margins: [u32; MARGIN_BANDS],
    /// Durations of all exchanges that were not aborted.
    pub latency: Histogram,
    /// Exchanges that came after their bucket was sealed; they are in the counts above.
    pub late: u32,
    /// Records held back by the limit on records.
    pub suppressed: u32,
}

impl Tally {
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
        if verdict.is_aborted() {
            return;
        }
        self.first_try += u32::from(is_first_try(exchange, verdict));
        self.latency.record(bucket);
        if let Some(margin) = verdict.margin_bp() {
            add(self.margins.get_mut((usize::from(margin) / 1_000).min(MARGIN_BANDS - 1)));
        }
        if let [failed @ .., _] = exchange.attempt_log {
            let spent =
                failed.iter().filter(|attempt| attempt.failed()).filter_map(|attempt| attempt.duration);
            self.failed_micros = spent.fold(self.failed_micros, |sum, span| sum.saturating_add(span.get()));
        }
    }

    /// Counts one exchange of which only the fate is known.
    pub(crate) fn count_judged(&mut self, fate: Fate, late: bool) {
        add(self.fates.get_mut(fate as usize));
        self.attempts += 1;
        self.late += u32::from(late);
        let needed_no_net = matches!(fate, Fate::Clean | Fate::Slow | Fate::Tight | Fate::ClientRetried);
        self.first_try += u32::from(needed_no_net);
    }

    /// How many exchanges were counted.
    pub fn exchanges(&self) -> u64 {
        self.fates.iter().map(|count| u64::from(*count)).sum()
    }

    /// Exchanges that were not aborted.
    pub fn judged(&self) -> u64 {
        self.exchanges() - u64::from(self.signals.last().copied().unwrap_or(0))
    }

    /// Exchanges of one fate.
    pub fn of(&self, fate: Fate) -> u32 {
        self.fates.get(fate as usize).copied().unwrap_or(0)
    }

    /// Near misses.
    pub fn near_misses(&self) -> u64 {
        Fate::ALL.into_iter().filter(|fate| fate.is_near_miss()).map(|fate| u64::from(self.of(fate))).sum()
    }

    /// The share of judged exchanges that did not fail; `None` if none was judged.
    pub fn final_success(&self) -> Option<Used> {
        Used::of(self.judged().saturating_sub(self.of(Fate::Failed).into()), self.judged())
    }

    /// The share of judged exchanges that would have been well without safety nets.
    pub fn first_try_success(&self) -> Option<Used> {
        Used::of(self.first_try.into(), self.judged())
    }

    /// Starts anew, keeping memory.
    pub(crate) fn clear(&mut self) {
        let mut latency = core::mem::take(&mut self.latency);
        latency.clear();
        *self = Self { latency, ..Self::default() };
    }
}

/// A success of one attempt that no safety net carried.
pub(crate) fn is_first_try(exchange: &Exchange<'_>, verdict: &Verdict) -> bool {
    verdict.fate != Fate::Failed
        && exchange.attempts.unwrap_or(1) <= 1
        && !verdict.signals.any(Signals::SAFETY_NETS)
}

fn add(count: Option<&mut u32>) {
    if let Some(count) = count {
        *count = count.saturating_add(1);
    }
}
