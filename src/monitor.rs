//! The façade: exchanges in, verdicts and records out.
//!
//! *Drain rule:* after each [`observe`](Monitor::observe), [`wake`](Monitor::wake) and [`finish`](Monitor::finish), call
//! [`poll_record`](Monitor::poll_record) until it returns `None`. Records wait for it, in memory.

use crate::config::{Config, Hosts};
use crate::episode::EpisodeEngine;
use crate::exchange::Exchange;
use crate::fleet::{Fleet, UpstreamId};
use crate::name::{self, NO_UPSTREAM};
use crate::outbox::Outbox;
use crate::record::{self, Head, HostNames, Record, Span};
use crate::record_rate::RecordRate;
use crate::siphash::SipKey;
use crate::timeline::{self, Feed, Timeline};
use crate::units::{Micros, Timestamp};
use crate::upstream::UpstreamState;
use crate::verdict::{Fate, Verdict};
use alloc::string::String;
use alloc::sync::Arc;
use delta::ReadyDeltas;
use last_upstream::LastUpstream;
use pass::Pass;

mod delta;
mod episodes;
mod last_upstream;
mod lookup;
mod observed;
mod pass;
mod passes;
mod share;
mod steps;

pub use delta::{Delta, Unreadable};
pub use observed::Observed;
pub use steps::Steps;

/// Judges exchanges of many upstreams and turns near misses into records.
///
/// *Drain rule:* after each call that may emit records, call [`poll_record`](Self::poll_record) until it returns `None`.
///
/// ```
/// use nearmiss::{Config, Exchange, Fate, Feed, Head, Monitor, Timestamp};
///
/// let mut monitor = Monitor::new(Config::default(), Feed::Log, "example");
/// let ts = Timestamp::from_seconds(1_795_423_554);
/// let exchange = Exchange { ts, upstream: "cart", status: 200, attempts: Some(2), ..Exchange::default() };
/// let observed = monitor.observe(&exchange);
/// assert_eq!(monitor.upstream_name(observed.upstream), Some("cart"));
///
/// monitor.finish();
/// let mut heads = Vec::new();
/// while let Some(record) = monitor.poll_record() {
///     heads.push(record.head);
/// }
/// assert!(matches!(heads[..], [Head::Exchange { fate: Fate::Retried, .. }, Head::Summary { .. }]));
/// ```
#[derive(Debug)]
pub struct Monitor {
    config: Arc<Config>,
    /// Key of host hashes, unless the configuration has one.
    hosts_key: Option<SipKey>,
    feed: Feed,
    source: String,
    timeline: Timeline,
    fleet: Fleet,
    last_upstream: LastUpstream,
    engine: EpisodeEngine,
    outbox: Outbox,
    /// Rate of the exchange records of all upstreams.
    rate: RecordRate,
    /// Time of the next summaries: the next multiple of `summary_every`.
    summary_due: Timestamp,
    /// The seal or the summaries that [`wake_in_steps`](Self::wake_in_steps) has begun.
    pass: Option<Pass>,
    /// Deltas ready for the reporter; `Some` in a worker only.
    ready: Option<ReadyDeltas>,
    /// End of the latest bucket that was absorbed.
    absorbed: Timestamp,
    /// When the configured upstreams without an exchange are due; unset before the first question.
    unmatched_due: Option<Timestamp>,
}

/// Time in which every configured upstream should have had an exchange.
const UNMATCHED_AFTER: Micros = Micros::from_seconds(600);

impl Monitor {
    /// Returns a monitor without history. `source` names this run of this instance (host, worker, start time) in summaries.
    pub fn new(config: impl Into<Arc<Config>>, feed: Feed, source: &str) -> Self {
        let config = config.into();
        let reorder = config.reorder.unwrap_or(match feed {
            Feed::Live => Micros::new(0),
            Feed::Log => Micros::from_seconds(10),
        });
        Self {
            engine: EpisodeEngine::new(timeline::open_buckets(reorder)),
            timeline: Timeline::new(feed, reorder),
            fleet: Fleet::new(config.max_upstreams as usize),
            last_upstream: LastUpstream::default(),
            outbox: Outbox::default(),
            rate: RecordRate::default(),
            summary_due: Timestamp::default(),
            source: source.into(),
            config,
            hosts_key: None,
            feed,
            pass: None,
            ready: None,
            absorbed: Timestamp::default(),
            unmatched_due: None,
        }
    }

