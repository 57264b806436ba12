//! Statistics of Envoy's admin page.

use std::collections::BTreeMap;

/// Counters and gauges by name; a histogram is its number of samples.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stats(pub BTreeMap<String, u64>);

impl Stats {
    pub(super) fn parse(text: &str) -> Self {
        let value = |text: &str| text.trim().parse().ok();
        let pair =
            |line: &str| line.split_once(": ").and_then(|(name, text)| Some((name.to_owned(), value(text)?)));
        Self(text.lines().filter_map(pair).collect())
    }

    /// Returns one value; 0 if it is missing.
    pub fn value(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Returns `nearmiss_exchanges_total` of one upstream: the fates that occurred.
    pub fn fates(&self, upstream: &str) -> BTreeMap<String, u64> {
        let head = format!("wasmcustom.nearmiss.upstream=.={upstream};.;fate=.=");
        let fate =
            |name: &str| Some(name.strip_prefix(&head)?.strip_suffix(";.;exchanges_total")?.to_owned());
        self.0
            .iter()
            .filter(|(_, count)| **count > 0)
            .filter_map(|(name, count)| Some((fate(name)?, *count)))
            .collect()
    }

    /// Returns the number of exchanges of all upstreams.
    pub fn exchanges(&self) -> u64 {
        self.0.iter().filter(|(name, _)| name.ends_with(";.;exchanges_total")).map(|(_, count)| count).sum()
    }

    /// Returns `nearmiss_attempts_total` of one upstream.
    pub fn attempts(&self, upstream: &str) -> u64 {
        self.value(&format!("wasmcustom.nearmiss.upstream=.={upstream};.;attempts_total"))
    }
}
