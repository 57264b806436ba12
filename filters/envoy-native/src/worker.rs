//! The monitor of one worker thread: it judges the worker's exchanges, and passes its counts to the reporter.

use crate::random;
use nearmiss::{Delta, Exchange, Feed, Monitor, Observed, Record, SipKey, Timestamp};
use nearmiss_envoy_exchange::config::PluginConfig;
use std::sync::{Arc, OnceLock};

/// The monitor of one worker; none before its first exchange.
#[derive(Debug, Default)]
pub(crate) struct Worker(Option<Monitor>);

impl Worker {
    /// Judges and counts an exchange. `baselines` are what the reporter published last, for a new monitor.
    pub(crate) fn observe(
        &mut self,
        config: &PluginConfig,
        exchange: &Exchange<'_>,
        baselines: impl FnOnce(&mut Monitor),
        emit: impl FnMut(&Record<'_>),
    ) -> (&Monitor, Observed) {
        let monitor = self.0.get_or_insert_with(|| {
            let mut monitor = new_monitor(config, exchange.ts);
            monitor.become_worker();
            baselines(&mut monitor);
            monitor
        });
        if !monitor.has_config(&config.core) {
            // Two listeners have the plugin, with different configurations.
            reconfigure(monitor, config);
        }
        let observed = monitor.observe(exchange);
        drain(monitor, emit);
        (monitor, observed)
    }

    /// Applies a new configuration.
    pub(crate) fn reconfigure(&mut self, config: &PluginConfig) {
        self.0.iter_mut().for_each(|monitor| reconfigure(monitor, config));
    }

    /// Advances time, or ends everything without one, and appends what has been counted to `deltas`.
    pub(crate) fn publish(
        &mut self,
        now: Option<Timestamp>,
        deltas: &mut Vec<Delta>,
        emit: impl FnMut(&Record<'_>),
    ) {
        let Some(monitor) = &mut self.0 else { return };
        match now {
            Some(now) => monitor.wake(now),
            None => monitor.finish(),
        }
        deltas.extend(core::iter::from_fn(|| monitor.next_delta()));
        drain(monitor, emit);
    }

    /// Applies the baselines that the reporter has published.
    pub(crate) fn apply_baseline(&mut self, baselines: &[u8]) {
        // They are of this build.
        let _ = self.0.as_mut().map(|monitor| monitor.apply_baseline(baselines));
    }
}

/// Passes every waiting record to `emit`.
pub(crate) fn drain(monitor: &mut Monitor, mut emit: impl FnMut(&Record<'_>)) {
    while let Some(record) = monitor.poll_record() {
        emit(&record);
    }
}

/// Returns a monitor whose summaries name this process and this moment.
pub(crate) fn new_monitor(config: &PluginConfig, now: Timestamp) -> Monitor {
    let mut monitor = Monitor::new(Arc::clone(&config.core), Feed::Live, &source(now));
    reconfigure(&mut monitor, config);
    monitor
}

/// Returns a new identity, of this process and this moment.
pub(crate) fn source(now: Timestamp) -> String {
    let instance = random::bytes().map_or(0, u64::from_le_bytes) >> 16;
    format!("envoy/{instance:x}/{}", now.seconds())
}

/// Applies a configuration to a monitor.
pub(crate) fn reconfigure(monitor: &mut Monitor, config: &PluginConfig) {
    monitor.reconfigure(Arc::clone(&config.core));
    if monitor.lacks_hosts_key()
        && let Some(key) = hosts_key()
    {
        monitor.set_hosts_key(key);
    }
    if config.envoy.collector.is_some() {
        monitor.note_tokens();
    }
}

/// Returns the key of host hashes that this process has drawn.
fn hosts_key() -> Option<SipKey> {
    static SECRET: OnceLock<Option<[u8; 16]>> = OnceLock::new();
    SECRET.get_or_init(random::bytes).map(|secret| SipKey::derive(&secret))
}
