//! Envoy's statistics of one upstream.

use std::collections::BTreeMap;

use nearmiss::Fate;
use real::Envoy;

/// The counts so far.
#[derive(Clone, Debug)]
pub(super) struct UpstreamStats {
    pub(super) name: String,
    pub(super) fates: BTreeMap<String, u64>,
    pub(super) attempts: u64,
    /// Smallest margin in percent.
    pub(super) lowest_margin: Option<f64>,
}

impl UpstreamStats {
    /// Reads the statistics of all upstreams but `none`, sorted by name.
    pub(super) fn read(envoy: &Envoy) -> Vec<Self> {
        let stats = envoy.nearmiss_stats();
        let margins = envoy.admin_page("/stats?filter=margin_bp&histogram_buckets=summary");
        let mut names: Vec<_> = stats.0.keys().filter_map(|name| upstream_of(name)).collect();
        names.dedup();
        names.retain(|name| *name != "none");
        let read = |name: &str| Self {
            name: name.to_owned(),
            fates: stats.fates(name),
            attempts: stats.attempts(name),
            lowest_margin: lowest_margin(&margins, name),
        };
        names.into_iter().map(read).collect()
    }

    pub(super) fn exchanges(&self) -> u64 {
        self.fates.values().sum()
    }

    /// Returns the number of exchanges that no policy of the proxy turned away.
    pub(super) fn judged(&self) -> u64 {
        self.sum(|fate| fate != Fate::Rejected)
    }

    pub(super) fn failed(&self) -> u64 {
        self.sum(Fate::is_failure)
    }

    /// Returns the number of requests that the first attempt alone would have failed.
    pub(super) fn rescued(&self) -> u64 {
        self.sum(Fate::is_caught)
    }

    pub(super) fn near_misses(&self) -> u64 {
        self.sum(Fate::is_near_miss)
    }

    /// Returns the success rate that callers see, in percent.
    pub(super) fn final_success(&self) -> f64 {
        share(self.judged() - self.failed(), self.judged())
    }

    /// Returns the success rate without retries, fallbacks and stale copies, in percent.
    pub(super) fn first_try_success(&self) -> f64 {
        share(self.sum(Fate::is_first_try), self.judged())
    }

    pub(super) fn fate(&self, fate: &str) -> u64 {
        self.fates.get(fate).copied().unwrap_or(0)
    }

    fn sum(&self, counts: impl Fn(Fate) -> bool) -> u64 {
        Fate::ALL.into_iter().filter(|fate| counts(*fate)).map(|fate| self.fate(fate.name())).sum()
    }
}

fn upstream_of(metric: &str) -> Option<&str> {
    metric.strip_prefix("wasmcustom.nearmiss.upstream=.=")?.split(";.;").next()
}

/// Returns the lower bound of the margins since the start, from `….margin_bp: P0(nan,3300) P25(nan,6600) …`.
fn lowest_margin(page: &str, upstream: &str) -> Option<f64> {
    let head = format!("wasmcustom.nearmiss.upstream=.={upstream};.;margin_bp: P0(");
    let line = page.lines().find_map(|line| line.strip_prefix(&head))?;
    let since_start = line.split([',', ')']).nth(1)?;
    since_start.parse::<f64>().ok().filter(|basis_points| basis_points.is_finite()).map(|bp| bp / 100.0)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 / whole as f64 * 100.0 }
}
