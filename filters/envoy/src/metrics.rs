//! Metrics in the proxy's statistics.
//!
//! Proxy-wasm has no labels, so they are part of the name, delimited as Istio's rules and the `stats_tags` in `docs/envoy.md`
//! expect. A metric is defined when it first counts something. Envoy never frees metrics, so only the first `max_upstreams`
//! upstreams have series of their own; the others share those of `other`.

use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::{MetricId, MetricType, Status};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{Exchange, FailureReason, Fate, Monitor, NO_UPSTREAM, OTHER, Observed, Pattern, SortedMap};
use nearmiss_envoy_exchange::counts::Counts;
use nearmiss_envoy_exchange::request::LeftOut;

/// All metrics of one plugin in one VM.
pub(crate) struct Metrics {
    max_upstreams: usize,
    series: Vec<Series>,
    /// Indices of `series`, sorted by the names of their upstreams.
    by_name: Vec<usize>,
    /// Indices of `series` by the monitor's upstream ids; only a cache.
    by_upstream: SortedMap<u32, usize>,
    left_out: [Option<MetricId>; LeftOut::COUNT],
    late: Option<MetricId>,
    suppressed: Option<MetricId>,
    invalid: Option<MetricId>,
    dropped: Option<MetricId>,
}

/// The metrics of one upstream; `None` until they are defined.
#[derive(Debug)]
struct Series {
    upstream: Box<str>,
    fates: [Option<MetricId>; Fate::COUNT],
    failures: [Option<MetricId>; FailureReason::COUNT],
    aborted: Option<MetricId>,
    attempts: Option<MetricId>,
    margin: Option<MetricId>,
    /// By pattern. There are eight patterns.
    episodes: Vec<(Pattern, Option<MetricId>)>,
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
            left_out: [None; LeftOut::COUNT],
            late: None,
            suppressed: None,
            invalid: None,
            dropped: None,
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
        let counts = Counts::of(observed, exchange);
        if let Some(series) = self.series.get_mut(index) {
            series.count(hostcalls, &counts, observed.verdict.margin_bp());
        }
        if counts.is_late {
            add(hostcalls, &mut self.late, 1, || "nearmiss.late_total".into());
        }
        if counts.is_invalid {
            add(hostcalls, &mut self.invalid, 1, || "nearmiss.invalid_total".into());
        }
        if counts.is_suppressed {
            add(hostcalls, &mut self.suppressed, 1, || "nearmiss.suppressed_total".into());
        }
    }

    /// Counts an exchange that is left out.
    pub(crate) fn count_left_out(&mut self, hostcalls: &Hostcalls, reason: LeftOut) {
        if let Some(metric) = self.left_out.get_mut(reason as usize) {
            add(hostcalls, metric, 1, || format!("nearmiss.reason=.={};.;left_out_total", reason.name()));
        }
    }

    /// Counts records that no sink got.
    pub(crate) fn count_dropped(&mut self, hostcalls: &Hostcalls, records: u64) {
        if records > 0 {
            let records = u32::try_from(records).unwrap_or(u32::MAX);
            add(hostcalls, &mut self.dropped, records, || "nearmiss.dropped_total".into());
        }
    }

    /// Counts an episode when it opens, by its first pattern.
    pub(crate) fn count_episode(&mut self, hostcalls: &Hostcalls, upstream: &str, pattern: Pattern) {
        let index = self.index_by_name(upstream);
        let Some(series) = self.series.get_mut(index) else { return };
        let (upstream, episodes) = (&series.upstream, &mut series.episodes);
        let index = episodes.iter().position(|(known, _)| *known == pattern).unwrap_or_else(|| {
            episodes.push((pattern, None));
            episodes.len() - 1
        });
        let Some((_, metric)) = episodes.get_mut(index) else { return };
        add(hostcalls, metric, 1, || {
            series_name(upstream, &format!("pattern=.={};.;episodes_total", pattern.name()))
        });
    }

    /// Counts one attempt of an exchange that is not judged.
    pub(crate) fn count_attempt(&mut self, hostcalls: &Hostcalls, upstream: &str) {
        let index = self.index_by_name(upstream);
        if let Some(series) = self.series.get_mut(index) {
            series.count_attempts(hostcalls, 1);
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
            Err(position) => self.add(position, name),
        }
    }

    /// Returns the index of the series of that name, or the position in `by_name` at which to insert it.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let name_at = |index: usize| self.series.get(index).map(|series| &*series.upstream);
        let position = self.by_name.partition_point(|index| name_at(*index) < Some(name));
        self.by_name.get(position).copied().filter(|index| name_at(*index) == Some(name)).ok_or(position)
    }

    /// Adds the series of an upstream, with no metric defined, and returns its index.
    fn add(&mut self, position: usize, upstream: &str) -> usize {
        let index = self.series.len();
        self.by_name.insert(position, index);
        self.series.push(Series {
            upstream: upstream.into(),
            fates: [None; Fate::COUNT],
            failures: [None; FailureReason::COUNT],
            aborted: None,
            attempts: None,
            margin: None,
            episodes: Vec::new(),
        });
        index
    }
}

