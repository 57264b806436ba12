//! What belongs to the process: the clock, the log, statistics, shared data.

use std::collections::BTreeMap;

use super::Status;

/// One line in Envoy's own log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// 0 trace, 1 debug, 2 info, 3 warning, 4 error, 5 critical.
    pub level: u32,
    /// What was said.
    pub text: String,
}

/// Counter, gauge or histogram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Many values.
    Histogram,
}

/// One statistic of the process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metric {
    /// What it is.
    pub kind: MetricKind,
    /// A counter's or gauge's value.
    pub value: u64,
    /// What a histogram saw.
    pub observed: Vec<u64>,
}

/// A request that a module sends to a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpCall {
    /// What its answer will be called by.
    pub token: u32,
    /// Where it goes.
    pub cluster: String,
    /// In order.
    pub headers: super::Headers,
    /// The body.
    pub body: Vec<u8>,
    /// How long an answer may take.
    pub timeout_ms: u32,
}

/// What a collector answers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// `:status` among them.
    pub headers: super::Headers,
    /// As much as came.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without further headers.
    pub fn of(status: u16, body: &str) -> Self {
        Self { headers: vec![(b":status".to_vec(), status.to_string().into_bytes())], body: body.into() }
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Everything that outlives a VM.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) now_ns: u64,
    pub(super) log: Vec<LogLine>,
    pub(super) metrics: BTreeMap<String, Metric>,
    pub(super) data: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
}

impl Shared {
    pub(super) fn at(now_ns: u64) -> Self {
        Self { now_ns, ..Self::default() }
    }

    pub(super) fn define(&mut self, kind: MetricKind, name: &str) {
        let fresh = Metric { kind, value: 0, observed: Vec::new() };
        self.metrics.entry(name.to_owned()).or_insert(fresh);
    }

    pub(super) fn increment(&mut self, name: &str, offset: i64) -> Status {
        let Some(metric) = self.metrics.get_mut(name) else { return Status::NotFound };
        match metric.kind {
            MetricKind::Counter if offset > 0 => metric.value += offset.unsigned_abs(),
            MetricKind::Gauge => metric.value = metric.value.wrapping_add_signed(offset),
            MetricKind::Counter | MetricKind::Histogram => return Status::BadArgument,
        }
        Status::Ok
    }

    pub(super) fn record(&mut self, name: &str, value: u64) -> Status {
        let Some(metric) = self.metrics.get_mut(name) else { return Status::NotFound };
        match metric.kind {
            MetricKind::Counter => metric.value += value,
            MetricKind::Gauge => metric.value = value,
            MetricKind::Histogram => metric.observed.push(value),
        }
        Status::Ok
    }

    pub(super) fn set_data(&mut self, key: &[u8], value: &[u8], cas: u32) -> Status {
        if let Some((_, current)) = self.data.get(key)
            && cas != 0
            && cas != *current
        {
            return Status::CasMismatch;
        }
        self.last_cas += 1;
        self.data.insert(key.to_vec(), (value.to_vec(), self.last_cas));
        Status::Ok
    }
}
