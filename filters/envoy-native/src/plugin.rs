//! The state of one plugin, which all workers and all of its configurations share.
//!
//! Each worker has a lock of its own, which only the reporting thread takes beside it, for a moment each second. What a plugin has
//! learned survives an update of its listener: it lives as long as one configuration of its name.

use crate::lock::lock;
use crate::outlet::LogOnly;
use crate::reporter::Reporter;
use crate::worker::{self, Worker};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use nearmiss::{
    Delta, Exchange, Head, Micros, Monitor, NO_UPSTREAM, OTHER, Observed, Pattern, Record, Timestamp,
};
use nearmiss_envoy_config::Attach;
use nearmiss_envoy_exchange::config::PluginConfig;
use nearmiss_envoy_exchange::metric::Metric;
use nearmiss_envoy_exchange::outlet::{CallResponse, Outlet};
use nearmiss_envoy_exchange::sinks::Sinks;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The state of one plugin.
#[derive(Debug)]
pub(crate) struct Plugin {
    name: String,
    attach: Attach,
    /// The configuration that was loaded last, for all that does not belong to one exchange.
    config: Mutex<Arc<PluginConfig>>,
    workers: Box<[Mutex<Worker>]>,
    reporter: Mutex<Reporter>,
    sinks: Mutex<Sinks>,
    /// The baselines that the reporter published last.
    baselines: Mutex<Vec<u8>>,
    /// The episodes that have opened and are not counted.
    episodes: Mutex<Vec<(Arc<str>, Pattern)>>,
    has_episodes: AtomicBool,
    labels: Mutex<Labels>,
}

/// The upstreams that have series of their own, and the counts by upstream that Envoy has seen.
#[derive(Debug, Default)]
struct Labels(BTreeMap<Arc<str>, u64>);

/// The names `other` and `none`, which do not count towards `max_upstreams`.
const RESERVED_NAMES: usize = 2;
/// The time by which the reporting thread is behind the clock: an exchange that has just ended may not have been judged.
const LAG: Micros = Micros::from_seconds(1);

impl Plugin {
    /// Creates the state of a plugin that has not observed an exchange.
    pub(crate) fn new(name: String, config: Arc<PluginConfig>, workers: usize) -> Self {
        Self {
            name,
            attach: config.envoy.attach,
            config: Mutex::new(config),
            workers: (0..=workers).map(|_| Mutex::default()).collect(),
            reporter: Mutex::default(),
            sinks: Mutex::default(),
            baselines: Mutex::default(),
            episodes: Mutex::default(),
            has_episodes: AtomicBool::new(false),
            labels: Mutex::default(),
        }
    }

    /// Returns true if the plugin has this name and is attached in the same way.
    pub(crate) fn matches(&self, attach: Attach, name: &str) -> bool {
        self.attach == attach && self.name == name
    }

    /// Applies another configuration.
    pub(crate) fn reconfigure(&self, config: &Arc<PluginConfig>) {
        *lock(&self.config) = Arc::clone(config);
        self.workers.iter().for_each(|worker| lock(worker).reconfigure(config));
        lock(&self.reporter).reconfigure(config);
    }

    /// Returns the position of a thread among the workers; the last one stands for the main thread.
    pub(crate) fn position(&self, worker: usize) -> usize {
        worker.min(self.workers.len().saturating_sub(1))
    }

    /// Judges and counts an exchange of a worker, and passes the result on.
    pub(crate) fn observe<R>(
        &self,
        worker: usize,
        config: &PluginConfig,
        exchange: &Exchange<'_>,
        take: impl FnOnce(&Monitor, &Observed) -> R,
    ) -> Option<R> {
        let mut worker = lock(self.workers.get(worker)?);
        let baselines = |monitor: &mut Monitor| {
            // There are none before the first report.
            let _ = monitor.apply_baseline(&lock(&self.baselines));
        };
        let (monitor, observed) = worker.observe(config, exchange, baselines, |record| self.emit(record));
        Some(take(monitor, &observed))
    }

