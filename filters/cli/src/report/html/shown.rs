//! What of the story fits on a page: everything is counted, not everything is drawn.

use super::super::clock;
use super::super::story::Story;
use super::super::upstream::{Bin, Upstream};
use std::collections::BTreeMap;

/// Rows of the ranking; more upstreams are folded into one.
pub(super) const ROWS: usize = 60;
/// Upstreams with plots.
pub(super) const DETAILED: usize = 10;

/// The story and the frame that all plots share.
pub(super) struct Shown<'a> {
    pub(super) story: &'a Story,
    /// The first of the ranking, and the rest as one.
    pub(super) rows: Vec<&'a Upstream>,
    pub(super) rest: Option<Upstream>,
    /// The first bin.
    pub(super) first: u64,
    /// How many there are.
    pub(super) bins: u64,
    /// The beginning of the first and the end of the last, in milliseconds since 1970.
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) ticks: Vec<(u64, String)>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(story: &'a Story) -> Self {
        let (first, last) = story.grid.reach().unwrap_or((0, 0));
        let width = story.grid.width_ms();
        let (from, to) = (first * width, (last + 1) * width);
        let rest = story.upstreams.get(ROWS..).filter(|rest| !rest.is_empty()).map(|rest| {
            let mut all = Upstream::new(format!("{} more upstreams", rest.len()));
            rest.iter().for_each(|upstream| all.absorb(upstream));
            all
        });
        Self {
            story,
            rows: story.upstreams.iter().take(ROWS).collect(),
            rest,
            first,
            bins: last - first + 1,
            from,
            to,
            ticks: clock::ticks(from, to, 7),
        }
    }

    /// The upstreams that are drawn, with their places.
    pub(super) fn detailed(&self) -> impl Iterator<Item = (usize, &'a Upstream)> + '_ {
        self.rows.iter().take(DETAILED).copied().enumerate()
    }

    /// Where a time lies across a plot, in percent.
    pub(super) fn x(&self, millis: u64) -> f64 {
        let share =
            (millis.clamp(self.from, self.to) - self.from) as f64 / (self.to - self.from).max(1) as f64;
        (share * 10_000.0).round() / 100.0
    }

    /// The bins of an upstream with their places from the first, in runs without a gap.
    pub(super) fn runs<'b>(&self, bins: &'b BTreeMap<u64, Bin>) -> Vec<Vec<(u64, &'b Bin)>> {
        let mut runs: Vec<Vec<(u64, &Bin)>> = Vec::new();
        for (place, bin) in bins.iter().map(|(place, bin)| (place.saturating_sub(self.first), bin)) {
            match runs.last_mut() {
                Some(run) if run.last().is_some_and(|(last, _)| last + 1 == place) => run.push((place, bin)),
                _ => runs.push(vec![(place, bin)]),
            }
        }
        runs
    }
}
