//! Judging, counting and learning for one upstream.

use super::hosts::{HostPlace, Hosts, SettledHosts};
use super::open_bucket::{CandidateCounts, OpenBucket};
use super::slots::{HostCounts, MAX_ROUTES, RouteState};
use crate::baseline::Baseline;
use crate::counters::{CounterTotals, Counters};
use crate::exchange::Exchange;
use crate::flags::Flags;
use crate::histogram::Log2;
use crate::limits::{Limits, OtherLimits};
use crate::snapshots::{Snapshot, Snapshots};
use crate::thresholds::Thresholds;
use crate::timeline::{self, OpenAt};
use crate::top_k::{Candidates, Eviction, Seal, TopK, hash_of};
use crate::units::{Micros, Timestamp};
use crate::verdict::{Fate, LatencyBaseline, Past, Signals, Verdict, judge};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Everything kept about one upstream.
#[derive(Debug)]
pub(crate) struct UpstreamState {
    name: Box<str>,
    pub(crate) counters: Counters,
    /// Log records that could not be read. A worker does not send them: only readers of logs count them, which have no workers.
    pub(crate) unread: u32,
    pub(crate) last_seen: Timestamp,
    pub(super) baseline: Baseline,
    pub(super) hosts: Hosts,
    pub(super) routes: TopK<RouteState, MAX_ROUTES>,
    pub(super) open: Box<[OpenBucket]>,
    pub(super) snapshots: Snapshots,
}

/// The result of observing one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JudgedExchange {
    pub(crate) verdict: Verdict,
    /// Slot of the exchange's route, if the route is tracked.
    pub(crate) route: Option<u8>,
    pub(crate) log2: Log2,
    /// Place of the host that answered, if there was one attempt and its bucket counts the host.
    pub(crate) host: Option<HostPlace>,
}

/// Slots that a seal assigned.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    /// Route whose slot was reassigned.
    pub(crate) replaced_route: Option<u8>,
    pub(crate) hosts: SettledHosts,
}

