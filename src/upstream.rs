//! What is remembered of one upstream, whatever passes through it: counts, what is usual, its hosts and routes.
//!
//! Fixed in size once its hosts and routes are known. What an open bucket of time gathers is learned when it is sealed, and only
//! in ways that do not depend on the order in which exchanges came.

use crate::baseline::{Baseline, Sample};
use crate::exchange::Exchange;
use crate::flags::Flags;
use crate::hash;
use crate::histogram::Log2;
use crate::limits::{self, Limits};
use crate::name;
use crate::snapshots::{Snapshot, Snapshots};
use crate::tally::Counters;
use crate::timeline::{self, Place, Timeline};
use crate::top_k::{MAX_SLOT_NAME, TopK, hash_of};
use crate::units::{Timestamp, Used};
use crate::verdict::{Fate, Signals, Usual, Verdict, judge};
use alloc::boxed::Box;
use alloc::vec::Vec;

mod share;

/// How many hosts of an upstream are told apart.
pub(crate) const MAX_HOSTS: usize = 8;
/// How many routes of an upstream are told apart.
pub(crate) const MAX_ROUTES: usize = 6;
/// A route that was not used for this many buckets, an hour, may be replaced.
const IDLE: u32 = 360;

/// One upstream.
#[derive(Debug)]
pub(crate) struct Upstream {
    name: Box<str>,
    pub(crate) counters: Counters,
    pub(crate) last_seen: Timestamp,
    baseline: Baseline,
    hosts: TopK<Host, MAX_HOSTS>,
    /// The hosts, as bits, that were behind something in the summary before: others do not get their slots.
    notable: u16,
    routes: TopK<Route, MAX_ROUTES>,
    open: Box<[OpenBucket]>,
    versions: Snapshots,
}

/// What a bucket gathers until it is sealed.
#[derive(Clone, Debug, Default)]
struct OpenBucket {
    bucket: u64,
    filled: bool,
    sample: Sample,
    /// The most attempts at which the retry limit was met.
    retry_limit: u8,
    /// New routes with the smallest hashes, in their order: those that are taken in.
    newcomers: Vec<(u32, Box<str>)>,
}

/// What is counted of one host since the last summary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Host {
    /// Attempts against it.
    pub(crate) attempts: u32,
    /// Those that failed.
    pub(crate) failed: u32,
    /// Near misses and failures that it is behind.
    pub(crate) blamed: u32,
}

/// What is counted of one route since the last summary, and what is usual on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    pub(crate) exchanges: u32,
    pub(crate) near_misses: u32,
    /// The bucket of its last exchange.
    last_used: u32,
    /// The sealed bucket that took it in; exchanges that may not be compared with that bucket do not know the route.
    since: u32,
    baseline: Baseline,
}

/// One exchange as it was taken in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) verdict: Verdict,
    /// The slot of its route, if the route is told apart.
    pub(crate) route: Option<u8>,
    pub(crate) log2: Log2,
    /// The slot of the host that answered, if there was one attempt and the host is told apart.
    pub(crate) host: Option<u8>,
    /// The hosts whose slots were given to others, as bits.
    pub(crate) replaced_hosts: u16,
}

/// What a seal changed in the tables of slots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sealed {
    /// The routes whose slots were given to others, as bits.
    pub(crate) replaced_routes: u8,
}

impl OpenBucket {
    /// Remembers a new route, if its hash is among the smallest: which ones are does not depend on their order.
    fn meet(&mut self, hash: u32, name: &str) {
        let rank = self.newcomers.partition_point(|(known, _)| *known < hash);
        if rank < MAX_ROUTES && self.newcomers.get(rank).is_none_or(|(known, _)| *known != hash) {
            self.newcomers.insert(rank, (hash, name::cut_to(name, MAX_SLOT_NAME).into()));
            self.newcomers.truncate(MAX_ROUTES);
        }
    }
}

