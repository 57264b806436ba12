//! Export of records to a collector, as OpenTelemetry logs over HTTP.
//!
//! Records wait in a bounded queue and are sent in batches, one call at a time. If the collector does not respond or is
//! overloaded, the batch is retried with exponential backoff and full jitter; a permanently rejected batch is dropped. Every
//! record that is not delivered is counted as dropped. No exchange waits for any of this: calls are dispatched on ticks and on
//! responses, and only as much of a response is read as it takes to classify it.

use crate::outlet::{CallResponse, Outlet};
use crate::values::{number, text};
use crate::warnings::{self, Warning};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use nearmiss::json::tokens::Token;
use nearmiss::{Head, Micros, Record, Timestamp, hash, otlp};
use nearmiss_envoy_config::CollectorConfig;

/// Maximum size of the queue in bytes.
const MAX_QUEUE_BYTES: usize = 1 << 20;
/// Maximum number of records in a batch.
const MAX_BATCH_RECORDS: usize = 100;
/// Maximum size of a batch in bytes, unless a single record is larger.
const MAX_BATCH_BYTES: usize = 128 << 10;
/// Maximum number of bytes that are read of a response.
const MAX_RESPONSE_BYTES: usize = 4 << 10;
/// The backoff window after the first failure.
const INITIAL_BACKOFF: Micros = Micros::from_seconds(1);
/// The maximum backoff window.
const MAX_BACKOFF: Micros = Micros::from_seconds(30);
/// The maximum `retry-after` that is honoured, in seconds.
const MAX_RETRY_AFTER: u64 = 300;
/// Response grace: a call whose result the host has not reported this long after its timeout is given up.
const RESPONSE_GRACE: Micros = Micros::from_seconds(10);

/// The client of one collector: a queue and the call in flight.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) config: CollectorConfig,
    /// Identity of this instance in the logs that it sends.
    source: String,
    queue: VecDeque<QueuedRecord>,
    queue_bytes: usize,
    /// The number of the first record in the queue.
    first: u64,
    in_flight: Option<InFlight>,
    /// Consecutive failures.
    failures: u32,
    /// The earliest time for the next call.
    not_before: Timestamp,
    /// Records that were dropped and not taken by [`take_dropped`](Self::take_dropped).
    dropped: u64,
}

/// A record in the queue.
#[derive(Debug)]
struct QueuedRecord {
    head: Head,
    time: Timestamp,
    upstream: Box<str>,
    json: Box<str>,
    tokens: Box<[Token]>,
}

impl QueuedRecord {
    fn new(record: &Record<'_>) -> Self {
        Self {
            head: record.head,
            time: record.time,
            upstream: record.upstream.into(),
            json: record.json.into(),
            tokens: record.tokens.into(),
        }
    }

    fn record(&self) -> Record<'_> {
        let Self { head, time, upstream, json, tokens } = self;
        Record { head: *head, time: *time, upstream, json, tokens }
    }

    /// Returns the size of the record in the queue, in bytes.
    fn bytes(&self) -> usize {
        self.json.len() + size_of_val(&*self.tokens)
    }
}

/// A call that was dispatched with the first records of the queue.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    call: u64,
    records: usize,
    give_up_at: Timestamp,
}

/// The result of sending a batch.
enum BatchResult {
    /// Accepted, except for this number of records.
    Accepted { rejected: u64 },
    /// Retryable, after this number of seconds at the earliest.
    Retryable { retry_after: u64 },
    /// Permanently rejected, with this status.
    Rejected { status: u64 },
}

impl Collector {
    /// Creates an empty queue.
    pub(crate) const fn new(config: CollectorConfig, source: String) -> Self {
        Self {
            config,
            source,
            queue: VecDeque::new(),
            queue_bytes: 0,
            first: 0,
            in_flight: None,
            failures: 0,
            not_before: Timestamp::from_micros(0),
            dropped: 0,
        }
    }

    /// Adds a record to the queue, or counts it as dropped. The last quarter of the queue is reserved for episodes and summaries.
    pub(crate) fn enqueue(&mut self, record: &Record<'_>) {
        let capacity = self.config.queue as usize;
        let is_exchange = matches!(record.head, Head::Exchange { .. });
        let limit = if is_exchange { capacity / 4 * 3 } else { capacity };
        let bytes = record.json.len() + size_of_val(record.tokens);
        if self.queue.len() >= limit || self.queue_bytes + bytes > MAX_QUEUE_BYTES {
            return self.count_dropped(1);
        }
        self.queue_bytes += bytes;
        self.queue.push_back(QueuedRecord::new(record));
    }