impl UpstreamState {
    pub(crate) fn new(name: &str, open_buckets: usize, now: Timestamp) -> Self {
        let mut open = Vec::new();
        open.resize_with(open_buckets, OpenBucket::default);
        Self {
            name: name.into(),
            counters: Counters::default(),
            unread: 0,
            last_seen: now,
            baseline: Baseline::default(),
            hosts: TopK::default(),
            routes: TopK::default(),
            open: open.into_boxed_slice(),
            snapshots: Snapshots::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    pub(crate) fn routes(&self) -> &TopK<RouteState, MAX_ROUTES> {
        &self.routes
    }

    /// Judges an exchange by the snapshot that its time allows, counts it, and adds it to its bucket.
    pub(crate) fn observe(
        &mut self,
        exchange: &Exchange<'_>,
        others: OtherLimits,
        thresholds: &Thresholds,
        at: Option<OpenAt>,
        late: bool,
    ) -> JudgedExchange {
        self.last_seen = self.last_seen.max(exchange.ts);
        let served = exchange.service.unwrap_or(exchange.duration);
        let log2 = Log2::of(served);
        let latency = log2.bucket(served);
        let comparable = at.map_or(0, |at| at.comparable);
        let snapshot = self.snapshots.find(comparable.into());
        let route = exchange.route.and_then(|name| self.routes.find_at(hash_of(name), comparable));
        let known = Limits::reported(exchange).or(others.configured);
        let limits = applied_limits(known, exchange, others, snapshot);
        let baseline = snapshot.and_then(|snapshot| self.expected(route, exchange.route.is_some(), snapshot));
        let past = Past { baseline, late };
        let verdict = judge(exchange, &limits, thresholds, past).with_learned(known);

        self.counters.count(exchange, &verdict, latency_of_caller(exchange, latency));
        if let Some(at) = at {
            self.add_to_bucket(at, exchange, &verdict, latency, route);
        }
        let host = self.count_hosts(exchange, &verdict, at);
        if let Some(route) = route.and_then(|route| self.routes.get_mut(route)) {
            route.count(verdict.fate.is_near_miss());
        }
        JudgedExchange { verdict, route, log2, host }
    }

    /// Counts an exchange for which no upstream was chosen. Nothing is judged, but a cluster that does not exist is a failure.
    pub(crate) fn count_unjudged(&mut self, exchange: &Exchange<'_>) -> Verdict {
        self.last_seen = self.last_seen.max(exchange.ts);
        let mut verdict = Verdict::default();
        if exchange.flags.any(Flags::NC) {
            (verdict.fate, verdict.signals) = (Fate::Failed, Signals::FAILED);
        }
        let unjudged = Exchange { attempts: Some(0), ..Exchange::default() };
        self.counters.count(&unjudged, &verdict, Log2::of(exchange.duration).bucket(exchange.duration));
        verdict
    }

    /// Counts an exchange that another nearmiss judged and learned from.
    pub(crate) fn relay(&mut self, ts: Timestamp, fate: Fate) {
        self.last_seen = self.last_seen.max(ts);
        self.counters.relay(fate);
    }

    /// Returns the counters of the next summary.
    pub(crate) fn totals(&self) -> CounterTotals {
        CounterTotals { unread: self.unread.into(), ..CounterTotals::from(&self.counters) }
    }

    /// Returns the learned limit of attempts.
    pub(crate) fn learned_attempts(&self) -> Option<u8> {
        Some(self.snapshots.newest().max_attempts).filter(|attempts| *attempts > 0)
    }

    /// Seals a bucket: learns its content and pushes a snapshot. Does nothing if the bucket is empty. `next_comparable` is the
    /// newest seal with which the next bucket may be compared.
    pub(crate) fn seal(&mut self, bucket: u64, next_comparable: u64) -> Sealed {
        let index = self.open_index(bucket);
        let Some(open) = self.open.get_mut(index).filter(|open| open.filled && open.bucket == bucket) else {
            return Sealed::default();
        };
        open.filled = false;
        open.sample.sort();
        let snapshot = self.snapshots.next_index();
        let max_attempts = self.snapshots.newest().max_attempts.max(open.retry_limit);
        self.baseline.learn(open.sample.iter().map(|(flagged, _, latency)| (flagged, latency)), snapshot);
        for (slot, route) in self.routes.iter_mut().enumerate() {
            let of_route = open.sample.iter().filter(|(_, route, _)| usize::from(*route) == slot);
            route.baseline.learn(of_route.map(|(flagged, _, latency)| (flagged, latency)), snapshot);
        }
        open.sample.clear();
        open.retry_limit = 0;
        let used = core::mem::take(&mut open.used_routes);
        let new_routes = open.new_routes.take();
        let seal = Seal { bucket: bucket as u32, next_comparable: next_comparable as u32 };
        for slot in (0..MAX_ROUTES as u8).filter(|slot| used >> slot & 1 == 1) {
            self.routes.mark(slot, seal.bucket, 0);
        }
        let sealed = Sealed {
            replaced_route: self.routes.settle(new_routes, seal, Eviction::Idle, |_, _, _| ()),
            hosts: self.settle_hosts(seal),
        };
        let routes_full = self.routes.len() == MAX_ROUTES;
        self.snapshots.push(Snapshot { bucket: seal.bucket, max_attempts, routes_full });
        sealed
    }

    /// Resets the counts after a summary.
    pub(crate) fn clear_counts(&mut self) {
        self.counters.clear();
        self.unread = 0;
        for host in self.hosts.iter_mut() {
            *host = HostCounts::default();
        }
        for route in self.routes.iter_mut() {
            (route.exchanges, route.near_misses) = (0, 0);
        }
    }

    /// Returns true if any bucket waits for its seal.
    pub(crate) fn is_open(&self) -> bool {
        self.open.iter().any(|open| open.filled)
    }

    /// Returns the baseline for an exchange: the route's if the route is tracked, else the upstream's. While free route
    /// slots remain, an exchange on a new route has no baseline, because those of other routes would not fit it.
    pub(super) fn expected(
        &self,
        route: Option<u8>,
        named: bool,
        (index, snapshot): (usize, Snapshot),
    ) -> Option<LatencyBaseline> {
        match route.and_then(|route| self.routes.get(route)) {
            Some(route) => route.baseline.expected(index),
            None if named && !snapshot.routes_full => None,
            None => self.baseline.expected(index),
        }
    }

    /// Returns the index of an open bucket.
    pub(super) fn open_index(&self, bucket: u64) -> usize {
        timeline::open_index(bucket, self.open.len())
    }

    /// Adds an exchange to its open bucket, to be learned when the bucket is sealed.
    fn add_to_bucket(
        &mut self,
        at: OpenAt,
        exchange: &Exchange<'_>,
        verdict: &Verdict,
        latency: u8,
        route: Option<u8>,
    ) {
        self.use_route(at, exchange.route.map(|name| (hash_of(name), name)), route);
        let Some(open) = self.open.get_mut(at.index) else { return };
        if exchange.flags.any(Flags::URX)
            && let Some(attempts) = exchange.several_attempts()
        {
            open.retry_limit = open.retry_limit.max(attempts.min(255) as u8);
        }
        if is_comparable(exchange, verdict) {
            const FLAGGED: Signals = Signals::SLOW.with(Signals::TIMEOUT).with(Signals::DEADLINE);
            open.add_to_sample(exchange, verdict.signals.any(FLAGGED), route, latency);
        }
    }

    /// Begins an open bucket, and marks the route's slot as used in it; a route without a slot asks for one.
    pub(super) fn use_route(&mut self, at: OpenAt, name: Option<(u32, &str)>, slot: Option<u8>) {
        let Some(open) = self.open.get_mut(at.index) else { return };
        open.bucket = at.bucket;
        open.filled = true;
        match (slot, name) {
            (Some(slot), _) => open.used_routes |= 1 << slot,
            (None, Some((hash, name))) => {
                offer_route(&mut open.new_routes, hash, name, 1, self.routes.has_room(at.comparable));
            }
            (None, None) => {}
        }
    }
}

/// Counts exchanges of a route without a slot. Only an idle route gives up its slot.
pub(super) fn offer_route(
    routes: &mut Candidates<CandidateCounts>,
    hash: u32,
    name: &str,
    weight: u16,
    has_room: bool,
) {
    if !has_room {
        routes.refused = true;
    } else if let Some(new) = routes.offer(hash, 0, name) {
        new.weight = new.weight.saturating_add(weight);
    }
}

/// Returns the bucket of the duration that the caller saw; `served` is that of the time that the upstream took.
pub(super) fn latency_of_caller(exchange: &Exchange<'_>, served: u8) -> u8 {
    match exchange.service {
        Some(_) => Log2::of(exchange.duration).bucket(exchange.duration),
        None => served,
    }
}

/// Returns true if the duration of an exchange measures the upstream: one attempt, answered by the upstream itself.
fn is_comparable(exchange: &Exchange<'_>, verdict: &Verdict) -> bool {
    const UNUSUAL: Signals =
        Signals::FAILED.with(Signals::SAFETY_NETS).with(Signals::PARTIAL).with(Signals::ABORTED);
    exchange.attempts == Some(1)
        && !exchange.is_timeless()
        && verdict.fate != Fate::Rejected
        && !verdict.signals.any(UNUSUAL)
}

/// Returns the known limits of an exchange, and the learned ones where none is known. An attempt that took 3 % longer than
/// the learned timeout had another one.
pub(super) fn applied_limits(
    known: Limits,
    exchange: &Exchange<'_>,
    others: OtherLimits,
    snapshot: Option<(usize, Snapshot)>,
) -> Limits {
    let took = || exchange.answering_attempt().unwrap_or_default().get();
    let is_within = |timeout: &Micros| took().saturating_mul(100) <= timeout.get().saturating_mul(103);
    let max_attempts = snapshot.map(|(_, snapshot)| u32::from(snapshot.max_attempts));
    known.or(Limits {
        timeout: others.learned_timeout.filter(is_within),
        deadline: None,
        max_attempts: max_attempts.filter(|attempts| *attempts > 0),
    })
}
