//! Aggregates of one upstream, in bounded memory.

use super::exemplars::{Exemplar, Exemplars};
use super::latency::{HeatMapColumn, LatencyCounts};
use crate::counts::Counts;
use crate::records::{ReferenceRecord, SummaryRecord};
use nearmiss::Fate;
use std::collections::{BTreeMap, VecDeque};

/// Maximum number of distinct hosts; the rest count as `other`.
const MAX_HOSTS: usize = 64;
/// Maximum number of exemplars with the smallest margins.
const MAX_CLOSEST: usize = 8;
/// Maximum number of outliers in the heat map.
const MAX_SLOWEST: usize = 24;
/// Maximum number of the latest records, from which an episode's are taken.
const MAX_RECENT: usize = 16;

/// Aggregates of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamReport {
    pub(crate) name: String,
    /// Total from summaries and judged lines; after `finish`, from relayed counts or exchange records where there are
    /// none.
    pub(crate) total: Counts,
    /// The total by time bin.
    pub(crate) bins: BTreeMap<u64, TimeBin>,
    /// Total of exchange records, and its bins: the fallback if there is no summary.
    pub(crate) from_records: Counts,
    pub(crate) record_bins: BTreeMap<u64, TimeBin>,
    /// Relayed total of summaries, and its bins: the fallback if the instance that judged the exchanges does not
    /// report them.
    relayed: Counts,
    relayed_bins: BTreeMap<u64, TimeBin>,
    /// Exchanges by margin in tenths, the tightest first.
    pub(crate) margins: [u64; 10],
    /// The smallest margin of any exchange record.
    pub(crate) margin_min_bp: Option<u16>,
    pub(crate) latency: LatencyCounts,
    pub(crate) failed_attempts_ms: f64,
    /// Exchanges that used all their attempts.
    pub(crate) out_of_attempts: u64,
    pub(crate) late: u64,
    pub(crate) suppressed: u64,
    pub(crate) hosts: BTreeMap<String, HostTotals>,
    pub(crate) closest: Exemplars,
    pub(crate) slowest: Exemplars,
    /// The latest exchange records, the oldest first.
    pub(crate) recent: VecDeque<Exemplar>,
    /// The last day (UTC) with counts.
    pub(crate) last_day: LastDay,
    pub(crate) reference: Option<ReferenceRecord>,
    /// Burn rate of the near-miss budget in basis points, by window, from the last summary.
    pub(crate) burn: Option<BTreeMap<String, u64>>,
}

/// Counts of one time bin.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeBin {
    pub(crate) counts: Counts,
    pub(crate) latency: HeatMapColumn,
}

/// Totals of one host.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostTotals {
    pub(crate) attempts: u64,
    pub(crate) failed: u64,
    pub(crate) near_misses: u64,
}

/// Counts of one day.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastDay {
    pub(crate) day: u64,
    pub(crate) counts: Counts,
    pub(crate) latency: LatencyCounts,
}

const DAY_MS: u64 = 86_400_000;

