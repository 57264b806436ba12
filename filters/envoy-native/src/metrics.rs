//! The counters, and counts that wait to be handed to Envoy.
//!
//! A call that names labels is expensive, so counts wait in each worker, and the main thread hands them over once a second.

use nearmiss::{FailureReason, Fate, Pattern};
use nearmiss_envoy_exchange::counts::Counts;
use nearmiss_envoy_exchange::request::LeftOut;
use std::sync::Arc;

/// A count of something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Metric {
    Exchanges(Fate),
    Failed(FailureReason),
    Episodes(Pattern),
    Aborted,
    Attempts,
    LeftOut(LeftOut),
    Late,
    Suppressed,
    Invalid,
    Dropped,
}

/// Number of counts by upstream.
const BY_UPSTREAM: usize = Fate::COUNT + FailureReason::COUNT + Pattern::COUNT + 2;
/// Number of all counts.
const ALL: usize = BY_UPSTREAM + LeftOut::ALL.len() + 4;

impl Metric {
    /// Number of names.
    pub(crate) const NAMES: usize = 10;

    /// Iterates over all counts; `all().nth(metric.index()) == metric`.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let by_upstream = Fate::ALL
            .into_iter()
            .map(Self::Exchanges)
            .chain(FailureReason::ALL.into_iter().map(Self::Failed))
            .chain(Pattern::ALL.into_iter().map(Self::Episodes))
            .chain([Self::Aborted, Self::Attempts]);
        by_upstream.chain(LeftOut::ALL.into_iter().map(Self::LeftOut)).chain([
            Self::Late,
            Self::Suppressed,
            Self::Invalid,
            Self::Dropped,
        ])
    }

    /// Returns the position in [`all`](Self::all).
    pub(crate) const fn index(self) -> usize {
        const FAILED: usize = Fate::COUNT;
        const EPISODES: usize = FAILED + FailureReason::COUNT;
        const REST: usize = BY_UPSTREAM + LeftOut::ALL.len();
        match self {
            Self::Exchanges(fate) => fate as usize,
            Self::Failed(reason) => FAILED + reason as usize,
            Self::Episodes(pattern) => EPISODES + pattern as usize,
            Self::Aborted => BY_UPSTREAM - 2,
            Self::Attempts => BY_UPSTREAM - 1,
            Self::LeftOut(reason) => BY_UPSTREAM + reason as usize,
            Self::Late => REST,
            Self::Suppressed => REST + 1,
            Self::Invalid => REST + 2,
            Self::Dropped => REST + 3,
        }
    }

    /// Returns the name, and its number among the names.
    pub(crate) const fn name(self) -> (usize, &'static str) {
        match self {
            Self::Exchanges(_) => (0, "nearmiss.exchanges_total"),
            Self::Failed(_) => (1, "nearmiss.failed_total"),
            Self::Episodes(_) => (2, "nearmiss.episodes_total"),
            Self::Aborted => (3, "nearmiss.aborted_total"),
            Self::Attempts => (4, "nearmiss.attempts_total"),
            Self::LeftOut(_) => (5, "nearmiss.left_out_total"),
            Self::Late => (6, "nearmiss.late_total"),
            Self::Suppressed => (7, "nearmiss.suppressed_total"),
            Self::Invalid => (8, "nearmiss.invalid_total"),
            Self::Dropped => (9, "nearmiss.dropped_total"),
        }
    }

    /// Returns name and value of the label beside the upstream.
    pub(crate) const fn label(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Exchanges(fate) => Some(("fate", fate.name())),
            Self::Failed(reason) => Some(("reason", reason.name())),
            Self::Episodes(pattern) => Some(("pattern", pattern.name())),
            Self::LeftOut(reason) => Some(("reason", reason.name())),
            Self::Aborted
            | Self::Attempts
            | Self::Late
            | Self::Suppressed
            | Self::Invalid
            | Self::Dropped => None,
        }
    }

    /// Returns true if the upstream is a label.
    pub(crate) const fn is_by_upstream(self) -> bool {
        self.index() < BY_UPSTREAM
    }
}

