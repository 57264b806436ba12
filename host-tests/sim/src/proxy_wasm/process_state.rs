//! The state of a process: clock, log, statistics, shared data.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::Status;

/// A line of Envoy's own log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvoyLogLine {
    /// Log level: 0 trace, 1 debug, 2 info, 3 warning, 4 error, 5 critical.
    pub level: u32,
    /// The message.
    pub text: String,
}

/// Type of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// Only increases.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// Records a distribution.
    Histogram,
}

/// One statistic of the process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metric {
    /// Type of the metric.
    pub kind: MetricKind,
    /// Value of a counter or gauge.
    pub value: u64,
    /// Values recorded in a histogram.
    pub observed: Vec<u64>,
}

/// An HTTP request that a module dispatched to a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpCall {
    /// Token of the call, repeated in the response.
    pub token: u32,
    /// Destination cluster.
    pub cluster: String,
    /// Request headers, in order.
    pub headers: super::Headers,
    /// Request body.
    pub body: Vec<u8>,
    /// Timeout of the call.
    pub timeout_ms: u32,
}

/// The response to an HTTP call.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpCallResponse {
    /// Response headers, including `:status`.
    pub headers: super::Headers,
    /// The part of the body that arrived.
    pub body: Vec<u8>,
}

impl HttpCallResponse {
    /// Returns a response without further headers.
    pub fn of(status: u16, body: &str) -> Self {
        Self { headers: vec![(b":status".to_vec(), status.to_string().into_bytes())], body: body.into() }
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// All state that outlives a VM.
#[derive(Debug)]
pub(super) struct ProcessState {
    pub(super) now_ns: u64,
    pub(super) log: Vec<EnvoyLogLine>,
    pub(super) metrics: BTreeMap<String, Metric>,
    pub(super) data: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
    random: Rng,
    /// True if every random byte is zero.
    pub(super) has_zero_random: bool,
}

impl ProcessState {
    pub(super) fn at(now_ns: u64) -> Self {
        Self {
            now_ns,
            log: Vec::new(),
            metrics: BTreeMap::new(),
            data: BTreeMap::new(),
            last_cas: 0,
            random: Rng::with_seed(1),
            has_zero_random: false,
        }
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

    /// Returns the next random bytes.
    pub(super) fn random_bytes(&mut self, count: usize) -> Vec<u8> {
        if self.has_zero_random {
            return vec![0; count];
        }
        (0..count).map(|_| self.random.u8(..)).collect()
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