impl UpstreamReport {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            total: Counts::default(),
            bins: BTreeMap::new(),
            from_records: Counts::default(),
            record_bins: BTreeMap::new(),
            relayed: Counts::default(),
            relayed_bins: BTreeMap::new(),
            margins: [0; 10],
            margin_min_bp: None,
            latency: LatencyCounts::default(),
            failed_attempts_ms: 0.0,
            out_of_attempts: 0,
            late: 0,
            suppressed: 0,
            hosts: BTreeMap::new(),
            closest: Exemplars::new(MAX_CLOSEST),
            slowest: Exemplars::new(MAX_SLOWEST),
            recent: VecDeque::new(),
            last_day: LastDay::default(),
            reference: None,
            burn: None,
        }
    }

    /// Adds a summary that ended in `bin`, at `time` in milliseconds.
    pub(crate) fn add(&mut self, summary: SummaryRecord<'_>, bin: u64, time: u64) {
        let mut counts = Counts {
            aborted: summary.signals.get("aborted").copied().unwrap_or(0),
            attempts: summary.attempts,
            first_try: summary.first_try,
            ..Counts::default()
        };
        for (name, count) in &summary.fates {
            if let Some(fate) = Fate::from_name(name) {
                counts.count(fate, *count);
            }
        }
        self.relay(&summary, bin);
        self.count(&counts, bin, time);
        if let Some(latency) = &summary.latency {
            self.latency.add(latency);
            self.bins.entry(bin).or_default().latency.add(latency);
            if self.last_day.day == time / DAY_MS {
                self.last_day.latency.add(latency);
            }
        }
        self.margins
            .iter_mut()
            .zip(&summary.margins)
            .for_each(|(sum, more)| *sum = sum.saturating_add(*more));
        self.failed_attempts_ms += summary.failed_attempts_ms;
        self.out_of_attempts += summary.signals.get("retry_limit").copied().unwrap_or(0);
        self.late += summary.late;
        self.suppressed += summary.suppressed;
        for host in &summary.hosts {
            let totals = self.host(&host.host);
            totals.attempts += host.attempts;
            totals.failed += host.failed;
            totals.near_misses += host.near_misses;
        }
        self.reference = summary.reference.or(self.reference.take());
        self.burn = summary.burn_bp.or(self.burn.take());
    }

    /// Adds counts of exchanges that ended in `bin`, at `time` in milliseconds.
    pub(crate) fn count(&mut self, counts: &Counts, bin: u64, time: u64) {
        self.total.add(counts);
        self.bins.entry(bin).or_default().counts.add(counts);
        let day = time / DAY_MS;
        if day > self.last_day.day {
            self.last_day = LastDay { day, ..LastDay::default() };
        }
        if day == self.last_day.day {
            self.last_day.counts.add(counts);
        }
    }

    /// Counts an exchange record; `bin` is `None` once summaries provide the bins.
    pub(crate) fn count_record(&mut self, fate: Fate, bin: Option<u64>) {
        let one = Counts::of_record(fate);
        self.from_records.add(&one);
        if let Some(bin) = bin {
            self.record_bins.entry(bin).or_default().counts.add(&one);
        }
    }

    /// Keeps a record for the episode that may follow.
    pub(crate) fn add_recent(&mut self, exemplar: Exemplar) {
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(exemplar);
    }

    fn relay(&mut self, summary: &SummaryRecord<'_>, bin: u64) {
        for (name, count) in &summary.relayed {
            let Some(fate) = Fate::from_name(name).filter(|_| *count > 0) else { continue };
            let many = Counts::of_many(fate, *count);
            self.relayed.add(&many);
            self.relayed_bins.entry(bin).or_default().counts.add(&many);
        }
    }

    /// Merges groups of `factor` bins into one.
    pub(crate) fn coarsen(&mut self, factor: u64) {
        for bins in [&mut self.bins, &mut self.record_bins, &mut self.relayed_bins] {
            for (index, bin) in core::mem::take(bins) {
                let merged: &mut TimeBin = bins.entry(index / factor).or_default();
                merged.counts.add(&bin.counts);
                merged.latency.merge(&bin.latency);
            }
        }
    }

    /// Falls back where no summary counted the exchanges: first to the relayed counts, then to the exchange records.
    pub(crate) fn finish(&mut self, only_records: bool) {
        if self.total == Counts::default() {
            (self.total, self.bins) = (self.relayed, core::mem::take(&mut self.relayed_bins));
        }
        if only_records {
            (self.total, self.bins) = (self.from_records, core::mem::take(&mut self.record_bins));
        }
    }

    /// Adds the counts of `other`, an upstream without a row of its own.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.total.add(&other.total);
        for (index, bin) in &other.bins {
            let merged = self.bins.entry(*index).or_default();
            merged.counts.add(&bin.counts);
            merged.latency.merge(&bin.latency);
        }
        self.margins.iter_mut().zip(other.margins).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        self.margin_min_bp = self.margin_min_bp.into_iter().chain(other.margin_min_bp).min();
        self.latency.merge(&other.latency);
        self.late += other.late;
        self.suppressed += other.suppressed;
    }

    /// Returns the number of exchanges with a known margin.
    pub(crate) fn with_margin(&self) -> u64 {
        self.margins.iter().sum()
    }

    fn host(&mut self, name: &str) -> &mut HostTotals {
        let name = if self.hosts.contains_key(name) || self.hosts.len() < MAX_HOSTS {
            name
        } else {
            nearmiss::OTHER
        };
        self.hosts.entry(name.into()).or_default()
    }
}
