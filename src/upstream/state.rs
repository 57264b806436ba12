//! Judging, counting and learning for one upstream.

use super::open_bucket::OpenBucket;
use super::slots::{HostCounts, MAX_HOSTS, MAX_ROUTES, RouteState};
use crate::baseline::Baseline;
use crate::counters::{CounterTotals, Counters};
use crate::exchange::Exchange;
use crate::flags::Flags;
use crate::hash;
use crate::histogram::Log2;
use crate::limits::Limits;
use crate::snapshots::{Snapshot, Snapshots};
use crate::thresholds::Thresholds;
use crate::timeline::{self, Placement, Timeline};
use crate::top_k::{TopK, hash_of};
use crate::units::Timestamp;
use crate::verdict::{Fate, LatencyBaseline, Past, Signals, Verdict, judge};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Buckets, one hour, after which the slot of an unused route may be reassigned.
const IDLE: u32 = 360;

/// Everything kept about one upstream.
#[derive(Debug)]
pub(crate) struct UpstreamState {
    name: Box<str>,
    pub(crate) counters: Counters,
    /// Log records that could not be read. A worker does not send them: only readers of logs count them, which have no workers.
    pub(crate) unread: u32,
    pub(crate) last_seen: Timestamp,
    pub(super) baseline: Baseline,
    pub(super) hosts: TopK<HostCounts, MAX_HOSTS>,
    /// Hosts that were blamed in the previous summary, as a bit mask: they keep their slots.
    blamed_before: u16,
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
    /// Slot of the host that answered, if there was one attempt and the host is tracked.
    pub(crate) host: Option<u8>,
    /// Hosts whose slots were reassigned, as a bit mask.
    pub(crate) replaced_hosts: u16,
}

