//! The way of one exchange through the core: its place in time, its verdict, and the episode detector.

use super::Monitor;
use crate::config::UpstreamConfig;
use crate::episode::Observation;
use crate::exchange::{Exchange, Substitute};
use crate::fleet::UpstreamId;
use crate::limits::{Limits, OtherLimits};
use crate::name;
use crate::timeline::Placement;
use crate::upstream::JudgedExchange;
use crate::verdict::{Fate, Verdict};

/// Result of observing one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    /// Upstream that it counts under; [`Monitor::upstream_name`] returns the name.
    pub upstream: UpstreamId,
    /// Verdict.
    pub verdict: Verdict,
    /// Number of attempts that went to a host; `None` if it is unknown.
    pub attempts: Option<u32>,
    /// True if a record of it is the last one in the queue.
    pub recorded: bool,
}

/// Way of an exchange through the core.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Way {
    /// The short way if it is plain.
    ShortIfPlain,
    /// The long way, for a test that compares both.
    #[cfg(test)]
    Long,
}

impl Monitor {
    /// Judges and counts one exchange, after the wakes that were due before it.
    pub fn observe(&mut self, exchange: &Exchange<'_>) -> Observed {
        self.observe_by(exchange, Way::ShortIfPlain)
    }

    #[inline]
    pub(super) fn observe_by(&mut self, exchange: &Exchange<'_>, way: Way) -> Observed {
        let place = self.timeline.arrive(exchange.ts);
        self.run_due();
        let index = self.lookup_reported(exchange.upstream, exchange.ts);
        let configured = self.configured(exchange.upstream);
        let configured_limits = configured.map(UpstreamConfig::limits).unwrap_or_default();
        let is_fallback = exchange.substitute.is_none()
            && configured.zip(exchange.host).is_some_and(|(upstream, host)| upstream.is_fallback_host(host));
        if self.fleet.get(index).is_some_and(|entry| self.is_full(&entry.upstream.counters)) {
            // Flush early, before a counter overflows.
            self.flush_counts(index, self.timeline.watermark().unwrap_or(exchange.ts));
        }
        if let Placement::Open(bucket) = place
            && way == Way::ShortIfPlain
            && exchange.is_plain()
            && exchange.attempt_log.len() <= 1
            && !is_fallback
            && let Some(observed) = self.observe_plain(index, exchange, configured_limits, bucket)
        {
            return observed;
        }
        match normalized(exchange, is_fallback) {
            Some(exchange) => self.observe_any(index, &exchange, configured_limits, place),
            None => self.observe_any(index, exchange, configured_limits, place),
        }
    }

    /// Observes a plain exchange with at most one logged attempt; `None` if it takes the long way.
    #[inline]
    fn observe_plain(
        &mut self,
        index: usize,
        exchange: &Exchange<'_>,
        configured: Limits,
        bucket: u64,
    ) -> Option<Observed> {
        let at = self.timeline.open_at(bucket);
        let entry = self.fleet.get_mut(index).filter(|entry| !entry.is_none)?;
        let limits = OtherLimits { configured, learned_timeout: entry.detector.learned_timeout_in(bucket) };
        let judged = entry.upstream.observe_plain(exchange, limits, self.config.tight_margin, at)?;
        if let Some(hosts) = entry.upstream.hosts_in(at) {
            let JudgedExchange { ref verdict, route, log2, host } = judged;
            entry.detector.observe_plain(
                bucket,
                &Observation { exchange, verdict, route, log2, host },
                hosts,
            );
        }
        Some(Observed {
            upstream: entry.id,
            verdict: judged.verdict,
            attempts: exchange.attempts,
            recorded: false,
        })
    }

    fn observe_any(
        &mut self,
        index: usize,
        exchange: &Exchange<'_>,
        configured: Limits,
        place: Placement,
    ) -> Observed {
        let thresholds = self.config.thresholds();
        let Some(entry) = self.fleet.get_mut(index) else {
            // `lookup` only returns indices that exist.
            return Observed {
                upstream: UpstreamId::default(),
                verdict: Verdict::default(),
                attempts: exchange.attempts,
                recorded: false,
            };
        };
        if entry.is_none {
            let (upstream, verdict) = (entry.id, entry.upstream.count_unjudged(exchange));
            // Whatever the host counted, no attempt went to a host.
            let recorded = verdict.fate != Fate::Clean
                && self.record_exchange(index, &Exchange { attempts: None, ..exchange.clone() }, &verdict);
            return Observed { upstream, verdict, attempts: Some(0), recorded };
        }
        let at = match place {
            Placement::Open(bucket) => Some(self.timeline.open_at(bucket)),
            Placement::Late | Placement::Ahead => None,
        };
        let learned_timeout = at.and_then(|at| entry.detector.learned_timeout_in(at.bucket));
        let limits = OtherLimits { configured, learned_timeout };
        let judged = entry.upstream.observe(exchange, limits, &thresholds, at, place == Placement::Late);
        if let Some(at) = at
            && let Some(hosts) = entry.upstream.hosts_in(at)
        {
            let JudgedExchange { ref verdict, route, log2, host } = judged;
            entry.detector.observe(at.bucket, &Observation { exchange, verdict, route, log2, host }, hosts);
        }
        let upstream = entry.id;
        let recorded = self.record_exchange(index, exchange, &judged.verdict);
        Observed { upstream, verdict: judged.verdict, attempts: exchange.attempts, recorded }
    }

    /// Returns the configuration of the upstream that the host reports by this name.
    fn configured(&self, reported: &str) -> Option<&UpstreamConfig> {
        // Most configurations have none.
        if self.config.upstreams.is_empty() {
            None
        } else {
            self.config.upstream(&name::upstream_name(reported))
        }
    }
}

/// Returns the exchange with its route cut at `?`, without an attempt that went to no host and with a fallback host marked, if any of
/// these applies.
fn normalized<'a>(exchange: &Exchange<'a>, is_fallback: bool) -> Option<Exchange<'a>> {
    let has_query = exchange.has_query();
    let attempts = exchange.attempts_at_hosts();
    let without_query = |route: &'a str| route.split('?').next();
    (has_query || is_fallback || attempts != exchange.attempts).then(|| Exchange {
        route: exchange.route.and_then(without_query),
        attempts,
        substitute: if is_fallback { Some(Substitute::Fallback) } else { exchange.substitute },
        ..exchange.clone()
    })
}