    /// Applies a new configuration and keeps everything learned and counted. A new `reorder` takes effect at the next start.
    ///
    /// Two configurations can take turns: a change costs no more than a few instructions.
    pub fn reconfigure(&mut self, config: impl Into<Arc<Config>>) {
        if self.pass.is_some() {
            self.run_due();
        }
        self.config = config.into();
        self.fleet.set_max(self.config.max_upstreams as usize);
        self.unmatched_due = None;
    }

    /// Returns the current configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns true if this is the current configuration.
    pub fn has_config(&self, config: &Arc<Config>) -> bool {
        Arc::ptr_eq(&self.config, config)
    }

    /// Iterates over the configured upstreams that have had no exchange, such as misspelled ones.
    pub fn unmatched_upstreams(&self) -> impl Iterator<Item = &str> {
        self.config.upstreams.keys().map(String::as_str).filter(|name| !self.fleet.contains(name))
    }

    /// Returns, once for each monitor and configuration, the [`unmatched_upstreams`](Self::unmatched_upstreams) ten minutes after the first call: most of them are
    /// misspelled. To be called while there are exchanges.
    pub fn due_unmatched_upstreams(&mut self, now: Timestamp) -> impl Iterator<Item = &str> {
        let due = *self.unmatched_due.get_or_insert(now.after(UNMATCHED_AFTER));
        let is_due = now >= due;
        if is_due {
            self.unmatched_due = Some(Timestamp::MAX);
        }
        self.unmatched_upstreams().filter(move |_| is_due)
    }

    /// Returns true if the configuration asks for hashes of hosts and there is no key for them. Records then withhold the names
    /// of hosts until [`set_hosts_key`](Self::set_hosts_key) is called.
    pub fn lacks_hosts_key(&self) -> bool {
        matches!(self.host_names(), HostNames::Withheld)
    }

    /// Sets the key of host hashes, before the first exchange; a `hosts_key` of the configuration overrides it.
    ///
    /// The key should come from the host's source of random numbers. Instances whose hashes should match share it.
    pub fn set_hosts_key(&mut self, key: SipKey) {
        self.hosts_key = Some(key);
    }

    /// Counts an exchange that another nearmiss has judged, after the wakes that were due before it.
    ///
    /// The exchange is not judged again, feeds no baseline and changes no episode: the instance that judged it reports it.
    /// Summaries list it separately, in `relayed`. Without `ts` it counts at the watermark.
    pub fn relay(&mut self, ts: Option<Timestamp>, upstream: &str, fate: Fate) {
        if let Some(ts) = ts {
            self.timeline.arrive(ts);
            self.run_due();
        }
        let ts = ts.or(self.timeline.watermark()).unwrap_or_default();
        let index = self.lookup(&name::upstream_name(upstream), ts);
        if let Some(entry) = self.fleet.get_mut(index) {
            entry.upstream.relay(ts, fate);
        }
    }

    /// Counts log records that could not be read, at the watermark: their own times are unknown.
    ///
    /// So are their upstreams: the summary of `none` lists them, in `unread`. Does nothing before the first exchange.
    pub fn count_unread(&mut self, records: u32) {
        let Some(now) = self.timeline.watermark() else { return };
        let index = self.lookup(NO_UPSTREAM, now);
        if let Some(entry) = self.fleet.get_mut(index) {
            entry.upstream.unread = entry.upstream.unread.saturating_add(records);
        }
    }

    /// Runs everything due by the host's clock. In a log only the lines themselves move time.
    pub fn wake(&mut self, now: Timestamp) {
        self.timeline.tick(now);
        self.run_due();
    }

    /// Like [`wake`](Self::wake), in steps: returns false if it must be called again. Every other call completes it first.
    pub fn wake_in_steps(&mut self, now: Timestamp, steps: &mut Steps) -> bool {
        self.timeline.tick(now);
        self.run_passes(false, steps)
    }

