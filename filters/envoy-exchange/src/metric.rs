//! Metrics: their names and labels, and what an exchange adds to each.

use crate::request::LeftOut;
use alloc::string::String;
use nearmiss::{Exchange, FailureReason, Fate, Observed, Pattern};

/// A counter, with the value of its label beside the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Metric {
    /// Exchanges of this fate.
    Exchanges(Fate),
    /// Failed exchanges.
    Failed(FailureReason),
    /// Episodes by their first pattern, counted when they open.
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

    /// Returns the position among the metrics by upstream, or among those without one.
    pub const fn position(self) -> usize {
        const { assert!(Self::WITHOUT_UPSTREAM <= Self::BY_UPSTREAM) };
        self.index() % Self::BY_UPSTREAM
    }

    /// Returns the name after `nearmiss.`, and its number among the names.
    pub const fn name(self) -> (usize, &'static str) {
        match self {
            Self::Exchanges(_) => (0, "exchanges_total"),
            Self::Failed(_) => (1, "failed_total"),
            Self::Episodes(_) => (2, "episodes_total"),
            Self::Aborted => (3, "aborted_total"),
            Self::Attempts => (4, "attempts_total"),
            Self::LeftOut(_) => (5, "left_out_total"),
            Self::Late => (6, "late_total"),
            Self::Suppressed => (7, "suppressed_total"),
            Self::Invalid => (8, "invalid_total"),
            Self::Dropped => (9, "dropped_total"),
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

    /// Returns the name with all labels in it.
    pub fn flat_name(self, upstream: Option<&str>) -> String {
        flat_name(upstream, self.label(), self.name().1)
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
        if verdict.is_aborted() {
            add(Self::Aborted, 1);
        }
        if verdict.late {
            add(Self::Late, 1);
        }
        if exchange.attempts.is_none() && !exchange.upstream.is_empty() {
            add(Self::Invalid, 1);
        }
        if fate != Fate::Clean && !observed.recorded {
            add(Self::Suppressed, 1);
        }
    }
}

/// Returns the name of a metric for an interface without labels: they are part of the name, delimited as Istio's rules and the
/// `stats_tags` in `docs/envoy.md` expect. The characters of delimiters and control characters in the upstream's name become `_`: behind
/// them Envoy would find labels of another series, or none.
pub fn flat_name(upstream: Option<&str>, label: Option<(&str, &str)>, name: &str) -> String {
    let is_special = |character: char| matches!(character, ';' | '=') || character.is_ascii_control();
    let mut text = String::with_capacity(96); // of most names
    text += "nearmiss.";
    for (label, value) in upstream.map(|upstream| ("upstream", upstream)).into_iter().chain(label) {
        text += label;
        text += "=.";
        let mut delimiter = "=";
        for part in value.split(is_special) {
            text += delimiter;
            text += part;
            delimiter = "_";
        }
        text += ";.;";
    }
    text += name;
    text
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

    #[test]
    fn the_name_of_an_upstream_is_one_label() {
        for (upstream, label) in [
            ("cart", "cart"),
            ("a\nb", "a_b"),
            ("a;.;fate=.=clean;.;y", "a_._fate_._clean_._y"),
            ("a;.", "a_."),
        ] {
            let name = format!("nearmiss.upstream=.={label};.;fate=.=failed;.;exchanges_total");
            assert_eq!(Metric::Exchanges(Fate::Failed).flat_name(Some(upstream)), name, "{upstream:?}");
        }
        let reason = LeftOut::HealthCheck;
        assert_eq!(
            Metric::LeftOut(reason).flat_name(None),
            "nearmiss.reason=.=health_check;.;left_out_total"
        );
        assert_eq!(Metric::Late.flat_name(None), "nearmiss.late_total");
    }
}
