//! Counters in the proxy's statistics.
//!
//! There is no call for labels, so they are part of the name, delimited the way Istio's rules and the `stats_tags` in
//! `docs/envoy.md` take apart. A series is defined when it first counts something. The first `max_upstreams` upstreams
//! have series of their own, the rest share those of `other`: statistics are never freed.

use crate::host::{Answer, Call, Metric, MetricKind};
use crate::ids::IdMap;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::json::outline::Members;
use nearmiss::{Exchange, Fate, Monitor, NO_UPSTREAM, OTHER, Observed};

/// All series of one plugin in one VM.
pub(crate) struct Metrics {
    max: usize,
    series: Vec<Series>,
    /// Places of series, in the order of their upstreams' names.
    by_name: Vec<usize>,
    /// Which series an upstream of the monitor counts in; only a cache.
    by_upstream: IdMap<usize>,
    late: Option<Metric>,
    suppressed: Option<Metric>,
    invalid: Option<Metric>,
}

/// The series of one upstream, as far as they are defined.
#[derive(Debug)]
struct Series {
    upstream: Box<str>,
    fates: [Option<Metric>; Fate::COUNT],
    attempts: Option<Metric>,
    margin: Option<Metric>,
    /// By pattern; there are eight.
    episodes: Vec<(Box<str>, Option<Metric>)>,
}

/// Names that stand for others and do not count against the bound.
const STAND_INS: usize = 2;

impl Metrics {
    /// No series yet, and never more upstreams than `max`.
    pub(crate) fn new(max: u32) -> Self {
        Self {
            max: max as usize,
            series: Vec::new(),
            by_name: Vec::new(),
            by_upstream: IdMap::default(),
            late: None,
            suppressed: None,
            invalid: None,
        }
    }

    /// Takes another bound; what is defined stays.
    pub(crate) fn bound(&mut self, max: u32) {
        self.max = max as usize;
    }

    /// Counts one exchange.
    pub(crate) fn count(
        &mut self,
        call: &Call,
        monitor: &Monitor,
        observed: &Observed,
        exchange: &Exchange<'_>,
    ) {
        let place = self.place(monitor, observed);
        let verdict = &observed.verdict;
        if let Some(series) = self.series.get_mut(place) {
            series.count(call, exchange, observed);
        }
        if verdict.late {
            add(call, &mut self.late, 1, || "nearmiss.late_total".into());
        }
        if exchange.attempts.is_none() && !exchange.upstream.is_empty() {
            add(call, &mut self.invalid, 1, || "nearmiss.invalid_total".into());
        }
        let is_judged = verdict.fate != Fate::Clean;
        if is_judged && !observed.recorded {
            add(call, &mut self.suppressed, 1, || "nearmiss.suppressed_total".into());
        }
    }

    /// Counts an episode when it opens, by its first pattern.
    pub(crate) fn count_episode(&mut self, call: &Call, record: &str) {
        let Some((upstream, pattern)) = opened(record) else { return };
        let place = self.place_of(upstream);
        let Some(series) = self.series.get_mut(place) else { return };
        let (upstream, episodes) = (&series.upstream, &mut series.episodes);
        let place = episodes.iter().position(|(known, _)| **known == *pattern).unwrap_or_else(|| {
            episodes.push((pattern.into(), None));
            episodes.len() - 1
        });
        let Some((_, metric)) = episodes.get_mut(place) else { return };
        add(call, metric, 1, || {
            format!("nearmiss.upstream=.={upstream};.;pattern=.={pattern};.;episodes_total")
        });
    }

    /// Counts one attempt of an exchange that is not judged.
    pub(crate) fn count_attempt(&mut self, call: &Call, upstream: &str) {
        let place = self.place_of(upstream);
        if let Some(series) = self.series.get_mut(place) {
            series.count_attempts(call, 1);
        }
    }

    /// The series an upstream of the monitor counts in.
    fn place(&mut self, monitor: &Monitor, observed: &Observed) -> usize {
        let id = observed.upstream.get();
        if let Some(place) = self.by_upstream.get(&id) {
            return *place;
        }
        let place = self.place_of(monitor.upstream_name(observed.upstream).unwrap_or(OTHER));
        if self.by_upstream.len() > self.max.saturating_mul(2).saturating_add(STAND_INS) {
            self.by_upstream.clear();
        }
        self.by_upstream.insert(id, place);
        place
    }

