//! Records on their way to a collector, as OpenTelemetry logs over HTTP.
//!
//! A bounded queue, one call in flight, batches. A collector that does not answer, or says that it is too busy, is asked again
//! after a pause that doubles and of which a random part is waited; one that refuses a batch for good has lost it. Whatever is
//! not delivered is counted as dropped, and nothing of this is waited for by any exchange: calls are begun on ticks and by
//! answers, and of an answer no more is read than it takes to know what became of the batch.

use crate::headers::{number, text};
use crate::host::{Call, Map, Metric, MetricKind};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use nearmiss::config::CollectorConfig;
use nearmiss::{Micros, Record, RecordKind, Timestamp, otlp};

/// Bytes that may wait.
const MOST_BYTES: usize = 1 << 20;
/// Records of a batch, and bytes of them.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 128 << 10;
/// Bytes of an answer that are read.
const ANSWER: usize = 4 << 10;
/// The first pause and the longest.
const PAUSE: Micros = Micros::from_seconds(1);
const LONGEST_PAUSE: Micros = Micros::from_seconds(30);
/// The longest pause that a collector may ask for.
const LONGEST_WISH: u64 = 300;
/// How long after its timeout an answer is given up of which the host says nothing.
const GRACE: Micros = Micros::from_seconds(10);

/// A collector, and what waits for it.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) config: CollectorConfig,
    /// Names this instance in what it sends.
    source: String,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// The number of the next record.
    next: u64,
    flight: Option<Flight>,
    failures: u32,
    not_before: Timestamp,
    dropped: Option<Metric>,
}

/// A record that waits.
#[derive(Debug)]
struct Waiting {
    kind: RecordKind,
    time: Timestamp,
    json: Box<str>,
}

/// A call under way, with the first records of the queue.
#[derive(Clone, Copy, Debug)]
struct Flight {
    token: u32,
    records: usize,
    given_up: Timestamp,
}

/// What became of a batch.
enum Fate {
    /// It was taken, but for so many records.
    Taken(u64),
    /// It may be tried again, after so many seconds at least.
    Later(u64),
    /// It was refused for good.
    Refused,
}

impl Collector {
    /// Nothing waits.
    pub(crate) const fn new(config: CollectorConfig, source: String) -> Self {
        Self {
            config,
            source,
            waiting: VecDeque::new(),
            bytes: 0,
            next: 0,
            flight: None,
            failures: 0,
            not_before: Timestamp::from_micros(0),
            dropped: None,
        }
    }

    /// Takes a record, or counts it as dropped. What tells of many exchanges finds room where a single one does not.
    pub(crate) fn offer(&mut self, call: &Call, record: &Record<'_>) {
        let queue = self.config.queue as usize;
        let room = if record.kind == RecordKind::Exchange { queue / 4 * 3 } else { queue };
        if self.waiting.len() >= room || self.bytes + record.json.len() > MOST_BYTES {
            return self.drop_some(call, 1);
        }
        self.bytes += record.json.len();
        self.waiting.push_back(Waiting { kind: record.kind, time: record.time, json: record.json.into() });
    }

    /// Sends a batch, if one waits and none is under way.
    pub(crate) fn send(&mut self, call: &Call, now: Timestamp) {
        if self.flight.is_some_and(|flight| now > flight.given_up) {
            self.pause(now, 0);
        }
        if self.flight.is_some() || self.waiting.is_empty() || now < self.not_before && !self.is_long_ago(now)
        {
            return;
        }
        let (body, records) = self.batch(now);
        let config = &self.config;
        let headers = [
            (":method", "POST"),
            (":path", &*config.path),
            (":authority", &*config.authority),
            ("content-type", "application/json"),
        ];
        match call.send(&config.cluster, &headers, body.as_bytes(), (config.timeout.get() / 1_000) as u32) {
            Ok(token) => {
                let given_up = now.after(config.timeout).after(GRACE);
                self.flight = Some(Flight { token, records, given_up });
            }
            Err(_) => self.pause(now, 0),
        }
    }

    /// An answer has come, or none will.
    pub(crate) fn answered(&mut self, call: &Call, token: u32, size: usize, now: Timestamp) {
        let Some(flight) = self.flight.filter(|flight| flight.token == token) else { return };
        match fate(call, size) {
            Fate::Later(seconds) => return self.pause(now, seconds),
            Fate::Taken(refused) => self.drop_some(call, refused.min(flight.records as u64)),
            Fate::Refused => self.drop_some(call, flight.records as u64),
        }
        self.flight = None;
        self.failures = 0;
        self.not_before = now;
        for gone in self.waiting.drain(..flight.records.min(self.waiting.len())) {
            self.bytes -= gone.json.len();
            self.next += 1;
        }
        if self.waiting.len() >= BATCH {
            self.send(call, now);
        }
    }

    /// Lets go of everything: `each` gets what was not delivered.
    pub(crate) fn finish(self, mut each: impl FnMut(&Record<'_>)) {
        for Waiting { kind, time, json } in &self.waiting {
            each(&Record { kind: *kind, time: *time, json });
        }
    }

    fn batch(&self, now: Timestamp) -> (String, usize) {
        let (mut body, mut records, mut bytes) = (String::new(), 0, 0);
        otlp::begin(&mut body, &self.source);
        for Waiting { kind, time, json } in self.waiting.iter().take(BATCH) {
            bytes += json.len();
            if records > 0 && bytes > BATCH_BYTES {
                break;
            }
            let record = Record { kind: *kind, time: *time, json };
            otlp::push(&mut body, &record, records == 0, (&self.source, self.next + records as u64), now);
            records += 1;
        }
        otlp::end(&mut body);
        (body, records)
    }

    /// Tries again later: within a window that doubles, at a moment that differs between instances.
    fn pause(&mut self, now: Timestamp, wish: u64) {
        self.flight = None;
        let window = (PAUSE.get() << self.failures.min(6)).min(LONGEST_PAUSE.get());
        self.failures = self.failures.saturating_add(1);
        let dice = self.source.bytes().fold(now.micros(), |dice, byte| {
            (dice ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        let wish = Micros::from_seconds(wish.min(LONGEST_WISH));
        self.not_before = now.after(Micros::new(dice % window)).after(wish);
    }

    /// The pause is longer than any: the clock went back.
    fn is_long_ago(&self, now: Timestamp) -> bool {
        self.not_before.since(now) > Micros::from_seconds(LONGEST_WISH).saturating_add(LONGEST_PAUSE)
    }

    fn drop_some(&mut self, call: &Call, records: u64) {
        if records == 0 {
            return;
        }
        if self.dropped.is_none() {
            self.dropped = call.define(MetricKind::Counter, "nearmiss.dropped_total").ok();
        }
        let by = u32::try_from(records).unwrap_or(u32::MAX);
        let _ = self.dropped.map(|metric| call.increment(metric, by));
    }
}

/// What the answer says, as far as it is read.
fn fate(call: &Call, size: usize) -> Fate {
    let Some(status) = call.header(Map::Answer, ":status").ok().and_then(number) else {
        return Fate::Later(0);
    };
    match status {
        200..=299 => {
            Fate::Taken(call.answer_body(size.min(ANSWER)).map_or(0, |body| otlp::refused(text(body))))
        }
        408 | 429 | 502..=504 => {
            Fate::Later(call.header(Map::Answer, "retry-after").ok().and_then(number).unwrap_or(0))
        }
        _ => Fate::Refused,
    }
}
