//! What is held of one upstream while reading: bounded, however much is read.

use super::closest::Closest;
use super::counts::Counts;
use super::latency::{Latency, Rows};
use super::records::{Reference, Summary};
use nearmiss::Fate;
use std::collections::BTreeMap;

/// The most hosts that are told apart; more count as `other`.
const MOST_HOSTS: usize = 64;
/// How many close calls are kept.
const CLOSEST: usize = 8;
/// How many outliers are kept for the heat map.
const SLOWEST: usize = 24;

/// All that is known of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    /// From summaries; from exchange records alone where there is none.
    pub(crate) total: Counts,
    /// The same by bin of time.
    pub(crate) bins: BTreeMap<u64, Bin>,
    /// Exchange records by fate, and their bins: what is told where no summary came.
    pub(crate) noted: Counts,
    pub(crate) noted_bins: BTreeMap<u64, Bin>,
    /// What was judged before and only passed on, and its bins: what is told where whoever judged it does not.
    relayed: Counts,
    relayed_bins: BTreeMap<u64, Bin>,
    /// Exchanges by margin in tenths, the tightest first.
    pub(crate) margins: [u64; 10],
    /// The smallest margin of any exchange record.
    pub(crate) margin_min_bp: Option<u16>,
    pub(crate) latency: Latency,
    pub(crate) failed_attempts_ms: f64,
    /// Exchanges after which no attempt was left.
    pub(crate) out_of_attempts: u64,
    pub(crate) late: u64,
    pub(crate) suppressed: u64,
    pub(crate) hosts: BTreeMap<String, Host>,
    pub(crate) closest: Closest,
    pub(crate) slowest: Closest,
    /// The last day (UTC) that was counted.
    pub(crate) today: Today,
    pub(crate) reference: Option<Reference>,
    /// Near misses over the budget, in basis points, by window, as the last summary had them.
    pub(crate) burn: Option<BTreeMap<String, u64>>,
}

/// One bin of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bin {
    pub(crate) counts: Counts,
    pub(crate) latency: Rows,
}

/// What one host did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Host {
    pub(crate) attempts: u64,
    pub(crate) failed: u64,
    pub(crate) near_misses: u64,
}

/// A day's counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Today {
    pub(crate) day: u64,
    pub(crate) counts: Counts,
    pub(crate) latency: Latency,
}

const DAY_MS: u64 = 86_400_000;

impl Upstream {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            total: Counts::default(),
            bins: BTreeMap::new(),
            noted: Counts::default(),
            noted_bins: BTreeMap::new(),
            relayed: Counts::default(),
            relayed_bins: BTreeMap::new(),
            margins: [0; 10],
            margin_min_bp: None,
            latency: Latency::default(),
            failed_attempts_ms: 0.0,
            out_of_attempts: 0,
            late: 0,
            suppressed: 0,
            hosts: BTreeMap::new(),
            closest: Closest::new(CLOSEST),
            slowest: Closest::new(SLOWEST),
            today: Today::default(),
            reference: None,
            burn: None,
        }
    }

    /// Adds the counts of a summary that ended in `bin`, at `time` in milliseconds.
    pub(crate) fn add(&mut self, summary: Summary<'_>, bin: u64, time: u64) {
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
            if self.today.day == time / DAY_MS {
                self.today.latency.add(latency);
            }
        }
        self.margins
            .iter_mut()
            .zip(&summary.margins)
            .for_each(|(held, more)| *held = held.saturating_add(*more));
        self.failed_attempts_ms += summary.failed_attempts_ms;
        self.out_of_attempts += summary.signals.get("retry_limit").copied().unwrap_or(0);
        self.late += summary.late;
        self.suppressed += summary.suppressed;
        for host in &summary.hosts {
            let held = self.host(&host.host);
            held.attempts += host.attempts;
            held.failed += host.failed;
            held.near_misses += host.near_misses;
        }
        self.reference = summary.reference.or(self.reference.take());
        self.burn = summary.burn_bp.or(self.burn.take());
    }

    /// Adds counts of exchanges that were over in `bin`, at `time` in milliseconds.
    pub(crate) fn count(&mut self, counts: &Counts, bin: u64, time: u64) {
        self.total.add(counts);
        self.bins.entry(bin).or_default().counts.add(counts);
        let day = time / DAY_MS;
        if day > self.today.day {
            self.today = Today { day, ..Today::default() };
        }
        if day == self.today.day {
            self.today.counts.add(counts);
        }
    }

    /// Notes an exchange record; `bin` as long as records are all there is.
    pub(crate) fn note(&mut self, fate: Fate, bin: Option<u64>) {
        let one = Counts::of_record(fate);
        self.noted.add(&one);
        if let Some(bin) = bin {
            self.noted_bins.entry(bin).or_default().counts.add(&one);
        }
    }

    fn relay(&mut self, summary: &Summary<'_>, bin: u64) {
        for (name, count) in &summary.relayed {
            let Some(fate) = Fate::from_name(name).filter(|_| *count > 0) else { continue };
            let many = Counts::of_many(fate, *count);
            self.relayed.add(&many);
            self.relayed_bins.entry(bin).or_default().counts.add(&many);
        }
    }

    /// Makes `factor` bins one.
    pub(crate) fn fold(&mut self, factor: u64) {
        for bins in [&mut self.bins, &mut self.noted_bins, &mut self.relayed_bins] {
            for (place, bin) in core::mem::take(bins) {
                let held: &mut Bin = bins.entry(place / factor).or_default();
                held.counts.add(&bin.counts);
                held.latency.merge(&bin.latency);
            }
        }
    }

    /// Takes the next best for all there is, where no summary counted anything: what was passed on, then what left records.
    pub(crate) fn settle(&mut self, records_are_all: bool) {
        if self.total == Counts::default() {
            (self.total, self.bins) = (self.relayed, core::mem::take(&mut self.relayed_bins));
        }
        if records_are_all {
            (self.total, self.bins) = (self.noted, core::mem::take(&mut self.noted_bins));
        }
    }

    /// Adds all of `other`, an upstream that is not told apart.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.total.add(&other.total);
        for (place, bin) in &other.bins {
            let held = self.bins.entry(*place).or_default();
            held.counts.add(&bin.counts);
            held.latency.merge(&bin.latency);
        }
        self.margins.iter_mut().zip(other.margins).for_each(|(held, more)| *held = held.saturating_add(more));
        self.margin_min_bp = self.margin_min_bp.into_iter().chain(other.margin_min_bp).min();
        self.latency.merge(&other.latency);
        self.late += other.late;
        self.suppressed += other.suppressed;
    }

    /// Exchanges whose margin is known.
    pub(crate) fn with_margin(&self) -> u64 {
        self.margins.iter().sum()
    }

    fn host(&mut self, name: &str) -> &mut Host {
        let name = if self.hosts.contains_key(name) || self.hosts.len() < MOST_HOSTS {
            name
        } else {
            nearmiss::OTHER
        };
        self.hosts.entry(name.into()).or_default()
    }
}
