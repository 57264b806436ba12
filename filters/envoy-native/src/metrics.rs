//! Counts that wait to be handed to Envoy.
//!
//! A call that names labels is expensive, so counts wait in each worker, and the main thread hands them over once a second.

use nearmiss_envoy_exchange::metric::Metric;
use std::sync::Arc;

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
    counts: [u32; Metric::BY_UPSTREAM],
}

/// Counts that have no upstream.
#[derive(Debug, Default)]
pub(crate) struct Rest([u32; Metric::WITHOUT_UPSTREAM]);

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
        let index = metric.index().checked_sub(Metric::BY_UPSTREAM);
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
            self.upstreams.insert(index, Series { id, label: label(), counts: [0; Metric::BY_UPSTREAM] });
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
        let rest = Metric::all().skip(Metric::BY_UPSTREAM).zip(self.rest.0).filter(|(_, count)| *count > 0);
        rest.for_each(|(metric, count)| hand_over(None, metric, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearmiss::Fate;

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