impl Upstream {
    pub(crate) fn new(name: &str, open_buckets: usize, now: Timestamp) -> Self {
        let mut open = Vec::new();
        open.resize_with(open_buckets, OpenBucket::default);
        Self {
            name: name.into(),
            counters: Counters::default(),
            last_seen: now,
            baseline: Baseline::default(),
            hosts: TopK::default(),
            notable: 0,
            routes: TopK::default(),
            open: open.into_boxed_slice(),
            versions: Snapshots::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn hosts(&self) -> &TopK<Host, MAX_HOSTS> {
        &self.hosts
    }

    pub(crate) fn routes(&self) -> &TopK<Route, MAX_ROUTES> {
        &self.routes
    }

    /// Judges an exchange by what was known at its time, counts it, and lets its bucket learn from it.
    pub(crate) fn observe(
        &mut self,
        exchange: &Exchange<'_>,
        configured: Limits,
        tight: Used,
        place: Place,
        timeline: &Timeline,
    ) -> Taken {
        self.last_seen = self.last_seen.max(exchange.ts);
        let log2 = Log2::of(exchange.duration);
        let bucket = log2.bucket(exchange.duration);
        let comparable = match place {
            Place::Open(bucket) => timeline.comparable(bucket),
            Place::Late | Place::Ahead => 0,
        };
        let version = self.versions.find(comparable);
        let route = exchange.route.and_then(|name| self.known_route(hash_of(name), comparable));
        let (limits, learned_attempts) =
            limits(exchange, configured, version.map(|(_, version)| version).unwrap_or_default());
        let duration = limits::answering_attempt(exchange);
        let usual = version.and_then(|version| self.usual(route, exchange.route.is_some(), version));
        let mut verdict = judge(exchange, &limits, tight, duration, usual);
        verdict.learned_attempts = learned_attempts;
        verdict.late = place == Place::Late;

        self.counters.count(exchange, &verdict, bucket);
        let (host, replaced_hosts) = self.blame(exchange, &verdict);
        if let Some(route) = route.and_then(|route| self.routes.get_mut(route)) {
            route.exchanges = route.exchanges.saturating_add(1);
            route.near_misses = route.near_misses.saturating_add(u32::from(verdict.fate != Fate::Clean));
            let bucket = match place {
                Place::Open(bucket) => bucket,
                Place::Late | Place::Ahead => timeline::bucket_of(exchange.ts),
            };
            route.last_used = route.last_used.max(bucket as u32);
        }
        if let Place::Open(number) = place {
            self.learn_later(number, exchange, &verdict, bucket, route);
        }
        Taken { verdict, route, log2, host, replaced_hosts }
    }

    /// Counts an exchange for which no upstream was chosen: there is nothing to judge.
    pub(crate) fn count_unjudged(&mut self, exchange: &Exchange<'_>) -> Verdict {
        self.last_seen = self.last_seen.max(exchange.ts);
        let verdict = Verdict::default();
        let unjudged = Exchange { attempts: Some(0), ..Exchange::default() };
        self.counters.count(&unjudged, &verdict, Log2::of(exchange.duration).bucket(exchange.duration));
        verdict
    }

    /// Counts an exchange that another nearmiss has judged: it was learned from there.
    pub(crate) fn relay(&mut self, ts: Timestamp, fate: Fate) {
        self.last_seen = self.last_seen.max(ts);
        self.counters.relay(fate);
    }

    /// The most attempts that were seen to be allowed.
    pub(crate) fn learned_attempts(&self) -> Option<u8> {
        Some(self.versions.newest().max_attempts).filter(|attempts| *attempts > 0)
    }

    /// The slot of a host that is in the table.
    pub(crate) fn host(&self, name: &str) -> Option<u8> {
        self.hosts.find(hash_of(name))
    }

    /// Seals one bucket: what it gathered becomes a version. Nothing happens if it gathered nothing.
    pub(crate) fn seal(&mut self, bucket: u64) -> Sealed {
        let place = self.open_place(bucket);
        let Some(open) = self.open.get_mut(place).filter(|open| open.filled && open.bucket == bucket) else {
            return Sealed::default();
        };
        open.filled = false;
        open.sample.sort();
        let version = self.versions.next_place();
        let max_attempts = self.versions.newest().max_attempts.max(open.retry_limit);
        self.baseline.learn(open.sample.iter().map(|(flagged, _, latency)| (flagged, latency)), version);
        for (slot, route) in self.routes.iter_mut().enumerate() {
            let of_route = open.sample.iter().filter(|(_, route, _)| usize::from(*route) == slot);
            route.baseline.learn(of_route.map(|(flagged, _, latency)| (flagged, latency)), version);
        }
        open.sample.clear();
        open.retry_limit = 0;
        let newcomers = core::mem::take(&mut open.newcomers);
        let mut sealed = Sealed::default();
        for (hash, name) in newcomers {
            sealed.replaced_routes |= self.take_in_route(hash, &name, bucket).map_or(0, |slot| 1 << slot);
        }
        let routes_full = self.routes.len() == MAX_ROUTES;
        self.versions.push(Snapshot { bucket: bucket as u32, max_attempts, routes_full });
        sealed
    }

    /// Starts the counts anew; a summary has taken them.
    pub(crate) fn clear_counts(&mut self) {
        self.counters.clear();
        let behind = self.hosts.iter().enumerate().filter(|(_, (_, host))| host.blamed > 0);
        self.notable = behind.fold(0, |notable, (slot, _)| notable | 1 << slot);
        for host in self.hosts.iter_mut() {
            *host = Host::default();
        }
        for route in self.routes.iter_mut() {
            (route.exchanges, route.near_misses) = (0, 0);
        }
    }

    /// Whether any bucket waits for its seal.
    pub(crate) fn is_open(&self) -> bool {
        self.open.iter().any(|open| open.filled)
    }

    /// The slot of a route, if it was taken in by a seal that may be compared with.
    fn known_route(&self, hash: u32, comparable: u64) -> Option<u8> {
        let slot = self.routes.find(hash)?;
        self.routes.get(slot).filter(|route| u64::from(route.since) <= comparable).map(|_| slot)
    }

    /// What is usual for an exchange: on its route if that is told apart, else on the upstream. While routes are still
    /// being taken in, a new one is not measured by the others.
    fn usual(&self, route: Option<u8>, named: bool, (place, version): (usize, Snapshot)) -> Option<Usual> {
        match route.and_then(|route| self.routes.get(route)) {
            Some(route) => route.baseline.usual(place),
            None if named && !version.routes_full => None,
            None => self.baseline.usual(place),
        }
    }

    /// Where an open bucket is kept. Numbers of buckets fit into 32 bits, which are far quicker to divide.
    fn open_place(&self, bucket: u64) -> usize {
        (bucket as u32 % self.open.len().max(1) as u32) as usize
    }

    fn learn_later(
        &mut self,
        number: u64,
        exchange: &Exchange<'_>,
        verdict: &Verdict,
        latency: u8,
        route: Option<u8>,
    ) {
        let place = self.open_place(number);
        let Some(open) = self.open.get_mut(place) else { return };
        open.bucket = number;
        open.filled = true;
        if let Some(name) = exchange.route.filter(|_| route.is_none()) {
            open.meet(hash_of(name), name);
        }
        if exchange.flags.any(Flags::URX)
            && let Some(attempts) = exchange.attempts.filter(|attempts| *attempts > 1)
        {
            open.retry_limit = open.retry_limit.max(attempts.min(255) as u8);
        }
        if is_comparable(exchange, verdict) {
            const FLAGGED: Signals = Signals::SLOW.with(Signals::TIMEOUT).with(Signals::DEADLINE);
            let key = hash::mix(exchange.ts.micros() ^ exchange.duration.get().rotate_left(40));
            open.sample.offer(key, verdict.signals.any(FLAGGED), route, latency);
        }
    }

    /// Counts attempts for their hosts, and says which hosts are behind a near miss or a failure.
    ///
    /// Behind a retried exchange are the hosts whose attempts failed, never the one that answered in the end.
    /// Returns the slot of the host, if there is no log of attempts, and the hosts whose slots were given to others, as bits.
    fn blame(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) -> (Option<u8>, u16) {
        let is_behind = matches!(verdict.fate, Fate::Partial | Fate::Tight | Fate::Slow);
        let [before @ .., last] = exchange.attempt_log else {
            let failed = verdict.fate == Fate::Failed;
            return exchange
                .host
                .map_or((None, 0), |host| self.count_attempt(host, failed, failed || is_behind));
        };
        let mut replaced = 0;
        for attempt in before {
            if let Some(host) = attempt.host {
                replaced |= self.count_attempt(host, attempt.failed(), attempt.failed()).1;
            }
        }
        if let Some(host) = last.host {
            replaced |= self.count_attempt(host, last.failed(), last.failed() || is_behind).1;
        }
        (None, replaced)
    }

    /// Counts one attempt; returns the slot of its host, and that slot as a bit if it was another's.
    fn count_attempt(&mut self, name: &str, failed: bool, blamed: bool) -> (Option<u8>, u16) {
        let (slot, replaced) = self.host_slot(hash_of(name), name, blamed);
        if let Some(host) = slot.and_then(|slot| self.hosts.get_mut(slot)) {
            host.attempts = host.attempts.saturating_add(1);
            host.failed = host.failed.saturating_add(u32::from(failed));
            host.blamed = host.blamed.saturating_add(u32::from(blamed));
        }
        (slot, replaced)
    }

    /// The slot of a host, which is given one if there is room; and that slot as a bit if it was another's.
    fn host_slot(&mut self, hash: u32, name: &str, blamed: bool) -> (Option<u8>, u16) {
        let mut replaced = 0;
        let slot = self.hosts.find(hash).or_else(|| self.hosts.push(hash, name)).or_else(|| {
            // The table is full: one that is behind something takes the slot of one that is behind nothing.
            let is_behind_nothing =
                |(slot, (_, host)): (usize, (&str, &Host))| host.blamed == 0 && self.notable >> slot & 1 == 0;
            let idle = self.hosts.iter().enumerate().position(is_behind_nothing);
            let slot = idle.filter(|_| blamed)? as u8;
            self.hosts.replace(slot, hash, name);
            replaced = 1 << slot;
            Some(slot)
        });
        (slot, replaced)
    }

    /// Gives a new route a slot: a free one, or that of a route that was idle for an hour.
    fn take_in_route(&mut self, hash: u32, name: &str, bucket: u64) -> Option<u8> {
        if self.routes.find(hash).is_some() {
            return None;
        }
        let now = bucket as u32;
        let free = self.routes.push(hash, name);
        let replaced = if free.is_none() {
            let is_idle = |route: &Route| now.saturating_sub(route.last_used) > IDLE;
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

/// Whether the duration of an exchange says how fast the upstream is: one attempt, answered by the upstream itself.
fn is_comparable(exchange: &Exchange<'_>, verdict: &Verdict) -> bool {
    exchange.attempts == Some(1)
        && !exchange.stream
        && exchange.status != 101
        && !verdict.is_aborted()
        && !verdict.signals.any(Signals::FAILED.with(Signals::SAFETY_NETS).with(Signals::PARTIAL))
}

/// The exchange's own limits, else the configured ones, else what was learned; and whether the attempts were.
fn limits(exchange: &Exchange<'_>, configured: Limits, version: Snapshot) -> (Limits, bool) {
    let told = Limits {
        timeout: exchange.timeout,
        deadline: exchange.deadline,
        max_attempts: exchange.max_attempts,
    };
    let mut limits = told.or(configured);
    let use_learned = limits.max_attempts.is_none() && version.max_attempts > 0;
    if use_learned {
        limits.max_attempts = Some(version.max_attempts.into());
    }
    (limits, use_learned)
}
