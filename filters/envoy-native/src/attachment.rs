//! A plugin under one configuration of a listener: Envoy creates one for each, and destroys it when the last exchange has ended.

use crate::abi::{CounterId, FilterConfig, HistogramId, HttpStream, LoggedStream, LoggerConfig, now};
use crate::lock::lock;
use crate::metrics::Pending;
use crate::plugin::Plugin;
use nearmiss::{Exchange, Fate, OTHER, Timestamp, preview, record};
use nearmiss_envoy_config::Attach;
use nearmiss_envoy_exchange::attributes::{Attributes, cluster};
use nearmiss_envoy_exchange::client::ClientInfo;
use nearmiss_envoy_exchange::config::PluginConfig;
use nearmiss_envoy_exchange::exchange::{self, EarlyInfo};
use nearmiss_envoy_exchange::host::{Host, State};
use nearmiss_envoy_exchange::host_tiers::HostTierCache;
use nearmiss_envoy_exchange::metric::Metric;
use nearmiss_envoy_exchange::outlet::CallResponse;
use std::sync::{Arc, Mutex};

/// The response header that holds the provisional verdict.
const HEADER: &str = "near-miss";

/// A plugin as it is attached.
#[derive(Debug)]
pub(crate) struct Attachment {
    /// The configuration of this place. Exchanges are judged by it, although the plugin may be attached elsewhere with another one.
    pub(crate) config: Arc<PluginConfig>,
    /// The state of the plugin.
    pub(crate) plugin: Arc<Plugin>,
    slots: Box<[Mutex<Slot>]>,
    counters: Counters,
}

/// The state of one worker.
#[derive(Debug, Default)]
struct Slot {
    tiers: HostTierCache,
    pending: Pending,
    annotation: String,
}

/// The counters, in Envoy's hands.
#[derive(Debug)]
enum Counters {
    /// Those of an HTTP filter have labels.
    Filter {
        /// `None` once Envoy has destroyed the configuration.
        envoy: Mutex<Option<FilterConfig>>,
        by_name: [Option<CounterId>; Metric::NAMES],
        margin: Option<HistogramId>,
    },
    /// Those of a logger have none: each value of a label is part of the name, and all upstreams are counted together.
    Logger {
        envoy: LoggerConfig,
        /// False once Envoy has destroyed the configuration.
        is_attached: Mutex<bool>,
        by_index: Box<[Option<CounterId>]>,
        margin: Option<HistogramId>,
    },
}

impl Attachment {
    /// Attaches a plugin as an HTTP or upstream filter, and defines its counters.
    pub(crate) fn filter(config: Arc<PluginConfig>, plugin: Arc<Plugin>, envoy: FilterConfig) -> Self {
        let mut by_name = [None; Metric::NAMES];
        let mut margin = None;
        if config.envoy.attach != Attach::Upstream {
            for metric in Metric::all() {
                let (number, name) = metric.name();
                if let Some(counter) = by_name.get_mut(number).filter(|counter| counter.is_none()) {
                    let labels = metric.is_by_upstream().then_some("upstream").into_iter();
                    let labels: Vec<&str> = labels.chain(metric.label().map(|(label, _)| label)).collect();
                    *counter = envoy.define_counter(&format!("nearmiss.{name}"), &labels);
                }
            }
            margin = envoy.define_histogram("nearmiss.margin_bp", &["upstream"]);
        }
        // Envoy forgets series of an old configuration that the new one has not touched.
        plugin.touch_all(|upstream, metric| increment(&envoy, &by_name, Some(upstream), metric, 0));
        Self::new(config, plugin, Counters::Filter { envoy: Mutex::new(Some(envoy)), by_name, margin })
    }

    /// Attaches a plugin as an access logger, and defines its counters.
    pub(crate) fn logger(config: Arc<PluginConfig>, plugin: Arc<Plugin>, envoy: LoggerConfig) -> Self {
        let by_index = Metric::all().map(|metric| envoy.define_counter(&metric.flat_name(None))).collect();
        let margin = envoy.define_histogram("nearmiss.margin_bp");
        let is_attached = Mutex::new(true);
        Self::new(config, plugin, Counters::Logger { envoy, is_attached, by_index, margin })
    }

