//! Burn rates of the near-miss budget.
//!
//! The *burn rate* is the share of near misses over the budget, in windows of 5 and 30 minutes, 1 and 6 hours (Google's
//! SRE workbook, chapter 5, pairs 1 h with 5 m and 6 h with 30 m). The windows decay exponentially instead of ending:
//! two numbers each.

use super::bucket::BucketCounts;
use crate::units::Used;

/// Windows of the burn rates, in buckets.
const WINDOWS: [u32; 4] = [30, 180, 360, 6 * 360];
/// Names of the windows.
const NAMES: [&str; WINDOWS.len()] = ["5m", "30m", "1h", "6h"];

/// Near misses and judged exchanges of one upstream, decaying by window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BudgetBurn {
    near_misses: [f32; WINDOWS.len()],
    judged: [f32; WINDOWS.len()],
    /// The last bucket with traffic; 0 before the first.
    last: u32,
}

impl BudgetBurn {
    /// Counts a sealed bucket.
    pub(super) fn count(&mut self, index: u32, counts: &BucketCounts) {
        let passed = index.saturating_sub(self.last) as f32;
        for ((near, judged), window) in self.near_misses.iter_mut().zip(&mut self.judged).zip(WINDOWS) {
            let keep = if self.last == 0 { 0.0 } else { libm::expf(-passed / window as f32) };
            *near = *near * keep + counts.near_misses as f32;
            *judged = *judged * keep + counts.judged() as f32;
        }
        self.last = index;
    }

    /// Returns the burn rate by window, in basis points: at 10 000 the budget is spent exactly. `None` without traffic
    /// or budget.
    pub(crate) fn rates(&self, budget: Used) -> Option<[(&'static str, u32); WINDOWS.len()]> {
        let budget = f32::from(budget.basis_points());
        let is_known = budget > 0.0 && self.judged.first().is_some_and(|judged| *judged >= 1.0);
        let mut rates = NAMES.map(|name| (name, 0));
        for ((rate, near), judged) in rates.iter_mut().zip(self.near_misses).zip(self.judged) {
            rate.1 = libm::roundf(near / judged.max(1.0) / budget * 100_000_000.0) as u32;
        }
        is_known.then_some(rates)
    }
}
