//! Tests of the delivery of records to a collector that works, fails, or responds with garbage.

use serde_json::Value;
use sim::proxy_wasm::{HttpCall, HttpCallResponse, Status, Stream};

use crate::harness::{Fixture, retried};

const START: u64 = 1_795_423_560 * 1_000_000;
const CONFIG: &str = r#"{"records_per_second":1000000,"records_per_second_total":1000000,"envoy":{"collector":{"cluster":"otel","path":"/in/v1/logs","authority":"otel.test","timeout":"2s","queue":400}}}"#;

/// A filter that sends records to a collector, with a simulated clock.
struct Sender {
    fixture: Fixture,
    /// Time of the clock in microseconds.
    now: u64,
}

impl Sender {
    fn with(config: &str) -> Self {
        Self { fixture: Fixture::with(config), now: START }
    }

    /// Emits this many records.
    fn emit(&mut self, records: usize) {
        for _ in 0..records {
            self.now += 10;
            self.fixture.proxy.set_clock_us(self.now);
            self.fixture.exchange(retried("cart"));
        }
    }

    /// Moves the clock by one second and fires the timer. Returns the HTTP calls of the tick.
    fn tick(&mut self) -> Vec<HttpCall> {
        self.now += 1_000_000;
        self.fixture.proxy.set_clock_us(self.now);
        self.fixture.vm.tick(self.fixture.root).unwrap();
        self.fixture.vm.take_http_calls()
    }

    fn respond(&mut self, call: &HttpCall, response: Option<HttpCallResponse>) -> Vec<HttpCall> {
        self.fixture.vm.http_call_response(self.fixture.root, call.token, response).unwrap();
        self.fixture.vm.take_http_calls()
    }

    /// Ticks until the next HTTP call. Returns the seconds that passed, and the call.
    fn wait(&mut self) -> (u64, HttpCall) {
        for seconds in 1..1_000 {
            if let [call] = &self.tick()[..] {
                return (seconds, call.clone());
            }
        }
        panic!("no further call");
    }

    fn dropped(&self) -> u64 {
        self.fixture.proxy.counter("nearmiss.dropped_total")
    }
}

fn records(call: &HttpCall) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&call.body).expect("a body that is JSON");
    body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().expect("log records").clone()
}

fn uids(call: &HttpCall) -> Vec<String> {
    let uid = |record: &Value| {
        let attribute = record["attributes"].as_array()?.iter().find(|one| one["key"] == "log.record.uid")?;
        attribute["value"]["stringValue"].as_str().map(str::to_owned)
    };
    records(call).iter().map(|record| uid(record).expect("a uid")).collect()
}

#[test]
fn a_batch_is_sent_to_the_configured_endpoint_and_nothing_is_logged() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(3);
    let [call] = &sender.tick()[..] else { panic!("one call") };
    assert_eq!((call.cluster.as_str(), call.timeout_ms), ("otel", 2_000));
    for header in [
        (":method", "POST"),
        (":path", "/in/v1/logs"),
        (":authority", "otel.test"),
        ("content-type", "application/json"),
    ] {
        assert!(call.headers.contains(&(header.0.into(), header.1.into())), "{header:?}");
    }
    assert_eq!(records(call).len(), 3);
    assert_eq!(records(call)[0]["eventName"], "nearmiss.exchange");
    assert_eq!(sender.fixture.proxy.take_records(), Vec::<String>::new());
    assert!(sender.tick().is_empty(), "one call in flight");
}

#[test]
fn an_accepted_batch_is_removed_and_the_next_full_batch_is_sent_at_once() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(250);
    let first = sender.tick().remove(0);
    let second = sender.respond(&first, Some(HttpCallResponse::of(200, "{}"))).remove(0);
    assert!(
        sender.respond(&second, Some(HttpCallResponse::of(200, "{}"))).is_empty(),
        "a partial batch waits for the next tick"
    );
    let third = sender.wait().1;
    let mut all: Vec<_> = [&first, &second, &third].into_iter().flat_map(uids).collect();
    assert_eq!([&first, &second, &third].map(|call| records(call).len()), [100, 100, 50]);
    all.sort();
    all.dedup();
    assert_eq!((all.len(), sender.dropped()), (250, 0), "every record has a unique id");
}

#[test]
fn a_batch_for_a_busy_collector_is_retried_with_backoff() {
    for status in [408, 429, 502, 503, 504, 0] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(5);
        let mut call = sender.tick().remove(0);
        let mut waited = 0;
        for _ in 0..8 {
            let response = (status > 0).then(|| HttpCallResponse::of(status, "busy"));
            assert!(sender.respond(&call, response).is_empty(), "not at once");
            let (seconds, again) = sender.wait();
            assert!(seconds <= 61, "{seconds} s");
            assert_eq!(uids(&again)[..5], uids(&call)[..5], "{status}");
            waited += seconds;
            call = again;
        }
        assert!(waited > 20, "{status}: eight pauses took {waited} s in total");
        sender.respond(&call, Some(HttpCallResponse::of(200, "")));
        assert_eq!(sender.dropped(), 0);
    }
}

#[test]
fn retry_after_is_respected_up_to_five_minutes() {
    for (retry_after, least, most) in [("7", 7, 9), ("99999999999", 300, 302), ("soon", 0, 2)] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(1);
        let call = sender.tick().remove(0);
        sender.respond(&call, Some(HttpCallResponse::of(503, "").with_header("retry-after", retry_after)));
        let (seconds, _) = sender.wait();
        assert!((least..=most).contains(&seconds), "{retry_after}: {seconds} s");
    }
}