/// Passes what an exchange adds to each count to `add`.
pub(crate) fn count(counts: &Counts, mut add: impl FnMut(Metric, u32)) {
    add(Metric::Exchanges(counts.fate), 1);
    if counts.attempts > 0 {
        add(Metric::Attempts, counts.attempts);
    }
    if let Some(reason) = counts.failed {
        add(Metric::Failed(reason), 1);
    }
    let marks = [
        (counts.is_aborted, Metric::Aborted),
        (counts.is_late, Metric::Late),
        (counts.is_invalid, Metric::Invalid),
        (counts.is_suppressed, Metric::Suppressed),
    ];
    marks.into_iter().filter(|(is_set, _)| *is_set).for_each(|(_, metric)| add(metric, 1));
}

/// Counts of one worker, or of the reporter, since they were handed over.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// By upstream, in the order of their numbers.
    upstreams: Vec<Series>,
    rest: Rest,
}

/// Counts of one upstream.
#[derive(Debug)]
pub(crate) struct Series {
    id: u32,
    /// The upstream in labels.
    pub(crate) label: Arc<str>,
    counts: [u32; BY_UPSTREAM],
}

/// Counts that have no upstream.
#[derive(Debug, Default)]
pub(crate) struct Rest([u32; ALL - BY_UPSTREAM]);

impl Series {
    /// Adds to a count by upstream.
    pub(crate) fn add(&mut self, metric: Metric, by: u32) {
        if let Some(count) = self.counts.get_mut(metric.index()) {
            *count = count.saturating_add(by);
        }
    }
}

impl Rest {
    /// Adds to a count that has no upstream.
    pub(crate) fn add(&mut self, metric: Metric, by: u32) {
        let index = metric.index().checked_sub(BY_UPSTREAM);
        if let Some(count) = index.and_then(|index| self.0.get_mut(index)) {
            *count = count.saturating_add(by);
        }
    }
}

impl Pending {
    /// Returns the counts of an upstream, and those that have none; `label` is called for the first one since the last hand-over.
    pub(crate) fn series(
        &mut self,
        id: u32,
        label: impl FnOnce() -> Arc<str>,
    ) -> Option<(&mut Series, &mut Rest)> {
        let index = self.upstreams.binary_search_by_key(&id, |series| series.id).unwrap_or_else(|index| {
            self.upstreams.insert(index, Series { id, label: label(), counts: [0; BY_UPSTREAM] });
            index
        });
        Some((self.upstreams.get_mut(index)?, &mut self.rest))
    }

    /// Returns the counts that have no upstream.
    pub(crate) const fn rest(&mut self) -> &mut Rest {
        &mut self.rest
    }

    /// Takes all counts; none is left.
    pub(crate) fn take(&mut self) -> Self {
        core::mem::take(self)
    }

    /// Passes each count that is not 0 to `hand_over`, with the upstream if it has one.
    pub(crate) fn for_each(&self, mut hand_over: impl FnMut(Option<&str>, Metric, u32)) {
        for series in &self.upstreams {
            let counts = Metric::all().zip(series.counts).filter(|(_, count)| *count > 0);
            counts.for_each(|(metric, count)| hand_over(Some(&series.label), metric, count));
        }
        let rest = Metric::all().skip(BY_UPSTREAM).zip(self.rest.0).filter(|(_, count)| *count > 0);
        rest.for_each(|(metric, count)| hand_over(None, metric, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_its_place() {
        assert!(Metric::all().enumerate().all(|(index, metric)| metric.index() == index));
        assert_eq!(Metric::all().count(), ALL);
        assert_eq!(Metric::all().filter(|metric| metric.is_by_upstream()).count(), BY_UPSTREAM);
        assert!(Metric::all().all(|metric| metric.name().0 < Metric::NAMES));
    }

    #[test]
    fn counts_are_handed_over_once() {
        let mut pending = Pending::default();
        let retried = Metric::Exchanges(Fate::Retried);
        pending.series(7, || "cart".into()).unwrap().0.add(retried, 2);
        pending.series(7, || "never".into()).unwrap().0.add(retried, 1);
        pending.rest().add(Metric::Late, 3);
        let mut seen = Vec::new();
        let taken = pending.take();
        taken.for_each(|upstream, metric, count| seen.push((upstream.map(str::to_owned), metric, count)));
        assert_eq!(seen, [(Some("cart".to_owned()), retried, 3), (None, Metric::Late, 3)]);
        pending.for_each(|_, metric, _| panic!("{metric:?} is handed over twice"));
    }
}
