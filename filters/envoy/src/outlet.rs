//! Where records go: a line each in the proxy's log, to a collector, or both.

use crate::collector::Collector;
use crate::host::{Call, Level};
use crate::voice;
use alloc::string::String;
use nearmiss::config::{CollectorConfig, Logged};
use nearmiss::{Record, RecordKind, Timestamp};

/// The seam between what is said and how it leaves.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    line: String,
    collector: Option<Collector>,
}

impl Outlet {
    /// Lets a record leave, by the `wanted` collector if there is one.
    pub(crate) fn emit(&mut self, call: &Call, record: &Record<'_>, wanted: Option<&CollectorConfig>) {
        let logged = match wanted.map(|wanted| wanted.log) {
            None | Some(Logged::All) => true,
            Some(Logged::Episodes) => record.kind == RecordKind::Episode,
            Some(Logged::None) => false,
        };
        if logged {
            self.log(call, record);
        }
        let Some(wanted) = wanted else { return };
        let collector = self.collector.get_or_insert_with(|| {
            let now = call.now().map_or_else(|_| record.time, |now| Timestamp::from_micros(now / 1_000));
            Collector::new(wanted.clone(), voice::source(call, now))
        });
        collector.offer(call, record);
    }

    /// Time passes: a batch may leave.
    pub(crate) fn tick(&mut self, call: &Call, now: Timestamp, wanted: Option<&CollectorConfig>) {
        if let (Some(collector), Some(wanted)) = (&mut self.collector, wanted) {
            if collector.config != *wanted {
                collector.config = wanted.clone();
            }
            collector.send(call, now);
        } else if self.collector.is_some() {
            // The configuration has none any more.
            self.finish(call);
        }
    }

    /// A call of the collector's is answered.
    pub(crate) fn answered(&mut self, call: &Call, token: u32, size: usize, now: Timestamp) {
        if let Some(collector) = &mut self.collector {
            collector.answered(call, token, size, now);
        }
    }

    /// What the collector did not get goes to the log, unless it is there already.
    pub(crate) fn finish(&mut self, call: &Call) {
        let Some(collector) = self.collector.take() else { return };
        let logged = collector.config.log;
        collector.finish(|record| {
            let is_logged = match logged {
                Logged::All => true,
                Logged::Episodes => record.kind == RecordKind::Episode,
                Logged::None => false,
            };
            if !is_logged {
                self.log(call, record);
            }
        });
    }

    fn log(&mut self, call: &Call, record: &Record<'_>) {
        self.line.clear();
        self.line.push_str("nearmiss ");
        self.line.push_str(record.json);
        call.log(Level::Info, &self.line);
    }
}
