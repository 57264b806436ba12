//! The state of one plugin: exchanges go in; metrics, filter state, headers and records come out.
//!
//! Each VM has one [`Plugin`] per configured plugin. A plugin and its successor in a configuration update share the state.

use crate::host::Envoy;
use crate::identity;
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::outlet::Response;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::{LogLevel, MapType};
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;
use nearmiss::{Exchange, Fate, Head, Micros, Timestamp, preview, record};
use nearmiss_envoy_config::Attach;
use nearmiss_envoy_exchange::config::PluginConfig;
use nearmiss_envoy_exchange::host::{Host, State};
use nearmiss_envoy_exchange::metric::Metric;
use nearmiss_envoy_exchange::request::LeftOut;
use nearmiss_envoy_exchange::sinks::Sinks;

/// The state of a plugin, shared by its root contexts.
pub(crate) type SharedPlugin = Rc<RefCell<Plugin>>;

/// The state of one plugin.
pub(crate) struct Plugin {
    identity: String,
    /// The configuration that was loaded last, for all that does not belong to one exchange.
    config: Rc<PluginConfig>,
    leadership: Leadership,
    metrics: Metrics,
    sinks: Sinks,
    /// Exchanges since the last status line.
    exchanges: u64,
    last_exchange: Timestamp,
    last_status_line: Timestamp,
    /// The last tick that did more than continue a report.
    last_tick: Timestamp,
    buffer: String,
    /// True if the hint that no plugin judges exchanges has been logged.
    has_logged_hint: bool,
}

/// The period of ticks.
pub(crate) const TICK_PERIOD: Micros = Micros::from_seconds(1);
/// The period of ticks while a report is in progress.
const SLICE_PERIOD: Micros = Micros::from_millis(10);
/// The response header that holds the provisional verdict.
const HEADER: &str = "near-miss";
/// The shortest interval between two status lines.
const STATUS_LINE_INTERVAL: Micros = Micros::from_seconds(60);

impl Plugin {
    /// Creates the state of a plugin that has not observed an exchange.
    pub(crate) fn new_shared(identity: String, config: Rc<PluginConfig>) -> SharedPlugin {
        Rc::new(RefCell::new(Self {
            leadership: Leadership::new(alloc::format!("nearmiss/{}/{identity}", config.envoy.attach as u8)),
            identity,
            metrics: Metrics::new(config.core.max_upstreams),
            config,
            sinks: Sinks::default(),
            exchanges: 0,
            last_exchange: Timestamp::default(),
            last_status_line: Timestamp::default(),
            last_tick: Timestamp::default(),
            buffer: String::new(),
            has_logged_hint: false,
        }))
    }

    /// Returns true if the plugin has this identity and is attached in the same way.
    pub(crate) fn matches(&self, attach: Attach, identity: &str) -> bool {
        self.config.envoy.attach == attach && self.identity == identity
    }

    /// Returns true if the plugin judges exchanges, not only attempts.
    pub(crate) fn judges(&self) -> bool {
        self.config.envoy.attach != Attach::Upstream
    }

    /// Applies another configuration.
    pub(crate) fn reconfigure(&mut self, hostcalls: &Hostcalls, config: Rc<PluginConfig>) {
        self.metrics.set_max_upstreams(config.core.max_upstreams);
        self.leadership.reconfigure(hostcalls, &config);
        self.config = config;
    }

    /// Returns the current time, or that of the last exchange if the hostcall fails.
    pub(crate) fn now(&self, hostcalls: &Hostcalls) -> Timestamp {
        hostcalls.get_current_time().map_or(self.last_exchange, |now| Timestamp::from_micros(now / 1_000))
    }

    /// Judges and counts one exchange by the configuration of its attachment, and emits the results.
    pub(crate) fn observe(&mut self, hostcalls: &Hostcalls, config: &PluginConfig, exchange: &Exchange<'_>) {
        self.exchanges += u64::from(!self.leadership.reports_via_leader());
        self.last_exchange = exchange.ts;
        let Self { leadership, metrics, buffer, last_status_line, .. } = self;
        if !leadership.has_observed() {
            *last_status_line = exchange.ts;
        }
        let (monitor, observed) = leadership.observe(hostcalls, config, exchange);
        metrics.count(hostcalls, monitor, &observed, exchange);
        if observed.verdict.fate != Fate::Clean {
            buffer.clear();
            record::header(buffer, &observed.verdict, config.header_parameters(exchange));
            Envoy::new(hostcalls).set_filter_state(State::Annotation, buffer.as_bytes());
        }
        self.emit_records(hostcalls);
    }

    /// Counts an exchange that is left out.
    pub(crate) fn count_left_out(&mut self, hostcalls: &Hostcalls, reason: LeftOut) {
        self.metrics.add(hostcalls, Metric::LeftOut(reason), 1);
    }