#[test]
fn permanently_rejected_records_are_counted_as_dropped() {
    for status in [400, 401, 404, 413, 500, 301] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(5);
        let call = sender.tick().remove(0);
        sender.respond(&call, Some(HttpCallResponse::of(status, "no")));
        assert_eq!(sender.dropped(), 5, "{status}");
        sender.emit(1);
        assert_eq!(records(&sender.wait().1).len(), 1);
    }
}

#[test]
fn a_partial_success_drops_the_rejected_count_capped_at_the_batch_size() {
    for (rejected, dropped) in [("2", 2), ("\"2\"", 2), ("99", 5)] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(5);
        let call = sender.tick().remove(0);
        let body = format!(r#"{{"partialSuccess":{{"rejectedLogRecords":{rejected},"errorMessage":"no"}}}}"#);
        sender.respond(&call, Some(HttpCallResponse::of(200, &body)));
        assert_eq!(sender.dropped(), dropped, "{rejected}");
    }
}

#[test]
fn huge_and_invalid_responses_are_read_only_in_part() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(1);
    let call = sender.tick().remove(0);
    let memory_before = sender.fixture.vm.memory_bytes();
    let huge = "x".repeat(32 << 20);
    sender.respond(&call, Some(HttpCallResponse::of(200, &huge)));
    assert!(
        sender.fixture.vm.memory_bytes() < memory_before + (1 << 20),
        "{} bytes",
        sender.fixture.vm.memory_bytes()
    );
    sender.emit(1);
    let call = sender.wait().1;
    let garbage = HttpCallResponse {
        headers: vec![(b":status".to_vec(), b"\xff\xfe".to_vec())],
        body: vec![0xff; 100],
    };
    sender.respond(&call, Some(garbage));
    let again = sender.wait().1;
    assert_eq!(uids(&again), uids(&call));
    sender
        .fixture
        .vm
        .http_call_response(sender.fixture.root, 4_711, Some(HttpCallResponse::of(200, "")))
        .unwrap();
    assert!(sender.tick().is_empty(), "an unexpected response changes nothing");
    sender.fixture.assert_alive();
}

#[test]
fn the_queue_is_bounded_and_every_record_is_delivered_or_counted_as_dropped() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(10);
    let mut call = sender.tick().remove(0);
    sender.emit(2_000);
    assert_eq!(sender.dropped(), 2_010 - 300, "single exchanges have three quarters of the queue");
    let memory_before = sender.fixture.vm.memory_bytes();
    sender.emit(5_000);
    assert_eq!(sender.fixture.vm.memory_bytes(), memory_before);
    let mut delivered = 0;
    loop {
        delivered += records(&call).len() as u64;
        let mut next = sender.respond(&call, Some(HttpCallResponse::of(200, "{}")));
        if next.is_empty() {
            next = sender.tick();
        }
        match next.pop() {
            Some(following) => call = following,
            None => break,
        }
    }
    assert_eq!(delivered + sender.dropped(), 7_010);
}

#[test]
fn a_call_without_a_response_times_out_and_an_unknown_cluster_does_no_harm() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(1);
    let call = sender.tick().remove(0);
    let (seconds, again) = sender.wait();
    assert!((12..=14).contains(&seconds), "{seconds} s: timeout, grace and a pause");
    assert_eq!(uids(&again), uids(&call));
    let mut unknown_cluster = Sender::with(r#"{"envoy":{"collector":"nowhere"}}"#);
    unknown_cluster.emit(1);
    assert!(unknown_cluster.tick().is_empty());
    unknown_cluster.fixture.assert_alive();
}

#[test]
fn records_queued_at_shutdown_go_to_the_log() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(3);
    sender.fixture.vm.shut_down(sender.fixture.root).unwrap();
    let records = sender.fixture.proxy.take_records();
    assert_eq!(records.iter().filter(|record| record.contains(r#""type":"exchange""#)).count(), 3);
    assert_eq!(records.len(), 4, "and the summary: {records:?}");
}

#[test]
fn the_collector_log_option_decides_which_records_are_also_logged() {
    for (log, logged) in [("all", 2), ("episodes", 0), ("none", 0)] {
        let mut sender =
            Sender::with(&format!(r#"{{"envoy":{{"collector":{{"cluster":"otel","log":"{log}"}}}}}}"#));
        sender.emit(2);
        sender.tick();
        assert_eq!(sender.fixture.proxy.take_records().len(), logged, "{log}");
    }
}

#[test]
fn without_a_collector_no_call_is_made() {
    let mut sender = Sender::with("{}");
    sender.emit(3);
    assert!(sender.tick().is_empty());
    sender.fixture.exchange(Stream::ok("cart"));
    assert_eq!(sender.fixture.vm.take_calls().of("proxy_http_call"), 0);
}

#[test]
fn a_collector_that_cannot_be_called_or_rejects_records_is_logged_once() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(1);
    sender.fixture.vm.inject("proxy_http_call", 0, Status::BadArgument);
    for _ in 0..30 {
        assert!(sender.tick().is_empty());
    }
    sender.fixture.vm.clear_faults();
    for _ in 0..2 {
        let (_, call) = sender.wait();
        sender.respond(&call, Some(HttpCallResponse::of(404, "")));
        sender.emit(1);
    }
    let warnings = sender.fixture.proxy.take_log();
    let about = |text: &str| warnings.iter().filter(|line| line.text.contains(text)).count();
    assert_eq!(about("the cluster of the collector does not exist"), 1, "{warnings:?}");
    assert_eq!(
        about("the collector rejects records, so they are dropped; it answered: `404`"),
        1,
        "{warnings:?}"
    );
}