    /// The series of that name, or of `other` if there is no room for one more.
    fn place_of(&mut self, name: &str) -> usize {
        let stands_for_others = name == OTHER || name == NO_UPSTREAM;
        let is_full = self.series.len() >= self.max.saturating_add(STAND_INS);
        match self.rank(name) {
            Ok(place) => place,
            Err(_) if is_full && !stands_for_others => self.place_of(OTHER),
            Err(rank) => self.add(rank, name),
        }
    }

    /// The place of the series of that name, or where its place belongs in the order of names.
    fn rank(&self, name: &str) -> Result<usize, usize> {
        let name_at = |place: usize| self.series.get(place).map(|series| &*series.upstream);
        let rank = self.by_name.partition_point(|place| name_at(*place) < Some(name));
        self.by_name.get(rank).copied().filter(|place| name_at(*place) == Some(name)).ok_or(rank)
    }

    /// A new upstream, nothing of it defined yet.
    fn add(&mut self, rank: usize, upstream: &str) -> usize {
        let place = self.series.len();
        self.by_name.insert(rank, place);
        self.series.push(Series {
            upstream: upstream.into(),
            fates: [None; Fate::COUNT],
            attempts: None,
            margin: None,
            episodes: Vec::new(),
        });
        place
    }
}

impl Series {
    fn count(&mut self, call: &Call, exchange: &Exchange<'_>, observed: &Observed) {
        let (verdict, upstream) = (&observed.verdict, &self.upstream);
        if let Some(metric) = self.fates.get_mut(verdict.fate as usize) {
            add(call, metric, 1, || {
                format!("nearmiss.upstream=.={upstream};.;fate=.={};.;exchanges_total", verdict.fate.name())
            });
        }
        if let Some(margin) = verdict.margin_bp().filter(|_| !verdict.is_aborted()) {
            let metric = defined(call, &mut self.margin, MetricKind::Histogram, || {
                format!("nearmiss.upstream=.={upstream};.;margin_bp")
            });
            let _ = metric.and_then(|metric| call.record(metric, margin.into()));
        }
        self.count_attempts(call, exchange.attempts.unwrap_or(1));
    }

    fn count_attempts(&mut self, call: &Call, attempts: u32) {
        if attempts > 0 {
            let upstream = &self.upstream;
            add(call, &mut self.attempts, attempts, || {
                format!("nearmiss.upstream=.={upstream};.;attempts_total")
            });
        }
    }
}

fn add(call: &Call, metric: &mut Option<Metric>, by: u32, name: impl FnOnce() -> String) {
    let metric = defined(call, metric, MetricKind::Counter, name);
    let _ = metric.and_then(|metric| call.increment(metric, by));
}

fn defined(
    call: &Call,
    metric: &mut Option<Metric>,
    kind: MetricKind,
    name: impl FnOnce() -> String,
) -> Answer<Metric> {
    if let Some(metric) = *metric {
        return Ok(metric);
    }
    let new = call.define(kind, &name())?;
    *metric = Some(new);
    Ok(new)
}

/// The upstream and the pattern of an episode's record, if it opens one.
fn opened(record: &str) -> Option<(&str, &str)> {
    let fields = Members::of(record);
    let word = |key| fields.find(key)?.strip_prefix('"')?.strip_suffix('"');
    (word("phase")? == "open").then_some((word("upstream")?, word("pattern")?))
}

#[cfg(test)]
mod tests {
    use super::opened;

    #[test]
    fn an_episode_counts_when_it_opens() {
        let record = r#"{"schema":1,"type":"episode","phase":"open","id":"cart-1795423550","upstream":"cart","pattern":"burst"}"#;
        assert_eq!(opened(record), Some(("cart", "burst")));
        assert_eq!(opened(&record.replace("open", "close")), None);
        assert_eq!(opened("{}"), None);
    }
}