/// Slots that a seal reassigned.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sealed {
    /// Routes whose slots were reassigned, as a bit mask.
    pub(crate) replaced_routes: u8,
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
            blamed_before: 0,
            routes: TopK::default(),
            open: open.into_boxed_slice(),
            snapshots: Snapshots::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn hosts(&self) -> &TopK<HostCounts, MAX_HOSTS> {
        &self.hosts
    }

    pub(crate) fn routes(&self) -> &TopK<RouteState, MAX_ROUTES> {
        &self.routes
    }

    /// Judges an exchange by the snapshot that its time allows, counts it, and adds it to its bucket.
    pub(crate) fn observe(
        &mut self,
        exchange: &Exchange<'_>,
        configured: Limits,
        thresholds: &Thresholds,
        placement: Placement,
        timeline: &Timeline,
    ) -> JudgedExchange {
        self.last_seen = self.last_seen.max(exchange.ts);
        let served = exchange.service.unwrap_or(exchange.duration);
        let log2 = Log2::of(served);
        let latency = log2.bucket(served);
        let comparable = match placement {
            Placement::Open(bucket) => timeline.comparable(bucket),
            Placement::Late | Placement::Ahead => 0,
        };
        let snapshot = self.snapshots.find(comparable);
        let route = exchange.route.and_then(|name| self.known_route(hash_of(name), comparable));
        let (limits, learned_attempts) =
            limits(exchange, configured, snapshot.map(|(_, snapshot)| snapshot).unwrap_or_default());
        let baseline = snapshot.and_then(|snapshot| self.expected(route, exchange.route.is_some(), snapshot));
        let past = Past { baseline, late: placement == Placement::Late };
        let mut verdict = judge(exchange, &limits, thresholds, past);
        verdict.learned_attempts = learned_attempts;

        self.counters.count(exchange, &verdict, latency_of_caller(exchange, latency));
        let (host, replaced_hosts) = self.count_hosts(exchange, &verdict);
        if let Some(route) = route.and_then(|route| self.routes.get_mut(route)) {
            route.exchanges = route.exchanges.saturating_add(1);
            route.near_misses = route.near_misses.saturating_add(u32::from(verdict.fate != Fate::Clean));
            let bucket = match placement {
                Placement::Open(bucket) => bucket,
                Placement::Late | Placement::Ahead => timeline::bucket_of(exchange.ts),
            };
            route.last_used = route.last_used.max(bucket as u32);
        }
        if let Placement::Open(bucket) = placement {
            self.add_to_bucket(bucket, exchange, &verdict, latency, route);
        }
        JudgedExchange { verdict, route, log2, host, replaced_hosts }
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

    /// Returns the slot of a tracked host.
    pub(crate) fn host(&self, name: &str) -> Option<u8> {
        self.hosts.find(hash_of(name))
    }

    /// Seals a bucket: learns its content and pushes a snapshot. Does nothing if the bucket is empty.
    pub(crate) fn seal(&mut self, bucket: u64) -> Sealed {
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
        let new_routes = core::mem::take(&mut open.new_routes);
        let mut sealed = Sealed::default();
        for (hash, name) in new_routes {
            sealed.replaced_routes |= self.add_route(hash, &name, bucket).map_or(0, |slot| 1 << slot);
        }
        let routes_full = self.routes.len() == MAX_ROUTES;
        self.snapshots.push(Snapshot { bucket: bucket as u32, max_attempts, routes_full });
        sealed
    }

    /// Resets the counts after a summary.
    pub(crate) fn clear_counts(&mut self) {
        self.counters.clear();
        self.unread = 0;
        let blamed = self.hosts.iter().enumerate().filter(|(_, (_, host))| host.blamed > 0);
        self.blamed_before = blamed.fold(0, |mask, (slot, _)| mask | 1 << slot);
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

    /// Returns the slot of a route, if the seal that added it may be compared with.
    fn known_route(&self, hash: u32, comparable: u64) -> Option<u8> {
        let slot = self.routes.find(hash)?;
        self.routes.get(slot).filter(|route| u64::from(route.since) <= comparable).map(|_| slot)
    }

    /// Returns the baseline for an exchange: the route's if the route is tracked, else the upstream's. While free route
    /// slots remain, an exchange on a new route has no baseline, because those of other routes would not fit it.
    fn expected(
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

    /// Returns the index of an open bucket. Bucket numbers fit into 32 bits, which divide far faster than 64.
    pub(super) fn open_index(&self, bucket: u64) -> usize {
        (bucket as u32 % self.open.len().max(1) as u32) as usize
    }

    /// Adds an exchange to its open bucket, to be learned when the bucket is sealed.
    fn add_to_bucket(
        &mut self,
        bucket: u64,
        exchange: &Exchange<'_>,
        verdict: &Verdict,
        latency: u8,
        route: Option<u8>,
    ) {
        let index = self.open_index(bucket);
        let Some(open) = self.open.get_mut(index) else { return };
        open.bucket = bucket;
        open.filled = true;
        if let Some(name) = exchange.route.filter(|_| route.is_none()) {
            open.offer_route(hash_of(name), name);
        }
        if exchange.flags.any(Flags::URX)
            && let Some(attempts) = exchange.several_attempts()
        {
            open.retry_limit = open.retry_limit.max(attempts.min(255) as u8);
        }
        if is_comparable(exchange, verdict) {
            const FLAGGED: Signals = Signals::SLOW.with(Signals::TIMEOUT).with(Signals::DEADLINE);
            let key = hash::mix(exchange.ts.micros() ^ exchange.duration.get().rotate_left(40));
            open.sample.offer(key, verdict.signals.any(FLAGGED), route, latency);
        }
    }

    /// Counts attempts by host, and blames hosts for a near miss or a failure.
    ///
    /// For a retried exchange the hosts whose attempts failed are blamed, never the one that answered in the end.
    /// Returns the slot of the host if there is no attempt log, and the hosts whose slots were reassigned, as a bit
    /// mask.
    fn count_hosts(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) -> (Option<u8>, u16) {
        let is_cause = matches!(verdict.fate, Fate::Partial | Fate::Tight | Fate::Slow);
        let [before @ .., last] = exchange.attempt_log else {
            let failed = verdict.fate.is_failure();
            return exchange
                .host
                .map_or((None, 0), |host| self.count_attempt(host, failed, failed || is_cause));
        };
        let mut replaced = 0;
        for attempt in before {
            if let Some(host) = attempt.host {
                replaced |= self.count_attempt(host, attempt.failed(), attempt.failed()).1;
            }
        }
        if let Some(host) = last.host {
            replaced |= self.count_attempt(host, last.failed(), last.failed() || is_cause).1;
        }
        (None, replaced)
    }

    /// Counts one attempt. Returns the slot of its host, and that slot as a bit mask if it was reassigned.
    fn count_attempt(&mut self, name: &str, failed: bool, blamed: bool) -> (Option<u8>, u16) {
        let (slot, replaced) = self.host_slot(hash_of(name), name, blamed);
        if let Some(host) = slot.and_then(|slot| self.hosts.get_mut(slot)) {
            host.attempts = host.attempts.saturating_add(1);
            host.failed = host.failed.saturating_add(u32::from(failed));
            host.blamed = host.blamed.saturating_add(u32::from(blamed));
        }
        (slot, replaced)
    }

    /// Finds or assigns the slot of a host. Returns it, and that slot as a bit mask if it was reassigned.
    pub(super) fn host_slot(&mut self, hash: u32, name: &str, blamed: bool) -> (Option<u8>, u16) {
        let mut replaced = 0;
        let slot = self.hosts.find(hash).or_else(|| self.hosts.push(hash, name)).or_else(|| {
            // The table is full: a host to blame takes the slot of one that is not blamed for anything.
            let is_blameless = |(slot, (_, host)): (usize, (&str, &HostCounts))| {
                host.blamed == 0 && self.blamed_before >> slot & 1 == 0
            };
            let idle = self.hosts.iter().enumerate().position(is_blameless);
            let slot = idle.filter(|_| blamed)? as u8;
            self.hosts.replace(slot, hash, name);
            replaced = 1 << slot;
            Some(slot)
        });
        (slot, replaced)
    }

    /// Assigns a slot to a new route: a free one, or that of a route without traffic for an hour. Returns the slot if
    /// it was reassigned.
    fn add_route(&mut self, hash: u32, name: &str, bucket: u64) -> Option<u8> {
        if self.routes.find(hash).is_some() {
            return None;
        }
        let now = bucket as u32;
        let free = self.routes.push(hash, name);
        let replaced = if free.is_none() {
            let is_idle = |route: &RouteState| now.saturating_sub(route.last_used) > IDLE;
            let idle = self.routes.iter().position(|(_, route)| is_idle(route))? as u8;
            self.routes.replace(idle, hash, name);
            Some(idle)
        } else {
            None
        };
        if let Some(route) = free.or(replaced).and_then(|slot| self.routes.get_mut(slot)) {
            (route.since, route.last_used) = (now, now);
        }
        replaced
    }
}

/// Returns the bucket of the duration that the caller saw; `served` is that of the time that the upstream took.
fn latency_of_caller(exchange: &Exchange<'_>, served: u8) -> u8 {
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

/// Returns the exchange's own limits, else the configured ones, else the learned ones; and true if the attempts were
/// learned.
fn limits(exchange: &Exchange<'_>, configured: Limits, snapshot: Snapshot) -> (Limits, bool) {
    let mut limits = Limits::reported(exchange).or(configured);
    let use_learned = limits.max_attempts.is_none() && snapshot.max_attempts > 0;
    if use_learned {
        limits.max_attempts = Some(snapshot.max_attempts.into());
    }
    (limits, use_learned)
}