    fn new(config: Arc<PluginConfig>, plugin: Arc<Plugin>, counters: Counters) -> Self {
        let slots = (0..=plugin.position(usize::MAX)).map(|_| Mutex::default()).collect();
        Self { config, plugin, slots, counters }
    }

    /// Returns true if responses get the `near-miss` header.
    pub(crate) fn annotates(&self) -> bool {
        self.config.envoy.header && self.config.envoy.attach == Attach::Http
    }

    /// Adds the provisional header to a response whose headers have arrived.
    pub(crate) fn annotate_response(
        &self,
        stream: &HttpStream,
        client: ClientInfo,
        started: Option<Timestamp>,
    ) {
        let mut header = String::new();
        exchange::read_so_far(stream, &self.config, client, started, |exchange| {
            let verdict = preview(&self.config.core, exchange, || cluster(stream));
            if verdict.fate != Fate::Clean {
                record::header(&mut header, &verdict, self.config.header_parameters(exchange));
            }
        });
        if !header.is_empty() {
            stream.set_response_header(HEADER, &header);
        }
    }

    /// Observes an exchange that has ended, as an HTTP filter, unless another copy of the filter has.
    pub(crate) fn observe_filtered(&self, stream: &HttpStream, worker: usize, early: &EarlyInfo) {
        let times = stream.times();
        if !times.start.is_new() {
            return;
        }
        let attributes = stream.attributes(self.config.envoy.mode, times);
        let Counters::Filter { margin, .. } = &self.counters else { return };
        let record = |label: &str, value: u16| {
            let _ = margin.map(|margin| stream.record(margin, label, value.into()));
        };
        self.observe(stream, &attributes, worker, Some(early), record);
    }

    /// Observes an exchange as an access logger, unless a filter has.
    pub(crate) fn observe_logged(&self, stream: &LoggedStream, worker: usize) {
        let times = stream.times();
        if !times.start.is_new() {
            return;
        }
        let attributes = stream.attributes(self.config.envoy.mode, times);
        let Counters::Logger { envoy, margin, .. } = &self.counters else { return };
        let record = |_: &str, value: u16| {
            let _ = margin.map(|margin| envoy.record(margin, value.into()));
        };
        self.observe(stream, &attributes, worker, None, record);
    }

    fn observe(
        &self,
        envoy: &impl Host,
        attributes: &Attributes<'_>,
        worker: usize,
        early: Option<&EarlyInfo>,
        record_margin: impl FnOnce(&str, u16),
    ) {
        let worker = self.plugin.position(worker);
        let Some(slot) = self.slots.get(worker) else { return };
        let Slot { tiers, pending, annotation } = &mut *lock(slot);
        annotation.clear();
        if let Some(reason) = exchange::left_out(envoy, self.config.envoy.mode, attributes, early) {
            return pending.rest().add(Metric::LeftOut(reason), 1);
        }
        let ts = envoy.now().unwrap_or_default();
        exchange::read(envoy, &self.config, tiers, attributes, early, ts, |read| match read {
            Ok(exchange) => self.judge(worker, exchange, pending, annotation, record_margin),
            Err(reason) => pending.rest().add(Metric::LeftOut(reason), 1),
        });
        if !annotation.is_empty() {
            // Last: Envoy may move what it has lent when its filter state grows.
            envoy.set_filter_state(State::Annotation, annotation.as_bytes());
        }
    }