    /// Returns the next record, in order. Drain the queue after every call that may emit records.
    #[inline]
    pub fn poll_record(&mut self) -> Option<Record<'_>> {
        // Most exchanges have none.
        if self.outbox.is_clear() { None } else { self.outbox.pop() }
    }

    /// Returns the record that [`poll_record`](Self::poll_record) returned last, as long as no other call that may emit records was
    /// made.
    pub fn polled_record(&self) -> Option<Record<'_>> {
        self.outbox.taken()
    }

    /// Notes the tokens of all further records, for [`otlp`](crate::otlp) and [`Record::value`].
    pub fn note_tokens(&mut self) {
        self.outbox.note_tokens();
    }

    /// Returns true if a record waits; cheaper than polling for it.
    pub fn has_records(&self) -> bool {
        self.outbox.has_records()
    }

    /// Ends the input: seals all buckets and emits the last summaries.
    pub fn finish(&mut self) {
        if self.is_worker() {
            return self.cut(true);
        }
        self.run_due();
        self.run_passes(true, &mut Steps::all());
        self.truncate_episodes();
        // Exchanges of an absorbed bucket may have completed as late as its end.
        let end = self.timeline.watermark().unwrap_or_default().max(self.absorbed);
        self.summarise_all(end);
    }

    /// Returns the name of an upstream while it is known.
    pub fn upstream_name(&self, id: UpstreamId) -> Option<&str> {
        self.fleet.iter().find(|entry| entry.id == id).map(|entry| entry.upstream.name())
    }

    /// Returns the number of known upstreams.
    pub fn upstreams(&self) -> usize {
        self.fleet.len()
    }

    /// Returns the sentence that explains the verdict on an exchange, as its record has it.
    pub fn explain(&self, exchange: &Exchange<'_>, verdict: &Verdict) -> String {
        let mut sentence = String::new();
        record::explain(&mut sentence, exchange, verdict, self.host_names());
        sentence
    }

    /// Returns the form of the names of hosts in records.
    fn host_names(&self) -> HostNames {
        match self.config.hosts {
            Hosts::Plain => HostNames::Plain,
            Hosts::Hashed => {
                self.config.hosts_key.or(self.hosts_key).map_or(HostNames::Withheld, HostNames::Hashed)
            }
        }
    }

    /// Seals the buckets and emits the summaries that are due.
    #[inline]
    fn run_due(&mut self) {
        if self.is_worker() {
            return self.cut(false);
        }
        let is_summary_due = self.timeline.watermark().is_some_and(|watermark| watermark >= self.summary_due);
        if is_summary_due || self.timeline.has_due() || self.pass.is_some() {
            self.run_passes(false, &mut Steps::all());
        }
    }

    /// Flushes the counts of one upstream early; a worker flushes those of all upstreams.
    fn flush_counts(&mut self, index: usize, end: Timestamp) {
        if self.is_worker() {
            self.cut_one(timeline::bucket_of(end));
        } else {
            self.summarise(index, end);
        }
    }

    /// Emits the summary of one upstream, unless nothing was counted.
    fn summarise(&mut self, index: usize, end: Timestamp) {
        let hosts = self.host_names();
        let has_counts = |upstream: &UpstreamState| !upstream.counters.is_empty() || upstream.unread > 0;
        let Some(entry) = self.fleet.get_mut(index).filter(|entry| has_counts(&entry.upstream)) else {
            return;
        };
        let span = Span { source: &self.source, seq: entry.seq, start: entry.summarised, end };
        let reference =
            self.config.reference.get(entry.upstream.name()).filter(|reference| reference.holds(end));
        if let Some(reference) = reference {
            entry.detector.reference.restore(reference.into());
        }
        let reason = reference.and_then(|reference| reference.reason.as_deref());
        let (upstream, detector, budget) = (&entry.upstream, &entry.detector, self.config.budget);
        let counters = &upstream.counters;
        let head = Head::Summary { late: counters.late.into(), suppressed: counters.suppressed.into() };
        self.outbox.push(head, end, upstream.name(), |json| {
            record::summary(json, span, upstream, detector, budget, reason, hosts);
        });
        entry.seq += 1;
        entry.summarised = end;
        entry.upstream.clear_counts();
    }

    /// Emits the record of a near miss or a failure; live, within the upstream's rate limit only.
    fn record_exchange(&mut self, index: usize, exchange: &Exchange<'_>, verdict: &Verdict) -> bool {
        if verdict.fate == Fate::Clean {
            return false;
        }
        let hosts = self.host_names();
        let Some(entry) = self.fleet.get_mut(index) else { return false };
        if self.feed == Feed::Live {
            let (own, total) = (self.config.records_per_second, self.config.records_per_second_total);
            // A record that the upstream may not emit takes nothing from the others.
            if !(entry.rate.take(exchange.ts, own) && self.rate.take(exchange.ts, total)) {
                entry.suppressed = entry.suppressed.saturating_add(1);
                entry.upstream.counters.suppressed = entry.upstream.counters.suppressed.saturating_add(1);
                return false;
            }
        }
        let suppressed = core::mem::take(&mut entry.suppressed);
        let name = entry.upstream.name();
        let head =
            Head::Exchange { fate: verdict.fate, status: exchange.status, attempts: exchange.attempts };
        self.outbox.push(head, exchange.ts, name, |json| {
            record::exchange(json, name, exchange, verdict, hosts, suppressed)
        });
        true
    }
}

#[cfg(test)]
mod tests;