impl Series {
    fn count(&mut self, hostcalls: &Hostcalls, counts: &Counts, margin_bp: Option<u16>) {
        let upstream = &self.upstream;
        if let Some(metric) = self.fates.get_mut(counts.fate as usize) {
            add(hostcalls, metric, 1, || {
                series_name(upstream, &format!("fate=.={};.;exchanges_total", counts.fate.name()))
            });
        }
        if let Some(reason) = counts.failed
            && let Some(metric) = self.failures.get_mut(reason as usize)
        {
            add(hostcalls, metric, 1, || {
                series_name(upstream, &format!("reason=.={};.;failed_total", reason.name()))
            });
        }
        if counts.is_aborted {
            add(hostcalls, &mut self.aborted, 1, || series_name(upstream, "aborted_total"));
        }
        if let Some(margin) = margin_bp {
            let metric = get_or_define(hostcalls, &mut self.margin, MetricType::Histogram, || {
                series_name(upstream, "margin_bp")
            });
            let _ = metric.and_then(|metric| hostcalls.record_metric(metric, margin.into()));
        }
        self.count_attempts(hostcalls, counts.attempts);
    }

    fn count_attempts(&mut self, hostcalls: &Hostcalls, attempts: u32) {
        if attempts > 0 {
            let upstream = &self.upstream;
            add(hostcalls, &mut self.attempts, attempts, || series_name(upstream, "attempts_total"));
        }
    }
}

/// Returns the name of a metric of an upstream. The characters of delimiters and control characters in the upstream's name become `_`:
/// behind them Envoy would find labels of another series, or none.
fn series_name(upstream: &str, metric: &str) -> String {
    let is_special = |byte: u8| matches!(byte, b';' | b'=') || byte.is_ascii_control();
    if upstream.bytes().any(is_special) {
        let label = upstream.replace(|character| u8::try_from(character).is_ok_and(is_special), "_");
        return series_name(&label, metric);
    }
    format!("nearmiss.upstream=.={upstream};.;{metric}")
}

fn add(hostcalls: &Hostcalls, metric: &mut Option<MetricId>, by: u32, name: impl FnOnce() -> String) {
    let metric = get_or_define(hostcalls, metric, MetricType::Counter, name);
    let _ = metric.and_then(|metric| hostcalls.increment_metric(metric, by.into()));
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

#[cfg(test)]
mod tests {
    use super::series_name;

    #[test]
    fn the_name_of_an_upstream_is_one_label() {
        let metric = "fate=.=failed;.;exchanges_total";
        for (upstream, label) in [
            ("cart", "cart"),
            ("a\nb", "a_b"),
            ("a;.;fate=.=clean;.;y", "a_._fate_._clean_._y"),
            ("a;.", "a_."),
        ] {
            let name = format!("nearmiss.upstream=.={label};.;{metric}");
            assert_eq!(series_name(upstream, metric), name, "{upstream:?}");
        }
    }
}
