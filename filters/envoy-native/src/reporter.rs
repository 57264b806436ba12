//! The reporter: adds up what all workers have counted, and emits episodes and summaries for the whole Envoy, each exactly once.

use crate::abi::{LogLevel, log};
use crate::worker::{drain, new_monitor, reconfigure};
use nearmiss::{Delta, Micros, Monitor, Record, Timestamp, bucket_of, end_of};
use nearmiss_envoy_exchange::config::PluginConfig;

/// The shortest interval between two status lines.
const STATUS_LINE_INTERVAL: Micros = Micros::from_seconds(60);

/// The monitor of all workers; none before the first exchange.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    monitor: Option<Monitor>,
    /// Deltas of buckets that are not complete.
    pending: Vec<Delta>,
    /// The first bucket that has not been reported.
    next_bucket: u64,
    /// Exchanges since the last status line.
    exchanges: u64,
    last_status_line: Timestamp,
}

impl Reporter {
    /// Applies a new configuration.
    pub(crate) fn reconfigure(&mut self, config: &PluginConfig) {
        self.monitor.iter_mut().for_each(|monitor| reconfigure(monitor, config));
    }

    /// Takes the deltas of all workers, whose clocks have reached `now`, and reports every complete bucket. Returns true if the baselines in
    /// `baselines` are new.
    pub(crate) fn report(
        &mut self,
        config: &PluginConfig,
        deltas: Vec<Delta>,
        now: Timestamp,
        baselines: &mut Vec<u8>,
        emit: impl FnMut(&Record<'_>),
    ) -> bool {
        self.pending.extend(deltas);
        let end = bucket_of(now);
        self.absorb(config, now, end);
        let Some(monitor) = self.monitor.as_mut().filter(|_| self.next_bucket < end) else { return false };
        monitor.wake(end_of(end - 1));
        self.next_bucket = end;
        monitor.publish_baseline(baselines);
        drain(monitor, emit);
        self.log_status(now);
        true
    }

    /// Reports everything that is left.
    pub(crate) fn finish(
        &mut self,
        config: &PluginConfig,
        deltas: Vec<Delta>,
        now: Timestamp,
        emit: impl FnMut(&Record<'_>),
    ) {
        self.pending.extend(deltas);
        self.absorb(config, now, u64::MAX);
        if let Some(monitor) = &mut self.monitor {
            monitor.finish();
            drain(monitor, emit);
        }
    }

    /// Absorbs the pending deltas of buckets before `end`, in order of their buckets.
    fn absorb(&mut self, config: &PluginConfig, now: Timestamp, end: u64) {
        self.pending.sort_by_key(|delta| delta.bucket);
        let complete = self.pending.partition_point(|delta| delta.bucket < end);
        if complete == 0 {
            return;
        }
        let next_bucket = bucket_of(now);
        let monitor = self.monitor.get_or_insert_with(|| {
            self.next_bucket = next_bucket;
            let mut monitor = new_monitor(config, now);
            monitor.become_reporter();
            monitor
        });
        for delta in self.pending.drain(..complete) {
            self.exchanges += monitor.absorb(&delta.bytes).unwrap_or(0);
        }
    }

    /// Logs, once a minute at most, the number of exchanges, and, once, the configured upstreams that have not occurred ten minutes after
    /// the first exchange: most of them are misspelled.
    fn log_status(&mut self, now: Timestamp) {
        let Some(monitor) = self.monitor.as_mut().filter(|_| self.exchanges > 0) else { return };
        for name in monitor.due_unmatched_upstreams(now) {
            let message = format!(
                "nearmiss: `upstreams.{name}` of the configuration has matched no cluster in ten minutes"
            );
            log(LogLevel::Warn, &message);
        }
        if self.last_status_line == Timestamp::default() {
            self.last_status_line = now;
        }
        if now.since(self.last_status_line) >= STATUS_LINE_INTERVAL {
            let (exchanges, upstreams) = (core::mem::take(&mut self.exchanges), monitor.upstreams());
            let line =
                format!("nearmiss: {exchanges} exchanges in the last minute, {upstreams} upstreams known");
            log(LogLevel::Info, &line);
            self.last_status_line = now;
        }
    }
}
