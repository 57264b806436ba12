//! The sinks for records: the proxy's log, a collector, or both.

use crate::collector::Collector;
use crate::outlet::{CallResponse, Outlet};
use alloc::string::String;
use nearmiss::{Head, Record, Timestamp};
use nearmiss_envoy_config::{CollectorConfig, Logged};

/// The sinks of one plugin.
#[derive(Debug, Default)]
pub struct Sinks {
    line: String,
    collector: Option<Collector>,
}

impl Sinks {
    /// Emits a record to the log, the configured collector, or both. `source` is called once, for the identity of this instance.
    pub fn emit(
        &mut self,
        outlet: &impl Outlet,
        record: &Record<'_>,
        configured: Option<&CollectorConfig>,
        source: impl FnOnce() -> String,
    ) {
        let is_logged = match configured.map(|configured| configured.log) {
            None | Some(Logged::All) => true,
            Some(Logged::Episodes) => matches!(record.head, Head::Episode { .. }),
            Some(Logged::None) => false,
        };
        if is_logged {
            self.log(outlet, record);
        }
        let Some(configured) = configured else { return };
        let collector = self.collector.get_or_insert_with(|| Collector::new(configured.clone(), source()));
        collector.enqueue(record);
    }

    /// Sends a batch if one is due, and applies changes of the configuration.
    pub fn on_tick(&mut self, outlet: &impl Outlet, now: Timestamp, configured: Option<&CollectorConfig>) {
        if let (Some(collector), Some(configured)) = (&mut self.collector, configured) {
            if collector.config != *configured {
                collector.config = configured.clone();
            }
            collector.send(outlet, now);
        } else if self.collector.is_some() {
            // The collector was removed from the configuration.
            self.finish(outlet);
        }
    }

    /// Passes the response to a call on to the collector that made it.
    pub fn on_response(
        &mut self,
        outlet: &impl Outlet,
        call: u64,
        response: &impl CallResponse,
        now: Timestamp,
    ) {
        if let Some(collector) = &mut self.collector {
            collector.on_response(outlet, call, response, now);
        }
    }

    /// Logs the records that the collector did not get, unless they have been logged.
    pub fn finish(&mut self, outlet: &impl Outlet) {
        let Some(collector) = self.collector.take() else { return };
        let log = collector.config.log;
        collector.finish(|record| {
            let is_logged = match log {
                Logged::All => true,
                Logged::Episodes => matches!(record.head, Head::Episode { .. }),
                Logged::None => false,
            };
            if !is_logged {
                self.log(outlet, record);
            }
        });
    }

    /// Returns the number of records that no sink got since the last call.
    pub const fn take_dropped(&mut self) -> u64 {
        match &mut self.collector {
            Some(collector) => collector.take_dropped(),
            None => 0,
        }
    }

    fn log(&mut self, outlet: &impl Outlet, record: &Record<'_>) {
        self.line.clear();
        self.line.push_str("nearmiss ");
        self.line.push_str(record.json);
        outlet.log(&self.line);
    }
}