    /// Reports for all workers.
    pub(crate) fn report(&self, now: Timestamp) {
        let (config, now) = (self.config(), now.before(LAG));
        let deltas = self.deltas(Some(now));
        let mut baselines = Vec::new();
        let is_new = lock(&self.reporter).report(&config, deltas, now, &mut baselines, |record| {
            if let Head::Episode { is_open: true, pattern } = record.head {
                lock(&self.episodes).push((self.label(record.upstream), pattern));
                self.has_episodes.store(true, Relaxed);
            }
            self.emit(record);
        });
        if is_new {
            // One lock after the other: a worker that sees its first exchange holds its own and takes that of the baselines.
            lock(&self.baselines).clone_from(&baselines);
            self.workers.iter().for_each(|worker| lock(worker).apply_baseline(&baselines));
        }
    }

    /// Sends a batch of records if one is due, on the main thread.
    pub(crate) fn send(&self, outlet: &impl Outlet, now: Timestamp) {
        let config = self.config();
        lock(&self.sinks).on_tick(outlet, now, config.envoy.collector.as_ref());
    }

    /// Takes the response of the collector, on the main thread.
    pub(crate) fn on_response(
        &self,
        outlet: &impl Outlet,
        call: u64,
        response: &impl CallResponse,
        now: Timestamp,
    ) {
        lock(&self.sinks).on_response(outlet, call, response, now);
    }

    /// Returns the number of records that no sink got since the last call.
    pub(crate) fn take_dropped(&self) -> u32 {
        u32::try_from(lock(&self.sinks).take_dropped()).unwrap_or(u32::MAX)
    }

    /// Ends the plugin: reports everything that is left.
    pub(crate) fn finish(&self, now: Timestamp) {
        let config = self.config();
        let deltas = self.deltas(None);
        lock(&self.reporter).finish(&config, deltas, now, |record| self.emit(record));
        lock(&self.sinks).finish(&LogOnly);
    }

    /// Emits a record to the log, or to the queue of the collector. Any thread may call it.
    fn emit(&self, record: &Record<'_>) {
        match &self.config().envoy.collector {
            None => LogOnly.log(&format!("nearmiss {}", record.json)),
            configured => {
                let source = || worker::source(record.time);
                lock(&self.sinks).emit(&LogOnly, record, configured.as_ref(), source);
            }
        }
    }

    fn config(&self) -> Arc<PluginConfig> {
        Arc::clone(&lock(&self.config))
    }

    fn deltas(&self, now: Option<Timestamp>) -> Vec<Delta> {
        let mut deltas = Vec::new();
        self.workers
            .iter()
            .for_each(|worker| lock(worker).publish(now, &mut deltas, |record| self.emit(record)));
        deltas
    }

    /// Takes the episodes that have opened since the last call.
    pub(crate) fn take_episodes(&self) -> Vec<(Arc<str>, Pattern)> {
        if !self.has_episodes.load(Relaxed) {
            return Vec::new();
        }
        let mut episodes = lock(&self.episodes);
        self.has_episodes.store(false, Relaxed);
        core::mem::take(&mut episodes)
    }

    /// Returns the name under which an upstream is counted: Envoy keeps every series that it has seen, so only the first `max_upstreams` have
    /// series of their own.
    pub(crate) fn label(&self, upstream: &str) -> Arc<str> {
        let max = lock(&self.config).core.max_upstreams as usize;
        let labels = &mut lock(&self.labels).0;
        let is_reserved = upstream == OTHER || upstream == NO_UPSTREAM;
        let name =
            if is_reserved || labels.len() < max.saturating_add(RESERVED_NAMES) { upstream } else { OTHER };
        let known = [upstream, name].into_iter().find_map(|name| labels.get_key_value(name));
        let known = known.map(|(label, _)| Arc::clone(label));
        known.unwrap_or_else(|| {
            let label: Arc<str> = name.into();
            labels.insert(Arc::clone(&label), 0);
            label
        })
    }

    /// Notes that Envoy has seen a count by upstream.
    pub(crate) fn note(&self, upstream: &str, metric: Metric) {
        if let Some(seen) = lock(&self.labels).0.get_mut(upstream) {
            *seen |= 1 << metric.index();
        }
    }

    /// Passes every count by upstream that Envoy has seen to `touch`.
    pub(crate) fn touch_all(&self, mut touch: impl FnMut(&str, Metric)) {
        for (upstream, seen) in &lock(&self.labels).0 {
            let metrics = Metric::all().filter(|metric| metric.is_by_upstream());
            metrics
                .filter(|metric| seen >> metric.index() & 1 == 1)
                .for_each(|metric| touch(upstream, metric));
        }
    }
}