    /// Sends a batch if the queue is not empty, no call is in flight and no backoff is pending.
    pub(crate) fn send(&mut self, outlet: &impl Outlet, now: Timestamp) {
        if self.in_flight.is_some_and(|call| now > call.give_up_at) {
            self.back_off(now, 0);
        }
        if self.in_flight.is_some() || self.queue.is_empty() {
            return;
        }
        if now < self.not_before && !self.clock_went_back(now) {
            return;
        }
        let (body, records) = self.batch(now);
        let config = &self.config;
        if let Some(call) = outlet.call(config, body.as_bytes()) {
            let give_up_at = now.after(config.timeout).after(RESPONSE_GRACE);
            self.in_flight = Some(InFlight { call, records, give_up_at });
        } else {
            let message = "the cluster of the collector does not exist or has no healthy host, so records wait and \
                are dropped once the queue is full";
            warnings::log_once(|line| outlet.warn(line), Warning::NoCollector, message, &config.cluster);
            self.back_off(now, 0);
        }
    }

    /// Handles the response to the call in flight, or its failure.
    pub(crate) fn on_response(
        &mut self,
        outlet: &impl Outlet,
        call: u64,
        response: &impl CallResponse,
        now: Timestamp,
    ) {
        let Some(batch) = self.in_flight.filter(|batch| batch.call == call) else { return };
        match batch_result(response) {
            BatchResult::Retryable { retry_after } => return self.back_off(now, retry_after),
            BatchResult::Accepted { rejected } => self.count_dropped(rejected.min(batch.records as u64)),
            BatchResult::Rejected { status } => {
                let message = "the collector rejects records, so they are dropped; it answered";
                let status = alloc::format!("{status}");
                warnings::log_once(|line| outlet.warn(line), Warning::Rejected, message, &status);
                self.count_dropped(batch.records as u64);
            }
        }
        self.in_flight = None;
        self.failures = 0;
        self.not_before = now;
        for _ in 0..batch.records {
            let Some(sent) = self.queue.pop_front() else { break };
            self.queue_bytes -= sent.bytes();
            self.first += 1;
        }
        if self.queue.len() >= MAX_BATCH_RECORDS {
            self.send(outlet, now);
        }
    }

    /// Passes every record that was not delivered to `emit`.
    pub(crate) fn finish(self, mut emit: impl FnMut(&Record<'_>)) {
        self.queue.iter().for_each(|queued| emit(&queued.record()));
    }

    /// Encodes the next batch and returns it with its number of records.
    fn batch(&self, now: Timestamp) -> (String, usize) {
        let (mut body, mut records, mut bytes) = (String::new(), 0, 0);
        otlp::begin(&mut body, "nearmiss", &self.source);
        for queued in self.queue.iter().take(MAX_BATCH_RECORDS) {
            bytes += queued.json.len();
            if records > 0 && bytes > MAX_BATCH_BYTES {
                break;
            }
            if records > 0 {
                body.push(',');
            }
            otlp::push(&mut body, &queued.record(), (&self.source, self.first + records as u64), now);
            records += 1;
        }
        otlp::end(&mut body);
        (body, records)
    }

    /// Schedules a retry after `retry_after` seconds and a jitter. The window of the jitter doubles with every failure; its seed
    /// differs between instances.
    fn back_off(&mut self, now: Timestamp, retry_after: u64) {
        self.in_flight = None;
        let window = (INITIAL_BACKOFF.get() << self.failures.min(6)).min(MAX_BACKOFF.get());
        self.failures = self.failures.saturating_add(1);
        let jitter = hash::mix(hash::hash(self.source.as_bytes()) ^ now.micros());
        let retry_after = Micros::from_seconds(retry_after.min(MAX_RETRY_AFTER));
        self.not_before = now.after(Micros::new(jitter % window)).after(retry_after);
    }

    /// Returns true if the backoff is longer than any can be: the clock was set back.
    fn clock_went_back(&self, now: Timestamp) -> bool {
        self.not_before.since(now) > Micros::from_seconds(MAX_RETRY_AFTER).saturating_add(MAX_BACKOFF)
    }

    /// Returns the number of records that were dropped since the last call.
    pub(crate) const fn take_dropped(&mut self) -> u64 {
        core::mem::replace(&mut self.dropped, 0)
    }

    const fn count_dropped(&mut self, records: u64) {
        self.dropped = self.dropped.saturating_add(records);
    }
}

/// Classifies the response of the collector.
fn batch_result(response: &impl CallResponse) -> BatchResult {
    let header = |name| response.header(name).and_then(number);
    let Some(status) = header(":status") else { return BatchResult::Retryable { retry_after: 0 } };
    match status {
        200..=299 => {
            let body = response.body(MAX_RESPONSE_BYTES);
            BatchResult::Accepted { rejected: body.map_or(0, |body| otlp::rejected(text(body))) }
        }
        408 | 429 | 502..=504 => BatchResult::Retryable { retry_after: header("retry-after").unwrap_or(0) },
        _ => BatchResult::Rejected { status },
    }
}