    /// Counts one attempt of an exchange that no plugin judges, and logs a hint the first time.
    pub(crate) fn count_attempt(&mut self, hostcalls: &Hostcalls, cluster: &str) {
        self.metrics.add_by_upstream(hostcalls, &nearmiss::upstream_name(cluster), Metric::Attempts);
        if !core::mem::replace(&mut self.has_logged_hint, true) {
            let _ = hostcalls.log(
                LogLevel::Info,
                "nearmiss: attached to upstreams only, so attempts are counted and nothing is judged; \
                 attach it as an HTTP filter or an access logger with the same vm_id as well",
            );
        }
    }

    /// Adds the header with the provisional verdict of an exchange in progress, unless the verdict is clean.
    ///
    /// `cluster` reads the name of the upstream, by an expensive hostcall.
    pub(crate) fn annotate_response<'a>(
        &mut self,
        hostcalls: &Hostcalls,
        config: &PluginConfig,
        exchange: &Exchange<'_>,
        cluster: impl FnOnce() -> &'a str,
    ) {
        let verdict = preview(&config.core, exchange, cluster);
        if verdict.fate != Fate::Clean {
            self.buffer.clear();
            record::header(&mut self.buffer, &verdict, config.header_parameters(exchange));
            let _ = hostcalls.add_map_value(MapType::HttpResponseHeaders, HEADER, &self.buffer);
        }
    }

    /// Advances time: emits due records and, once a minute at most, a status line. Returns the time until the next tick.
    pub(crate) fn on_tick(&mut self, hostcalls: &Hostcalls) -> Micros {
        if let Ok(now) = hostcalls.get_current_time().map(|now| Timestamp::from_micros(now / 1_000)) {
            if self.leadership.is_reporting() && now.since(self.last_tick) < TICK_PERIOD {
                self.leadership.continue_report(hostcalls);
                self.emit_records(hostcalls);
            } else {
                self.last_tick = now;
                self.advance(hostcalls, now);
            }
        }
        if self.leadership.is_reporting() { SLICE_PERIOD } else { TICK_PERIOD }
    }

    fn advance(&mut self, hostcalls: &Hostcalls, now: Timestamp) {
        self.leadership.on_tick(hostcalls, &self.config, now);
        let (absorbed, upstreams) = self.leadership.take_absorbed();
        if absorbed > 0 {
            self.last_exchange = now;
        }
        self.exchanges += absorbed;
        if self.leadership.is_follower() {
            self.exchanges = 0;
        }
        if self.exchanges > 0 {
            self.log_unmatched(hostcalls, now);
        }
        if self.exchanges > 0 && now.since(self.last_status_line) >= STATUS_LINE_INTERVAL {
            let _ = hostcalls.log(
                LogLevel::Info,
                &alloc::format!(
                    "nearmiss: {} exchanges in the last minute, {upstreams} upstreams known, the last exchange {} s ago",
                    self.exchanges,
                    now.since(self.last_exchange).get() / 1_000_000,
                ),
            );
            self.last_status_line = now;
            self.exchanges = 0;
        }
        self.emit_records(hostcalls);
        self.sinks.on_tick(hostcalls, now, self.config.envoy.collector.as_ref());
        self.metrics.count_dropped(hostcalls, self.sinks.take_dropped());
    }

    /// Passes the response to an HTTP call on to the collector that dispatched it.
    pub(crate) fn on_http_call_response(&mut self, hostcalls: &Hostcalls, token_id: u32, body_size: usize) {
        let now = self.now(hostcalls);
        self.sinks.on_response(hostcalls, token_id.into(), &Response { hostcalls, body_size }, now);
        self.metrics.count_dropped(hostcalls, self.sinks.take_dropped());
    }

    /// Ends the plugin: emits all remaining records.
    pub(crate) fn finish(&mut self, hostcalls: &Hostcalls) {
        let now = self.now(hostcalls);
        self.leadership.finish(hostcalls, &self.config, now);
        self.emit_records(hostcalls);
        self.sinks.finish(hostcalls);
    }

    /// Logs, once for each monitor that reports, the configured upstreams that have not occurred ten minutes after the first exchange: most of them are misspelled.
    fn log_unmatched(&mut self, hostcalls: &Hostcalls, now: Timestamp) {
        let monitor = self.leadership.reporting();
        for name in monitor.into_iter().flat_map(|monitor| monitor.due_unmatched_upstreams(now)) {
            let message = alloc::format!(
                "nearmiss: `upstreams.{name}` of the configuration has matched no cluster in ten minutes"
            );
            let _ = hostcalls.log(LogLevel::Warn, &message);
        }
    }

    fn emit_records(&mut self, hostcalls: &Hostcalls) {
        let Self { leadership, metrics, sinks, config, .. } = self;
        leadership.drain(|record| {
            if let Head::Episode { is_open: true, pattern } = record.head {
                metrics.add_by_upstream(hostcalls, record.upstream, Metric::Episodes(pattern));
            }
            sinks.emit(hostcalls, record, config.envoy.collector.as_ref(), || {
                let now = hostcalls.get_current_time().map(|now| Timestamp::from_micros(now / 1_000));
                identity::source(hostcalls, now.unwrap_or(record.time))
            });
        });
        metrics.count_dropped(hostcalls, sinks.take_dropped());
    }
}
