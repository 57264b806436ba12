//! Selects the part of the model that fits on a page: everything is counted, not everything is drawn.

use super::ticks::ticks;
use crate::report::model::ReportModel;
use crate::report::upstream::{TimeBin, UpstreamReport};
use std::collections::BTreeMap;

/// Maximum number of rows of the ranking; the other upstreams share one row.
pub(super) const MAX_ROWS: usize = 60;
/// Maximum number of upstreams with plots.
pub(super) const MAX_DETAILED: usize = 10;

/// The model, and the time axis that all plots share.
pub(super) struct PageLayout<'a> {
    pub(super) model: &'a ReportModel,
    /// The first upstreams of the ranking, and the rest combined.
    pub(super) rows: Vec<&'a UpstreamReport>,
    pub(super) rest: Option<UpstreamReport>,
    /// The first bin.
    pub(super) first: u64,
    /// Number of bins.
    pub(super) bins: u64,
    /// Start of the first bin and end of the last, in milliseconds since 1970.
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) ticks: Vec<(u64, String)>,
}

impl<'a> PageLayout<'a> {
    pub(super) fn new(model: &'a ReportModel) -> Self {
        let (first, last) = model.time_bins.range().unwrap_or((0, 0));
        let width = model.time_bins.width_ms();
        let (from, to) = (first * width, (last + 1) * width);
        let rest = model.upstreams.get(MAX_ROWS..).filter(|rest| !rest.is_empty()).map(|rest| {
            let mut all = UpstreamReport::new(format!("{} more upstreams", rest.len()));
            rest.iter().for_each(|upstream| all.merge(upstream));
            all
        });
        Self {
            model,
            rows: model.upstreams.iter().take(MAX_ROWS).collect(),
            rest,
            first,
            bins: last - first + 1,
            from,
            to,
            ticks: ticks(from, to, 7),
        }
    }

    /// Returns the upstreams that have plots, with their indices.
    pub(super) fn detailed(&self) -> impl Iterator<Item = (usize, &'a UpstreamReport)> + '_ {
        self.rows.iter().take(MAX_DETAILED).copied().enumerate()
    }

    /// Returns the position of a time across a plot, in percent.
    pub(super) fn x(&self, millis: u64) -> f64 {
        let share =
            (millis.clamp(self.from, self.to) - self.from) as f64 / (self.to - self.from).max(1) as f64;
        (share * 10_000.0).round() / 100.0
    }

    /// Splits the bins of an upstream at gaps; each bin has its index from the first.
    pub(super) fn runs<'b>(&self, bins: &'b BTreeMap<u64, TimeBin>) -> Vec<Vec<(u64, &'b TimeBin)>> {
        let mut runs: Vec<Vec<(u64, &TimeBin)>> = Vec::new();
        for (index, bin) in bins.iter().map(|(index, bin)| (index.saturating_sub(self.first), bin)) {
            match runs.last_mut() {
                Some(run) if run.last().is_some_and(|(last, _)| last + 1 == index) => run.push((index, bin)),
                _ => runs.push(vec![(index, bin)]),
            }
        }
        runs
    }
}
