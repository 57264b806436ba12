//! Statistics of Envoy's admin page.

use std::collections::BTreeMap;

/// Counters and gauges by name; a histogram is its number of samples.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stats(pub BTreeMap<String, u64>);

/// Beginning of the names of a native access logger's counters by fate.
const NATIVE_LOGGER: &str = "dynamicmodulescustom.nearmiss.fate=.=";

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

    /// Returns `nearmiss_exchanges_total` of one upstream: the fates that occurred. A native access logger counts all
    /// upstreams together.
    pub fn fates(&self, upstream: &str) -> BTreeMap<String, u64> {
        let wasm = format!("wasmcustom.nearmiss.upstream=.={upstream};.;fate=.=");
        let native = format!("dynamicmodulescustom.nearmiss.exchanges_total.upstream.{upstream}.fate.");
        let fate = |name: &str| {
            let delimited = name.strip_prefix(&wasm).or_else(|| name.strip_prefix(NATIVE_LOGGER));
            let delimited = delimited.and_then(|rest| rest.strip_suffix(";.;exchanges_total"));
            delimited.or_else(|| name.strip_prefix(&native)).map(str::to_owned)
        };
        self.0
            .iter()
            .filter(|(_, count)| **count > 0)
            .filter_map(|(name, count)| Some((fate(name)?, *count)))
            .collect()
    }

    /// Returns the number of exchanges of all upstreams.
    pub fn exchanges(&self) -> u64 {
        self.sum("exchanges_total")
    }

    /// Returns the number of exchanges that were left out.
    pub fn left_out(&self) -> u64 {
        self.sum("left_out_total")
    }

    /// Returns the number of connections that each worker accepted at each listener.
    pub fn connections_by_worker(&self) -> Vec<u64> {
        let of_worker = |name: &str| name.contains(".worker_") && name.ends_with(".downstream_cx_total");
        self.0.iter().filter(|(name, _)| of_worker(name)).map(|(_, count)| *count).collect()
    }

    fn sum(&self, metric: &str) -> u64 {
        let (delimited, tagged) = (format!(";.;{metric}"), format!("nearmiss.{metric}."));
        let counters = self.0.iter().filter(|(name, _)| name.ends_with(&delimited) || name.contains(&tagged));
        counters.map(|(_, count)| count).sum()
    }

    /// Returns `nearmiss_attempts_total` of one upstream.
    pub fn attempts(&self, upstream: &str) -> u64 {
        let names = [
            format!("wasmcustom.nearmiss.upstream=.={upstream};.;attempts_total"),
            format!("dynamicmodulescustom.nearmiss.attempts_total.upstream.{upstream}"),
            String::from("dynamicmodulescustom.nearmiss.attempts_total"),
        ];
        names.iter().map(|name| self.value(name)).sum()
    }
}
