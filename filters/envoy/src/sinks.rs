//! The sinks for records: the proxy's log, a collector, or both.

use crate::collector::Collector;
use crate::identity;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::LogLevel;
use alloc::string::String;
use nearmiss::{Head, Record, Timestamp};
use nearmiss_envoy_config::{CollectorConfig, Logged};

/// The sinks of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Sinks {
    line: String,
    collector: Option<Collector>,
}

impl Sinks {
    /// Emits a record to the log, the configured collector, or both.
    pub(crate) fn emit(
        &mut self,
        hostcalls: &Hostcalls,
        record: &Record<'_>,
        configured: Option<&CollectorConfig>,
    ) {
        let is_logged = match configured.map(|configured| configured.log) {
            None | Some(Logged::All) => true,
            Some(Logged::Episodes) => matches!(record.head, Head::Episode { .. }),
            Some(Logged::None) => false,
        };
        if is_logged {
            self.log(hostcalls, record);
        }
        let Some(configured) = configured else { return };
        let collector = self.collector.get_or_insert_with(|| {
            let now = hostcalls
                .get_current_time()
                .map_or_else(|_| record.time, |now| Timestamp::from_micros(now / 1_000));
            Collector::new(configured.clone(), identity::source(hostcalls, now))
        });
        collector.enqueue(hostcalls, record);
    }

    /// Sends a batch if one is due, and applies changes of the configuration.
    pub(crate) fn on_tick(
        &mut self,
        hostcalls: &Hostcalls,
        now: Timestamp,
        configured: Option<&CollectorConfig>,
    ) {
        if let (Some(collector), Some(configured)) = (&mut self.collector, configured) {
            if collector.config != *configured {
                collector.config = configured.clone();
            }
            collector.send(hostcalls, now);
        } else if self.collector.is_some() {
            // The collector was removed from the configuration.
            self.finish(hostcalls);
        }
    }

    /// Passes the response to an HTTP call on to the collector that dispatched it.
    pub(crate) fn on_http_call_response(
        &mut self,
        hostcalls: &Hostcalls,
        token_id: u32,
        body_size: usize,
        now: Timestamp,
    ) {
        if let Some(collector) = &mut self.collector {
            collector.on_http_call_response(hostcalls, token_id, body_size, now);
        }
    }

    /// Logs the records that the collector did not get, unless they have been logged.
    pub(crate) fn finish(&mut self, hostcalls: &Hostcalls) {
        let Some(collector) = self.collector.take() else { return };
        let log = collector.config.log;
        collector.finish(|record| {
            let is_logged = match log {
                Logged::All => true,
                Logged::Episodes => matches!(record.head, Head::Episode { .. }),
                Logged::None => false,
            };
            if !is_logged {
                self.log(hostcalls, record);
            }
        });
    }

    fn log(&mut self, hostcalls: &Hostcalls, record: &Record<'_>) {
        self.line.clear();
        self.line.push_str("nearmiss ");
        self.line.push_str(record.json);
        let _ = hostcalls.log(LogLevel::Info, &self.line);
    }
}
