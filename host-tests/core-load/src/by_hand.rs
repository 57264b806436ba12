//! What one would write by hand in an afternoon: a map from upstream to counts of what happened and a histogram of latencies.
//!
//! It knows no limits, no hosts, no time, no records and no bound on names: the least that could be called counting.

use nearmiss::Exchange;
use std::collections::HashMap;

/// Counts by upstream.
#[derive(Default)]
pub struct ByHand(HashMap<String, Counts>);

#[derive(Default)]
struct Counts {
    clean: u64,
    retried: u64,
    failed: u64,
    /// By powers of two of a microsecond.
    latency: [u32; 32],
}

impl ByHand {
    /// Counts an exchange.
    pub fn observe(&mut self, exchange: &Exchange<'_>) {
        if let Some(counts) = self.0.get_mut(exchange.upstream) {
            return counts.take(exchange);
        }
        self.0.entry(exchange.upstream.to_owned()).or_default().take(exchange);
    }
}

impl Counts {
    fn take(&mut self, exchange: &Exchange<'_>) {
        match (exchange.status, exchange.attempts) {
            (500.., _) => self.failed += 1,
            (_, Some(2..)) => self.retried += 1,
            _ => self.clean += 1,
        }
        let octave = exchange.duration.get().checked_ilog2().unwrap_or(0);
        self.latency[octave.min(31) as usize] += 1;
    }
}