    fn judge(
        &self,
        worker: usize,
        exchange: &Exchange<'_>,
        pending: &mut Pending,
        annotation: &mut String,
        record_margin: impl FnOnce(&str, u16),
    ) {
        self.plugin.observe(worker, &self.config, exchange, |monitor, observed| {
            let verdict = &observed.verdict;
            if verdict.fate != Fate::Clean {
                record::header(annotation, verdict, self.config.header_parameters(exchange));
            }
            let series = match &self.counters {
                Counters::Filter { .. } => {
                    let name = || monitor.upstream_name(observed.upstream).unwrap_or(OTHER);
                    pending.series(observed.upstream.get(), || self.plugin.label(name()))
                }
                Counters::Logger { .. } => pending.series(0, || "".into()),
            };
            let Some((counts, rest)) = series else { return };
            Metric::count(observed, exchange, |metric, by| {
                if metric.is_by_upstream() { counts.add(metric, by) } else { rest.add(metric, by) }
            });
            let _ = verdict.margin_bp().map(|margin| record_margin(&counts.label, margin));
        });
    }

    /// Sends records to the collector and hands all counts to Envoy, on the main thread.
    pub(crate) fn on_scheduled(&self) {
        if let Counters::Filter { envoy, .. } = &self.counters
            && let Some(envoy) = &*lock(envoy)
        {
            self.plugin.send(envoy, now());
        }
        self.hand_over();
    }

    /// Takes the response to a call of the collector's, on the main thread.
    pub(crate) fn on_response(&self, call: u64, response: &impl CallResponse) {
        if let Counters::Filter { envoy, .. } = &self.counters
            && let Some(envoy) = &*lock(envoy)
        {
            self.plugin.on_response(envoy, envoy.call_number(call), response, now());
        }
    }

    /// Has the counts handed over: those of a filter by Envoy's main thread, those of a logger at once. Any thread may call it.
    pub(crate) fn request_hand_over(&self) {
        match &self.counters {
            Counters::Filter { envoy, .. } => {
                let _ = lock(envoy).as_ref().map(FilterConfig::call_back);
            }
            Counters::Logger { .. } => self.hand_over(),
        }
    }

    /// Hands all counts to Envoy; for a filter, on a thread of Envoy's.
    fn hand_over(&self) {
        match &self.counters {
            Counters::Filter { envoy, by_name, .. } => {
                let envoy = lock(envoy);
                let Some(envoy) = &*envoy else { return };
                self.take_counts(|upstream, metric, by| {
                    increment(envoy, by_name, upstream, metric, by);
                    let _ = upstream.map(|upstream| self.plugin.note(upstream, metric));
                });
            }
            Counters::Logger { envoy, is_attached, by_index, .. } => {
                let is_attached = lock(is_attached);
                if *is_attached {
                    self.take_counts(|_, metric, by| {
                        let counter = by_index.get(metric.index()).copied().flatten();
                        let _ = counter.map(|counter| envoy.increment(counter, by.into()));
                    });
                }
            }
        }
    }

    /// Passes all counts to `take`, each with the upstream if it has one.
    fn take_counts(&self, mut take: impl FnMut(Option<&str>, Metric, u32)) {
        for slot in &self.slots {
            // The worker waits for its slot, so Envoy counts when the slot is free again.
            let pending = lock(slot).pending.take();
            pending.for_each(&mut take);
        }
        for (upstream, pattern) in self.plugin.take_episodes() {
            take(Some(&upstream), Metric::Episodes(pattern), 1);
        }
        take(None, Metric::Dropped, self.plugin.take_dropped());
    }

    /// Ends the use of Envoy's configuration.
    pub(crate) fn detach(&self) {
        self.hand_over();
        match &self.counters {
            Counters::Filter { envoy, .. } => drop(lock(envoy).take()),
            Counters::Logger { is_attached, .. } => *lock(is_attached) = false,
        }
    }
}

/// Adds to a counter of an HTTP filter.
fn increment(
    envoy: &FilterConfig,
    by_name: &[Option<CounterId>; Metric::NAMES],
    upstream: Option<&str>,
    metric: Metric,
    by: u32,
) {
    let Some(counter) = by_name.get(metric.name().0).copied().flatten() else { return };
    let label = metric.label().map(|(_, value)| value);
    match (upstream, label) {
        (Some(upstream), Some(label)) => envoy.increment(counter, &[upstream, label], by.into()),
        (Some(only), None) | (None, Some(only)) => envoy.increment(counter, &[only], by.into()),
        (None, None) => envoy.increment(counter, &[], by.into()),
    }
}
