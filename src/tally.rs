//! Exact counts of one upstream since its last summary.

use crate::codec::Codec;
use crate::exchange::Exchange;
use crate::histogram::Histogram;
use crate::units::Used;
use crate::verdict::{Fate, Signals, Verdict};
use alloc::boxed::Box;

/// How many bands the distribution of margins has; each is a tenth, the last takes in the full margin.
pub const MARGIN_BANDS: usize = 10;

/// What was counted. Everything adds, so tallies of one upstream merge without loss.
#[derive(Clone, Debug, Default)]
pub struct Counters {
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
    /// Exchanges by fate that another nearmiss has judged; they are in none of the counts above.
    pub relayed: Option<Box<[u32; Fate::COUNT]>>,
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

    /// Counts one exchange that another nearmiss has judged.
    pub(crate) fn relay(&mut self, fate: Fate) {
        add(self.relayed.get_or_insert_default().get_mut(fate as usize));
    }

    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.relayed.is_none() && self.exchanges() == 0
    }

    /// How many exchanges were counted.
    pub fn exchanges(&self) -> u64 {
        self.fates.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether another counters might not fit.
    pub(crate) fn is_half_full(&self) -> bool {
        self.latency.is_half_full()
    }

    /// Passes everything on, or takes others' in.
    pub(crate) fn pass(&mut self, codec: &mut Codec<'_>) {
        codec.counts(&mut self.fates);
        codec.counts(&mut self.signals);
        codec.count(&mut self.first_try);
        codec.count(&mut self.attempts);
        codec.count(&mut self.failed_micros);
        codec.counts(&mut self.margins);
        self.latency.pass(codec);
        codec.count(&mut self.late);
        codec.count(&mut self.suppressed);
        if codec.number(self.relayed.is_some().into()) > 0 {
            codec.counts(self.relayed.get_or_insert_default().as_mut_slice());
        }
        if codec.is_out() {
            self.relayed = None;
        }
    }

    /// Starts anew, keeping memory.
    pub(crate) fn clear(&mut self) {
        let mut latency = core::mem::take(&mut self.latency);
        latency.clear();
        *self = Self { latency, ..Self::default() };
    }
}

/// The counts of a counters, wide enough for those of many.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CounterTotals {
    /// Exchanges by fate, in the order of [`Fate::ALL`].
    pub fates: [u64; Fate::COUNT],
    /// Exchanges by fate that another nearmiss has judged, if there were any.
    pub relayed: Option<Box<[u64; Fate::COUNT]>>,
    /// Attempts.
    pub attempts: u64,
    /// Exchanges by signal, in the order of [`Signals::NAMES`].
    pub signals: [u64; Signals::COUNT],
    /// Successes of one attempt that no safety net carried.
    pub first_try: u64,
    /// Microseconds spent on attempts that failed.
    pub failed_micros: u64,
    /// Exchanges by margin, in tenths of the limit.
    pub margins: [u64; MARGIN_BANDS],
    /// Exchanges that came after their bucket was sealed.
    pub late: u64,
    /// Records held back.
    pub suppressed: u64,
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
        }
    }
}

impl CounterTotals {
    /// Exchanges that were judged here.
    pub fn exchanges(&self) -> u64 {
        sum(&self.fates)
    }

    /// Exchanges that were judged elsewhere.
    pub fn exchanges_relayed(&self) -> u64 {
        self.relayed.as_ref().map_or(0, |fates| sum(&**fates))
    }

    /// Exchanges of one fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.fates.get(fate as usize).copied().unwrap_or(0)
    }

    /// Exchanges that were not aborted.
    pub fn judged(&self) -> u64 {
        self.exchanges().saturating_sub(self.signals.last().copied().unwrap_or(0))
    }

    /// The share of judged exchanges that did not fail; `None` if none was judged.
    pub fn final_success(&self) -> Option<Used> {
        Used::of(self.judged().saturating_sub(self.of(Fate::Failed)), self.judged())
    }

    /// The share of judged exchanges that would have been well without safety nets.
    pub fn first_try_success(&self) -> Option<Used> {
        Used::of(self.first_try, self.judged())
    }
}

fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
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
