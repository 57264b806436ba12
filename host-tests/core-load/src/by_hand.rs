//! A hand-written baseline: a map from upstream to counters and a histogram of latencies.
//!
//! It has no limits, hosts, time, records, or bound on names: the least code that counts outcomes.

use nearmiss::Exchange;
use std::collections::HashMap;

/// Counters by upstream.
#[derive(Default)]
pub struct ByHand(HashMap<String, UpstreamCounters>);

#[derive(Default)]
struct UpstreamCounters {
    clean: u64,
    retried: u64,
    failed: u64,
    /// Latencies by powers of two of a microsecond.
    latency: [u32; 32],
}

impl ByHand {
    /// Counts an exchange.
    pub fn observe(&mut self, exchange: &Exchange<'_>) {
        if let Some(counters) = self.0.get_mut(exchange.upstream) {
            return counters.observe(exchange);
        }
        self.0.entry(exchange.upstream.to_owned()).or_default().observe(exchange);
    }
}

impl UpstreamCounters {
    fn observe(&mut self, exchange: &Exchange<'_>) {
        match (exchange.status, exchange.attempts) {
            (500.., _) => self.failed += 1,
            (_, Some(2..)) => self.retried += 1,
            _ => self.clean += 1,
        }
        let octave = exchange.duration.get().checked_ilog2().unwrap_or(0);
        self.latency[octave.min(31) as usize] += 1;
    }
}
