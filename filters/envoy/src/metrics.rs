//! Metrics in the proxy's statistics.
//!
//! Proxy-wasm has no labels, so they are part of the name. A metric is defined when it first counts something. Envoy never frees
//! metrics, so only the first `max_upstreams` upstreams have series of their own; the others share those of `other`.

use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::{MetricId, MetricType, Status};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{Exchange, Monitor, NO_UPSTREAM, OTHER, Observed, SortedMap};
use nearmiss_envoy_exchange::metric::{Metric, flat_name};

/// All metrics of one plugin in one VM.
pub(crate) struct Metrics {
    max_upstreams: usize,
    series: Vec<Series>,
    /// Indices of `series`, sorted by the names of their upstreams.
    by_name: Vec<usize>,
    /// Indices of `series` by the monitor's upstream ids; only a cache.
    by_upstream: SortedMap<u32, usize>,
    /// The metrics without an upstream.
    rest: Series,
}

/// The metrics of one upstream, or those without an upstream; `None` until they are defined.
#[derive(Debug)]
struct Series {
    upstream: Option<Box<str>>,
    counters: [Option<MetricId>; Metric::BY_UPSTREAM],
    margin: Option<MetricId>,
}

/// The names `other` and `none`, which do not count towards `max_upstreams`.
const RESERVED_NAMES: usize = 2;

impl Metrics {
    /// Creates metrics for at most this many upstreams, none of them defined yet.
    pub(crate) fn new(max_upstreams: u32) -> Self {
        Self {
            max_upstreams: max_upstreams as usize,
            series: Vec::new(),
            by_name: Vec::new(),
            by_upstream: SortedMap::new(),
            rest: Series::new(None),
        }
    }

    /// Changes the maximum number of upstreams; defined metrics stay.
    pub(crate) fn set_max_upstreams(&mut self, max_upstreams: u32) {
        self.max_upstreams = max_upstreams as usize;
    }

    /// Counts one exchange.
    pub(crate) fn count(
        &mut self,
        hostcalls: &Hostcalls,
        monitor: &Monitor,
        observed: &Observed,
        exchange: &Exchange<'_>,
    ) {
        let index = self.series_index(monitor, observed);
        let Self { series, rest, .. } = self;
        let Some(series) = series.get_mut(index) else { return };
        Metric::count(observed, exchange, |metric, by| {
            let series = if metric.is_by_upstream() { &mut *series } else { &mut *rest };
            series.add(hostcalls, metric, by);
        });
        if let Some(margin) = observed.verdict.margin_bp() {
            series.record_margin(hostcalls, margin);
        }
    }

    /// Adds to a metric without an upstream.
    pub(crate) fn add(&mut self, hostcalls: &Hostcalls, metric: Metric, by: u32) {
        self.rest.add(hostcalls, metric, by);
    }

    /// Counts records that no sink got.
    pub(crate) fn count_dropped(&mut self, hostcalls: &Hostcalls, records: u64) {
        if records > 0 {
            self.add(hostcalls, Metric::Dropped, u32::try_from(records).unwrap_or(u32::MAX));
        }
    }

    /// Adds 1 to a metric of an upstream.
    pub(crate) fn add_by_upstream(&mut self, hostcalls: &Hostcalls, upstream: &str, metric: Metric) {
        let index = self.index_by_name(upstream);
        if let Some(series) = self.series.get_mut(index) {
            series.add(hostcalls, metric, 1);
        }
    }

    /// Returns the index of the series of an upstream of the monitor.
    fn series_index(&mut self, monitor: &Monitor, observed: &Observed) -> usize {
        let id = observed.upstream.get();
        if let Some(index) = self.by_upstream.get(&id) {
            return *index;
        }
        let index = self.index_by_name(monitor.upstream_name(observed.upstream).unwrap_or(OTHER));
        if self.by_upstream.len() > self.max_upstreams.saturating_mul(2).saturating_add(RESERVED_NAMES) {
            self.by_upstream = SortedMap::new();
        }
        self.by_upstream.insert(id, index);
        index
    }

    /// Returns the index of the series of that name, or of `other` if the maximum is reached. Adds the series if it is missing.
    fn index_by_name(&mut self, name: &str) -> usize {
        let is_reserved = name == OTHER || name == NO_UPSTREAM;
        let is_full = self.series.len() >= self.max_upstreams.saturating_add(RESERVED_NAMES);
        match self.find(name) {
            Ok(index) => index,
            Err(_) if is_full && !is_reserved => self.index_by_name(OTHER),
            Err(position) => self.insert(position, name),
        }
    }

    /// Returns the index of the series of that name, or the position in `by_name` at which to insert it.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let name_at = |index: usize| self.series.get(index).and_then(|series| series.upstream.as_deref());
        let position = self.by_name.partition_point(|index| name_at(*index) < Some(name));
        self.by_name.get(position).copied().filter(|index| name_at(*index) == Some(name)).ok_or(position)
    }

    /// Adds the series of an upstream, with no metric defined, and returns its index.
    fn insert(&mut self, position: usize, upstream: &str) -> usize {
        let index = self.series.len();
        self.by_name.insert(position, index);
        self.series.push(Series::new(Some(upstream.into())));
        index
    }
}

impl Series {
    const fn new(upstream: Option<Box<str>>) -> Self {
        Self { upstream, counters: [None; Metric::BY_UPSTREAM], margin: None }
    }

    fn add(&mut self, hostcalls: &Hostcalls, metric: Metric, by: u32) {
        let Some(id) = self.counters.get_mut(metric.position()) else { return };
        let id =
            get_or_define(hostcalls, id, MetricType::Counter, || metric.flat_name(self.upstream.as_deref()));
        let _ = id.and_then(|id| hostcalls.increment_metric(id, by.into()));
    }

    fn record_margin(&mut self, hostcalls: &Hostcalls, margin_bp: u16) {
        let id = get_or_define(hostcalls, &mut self.margin, MetricType::Histogram, || {
            flat_name(self.upstream.as_deref(), None, "margin_bp")
        });
        let _ = id.and_then(|id| hostcalls.record_metric(id, margin_bp.into()));
    }
}

fn get_or_define(
    hostcalls: &Hostcalls,
    metric: &mut Option<MetricId>,
    metric_type: MetricType,
    name: impl FnOnce() -> String,
) -> Result<MetricId, Status> {
    if let Some(metric) = *metric {
        return Ok(metric);
    }
    let new = hostcalls.define_metric(metric_type, &name())?;
    *metric = Some(new);
    Ok(new)
}
