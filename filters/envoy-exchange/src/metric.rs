//! Metrics: their names and labels, and what an exchange adds to each.

use crate::request::LeftOut;
use nearmiss::{Exchange, FailureReason, Fate, Observed, Pattern};

/// A counter, with the value of its label beside the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Metric {
    /// Exchanges of this fate.
    Exchanges(Fate),
    /// Failed exchanges.
    Failed(FailureReason),
    /// Episodes that opened with this pattern.
    Episodes(Pattern),
    /// Clean exchanges whose caller disconnected.
    Aborted,
    /// Attempts.
    Attempts,
    /// Exchanges that are left out.
    LeftOut(LeftOut),
    /// Exchanges whose bucket was sealed before.
    Late,
    /// Exchanges whose record was suppressed.
    Suppressed,
    /// Exchanges of an upstream without a plausible number of attempts.
    Invalid,
    /// Records that were not delivered to a collector.
    Dropped,
}

impl Metric {
    /// Number of metrics by upstream.
    pub const BY_UPSTREAM: usize = Fate::COUNT + FailureReason::COUNT + Pattern::COUNT + 2;
    /// Number of metrics without an upstream.
    pub const WITHOUT_UPSTREAM: usize = LeftOut::COUNT + 4;
    /// Number of names.
    pub const NAMES: usize = 10;

    /// Iterates over all metrics, those by upstream first; `all().nth(metric.index()) == metric`.
    pub fn all() -> impl Iterator<Item = Self> {
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
    pub const fn index(self) -> usize {
        const FAILED: usize = Fate::COUNT;
        const EPISODES: usize = FAILED + FailureReason::COUNT;
        const REST: usize = Metric::BY_UPSTREAM + LeftOut::COUNT;
        match self {
            Self::Exchanges(fate) => fate as usize,
            Self::Failed(reason) => FAILED + reason as usize,
            Self::Episodes(pattern) => EPISODES + pattern as usize,
            Self::Aborted => Self::BY_UPSTREAM - 2,
            Self::Attempts => Self::BY_UPSTREAM - 1,
            Self::LeftOut(reason) => Self::BY_UPSTREAM + reason as usize,
            Self::Late => REST,
            Self::Suppressed => REST + 1,
            Self::Invalid => REST + 2,
            Self::Dropped => REST + 3,
        }
    }

    /// Returns the name, and its number among the names.
    pub const fn name(self) -> (usize, &'static str) {
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
    pub const fn label(self) -> Option<(&'static str, &'static str)> {
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
    pub const fn is_by_upstream(self) -> bool {
        self.index() < Self::BY_UPSTREAM
    }

    /// Passes what an exchange adds to each metric to `add`.
    pub fn count(observed: &Observed, exchange: &Exchange<'_>, mut add: impl FnMut(Self, u32)) {
        let (verdict, fate) = (&observed.verdict, observed.verdict.fate);
        add(Self::Exchanges(fate), 1);
        let attempts = observed.attempts.unwrap_or(1);
        if attempts > 0 {
            add(Self::Attempts, attempts);
        }
        if fate == Fate::Failed {
            add(Self::Failed(FailureReason::of(exchange)), 1);
        }
        let marks = [
            (verdict.is_aborted(), Self::Aborted),
            (verdict.late, Self::Late),
            (exchange.attempts.is_none() && !exchange.upstream.is_empty(), Self::Invalid),
            (fate != Fate::Clean && !observed.recorded, Self::Suppressed),
        ];
        marks.into_iter().filter(|(is_set, _)| *is_set).for_each(|(_, metric)| add(metric, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_place() {
        assert!(Metric::all().enumerate().all(|(index, metric)| metric.index() == index));
        assert_eq!(Metric::all().count(), Metric::BY_UPSTREAM + Metric::WITHOUT_UPSTREAM);
        assert_eq!(Metric::all().filter(|metric| metric.is_by_upstream()).count(), Metric::BY_UPSTREAM);
        assert!(Metric::all().all(|metric| metric.name().0 < Metric::NAMES));
    }
}
