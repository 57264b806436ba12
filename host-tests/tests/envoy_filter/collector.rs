//! Records on their way to a collector that answers, does not, or lies.

use host_tests::sim::proxy_wasm::{Answer, HttpCall, Stream};
use serde_json::Value;

use crate::stage::{Stage, retried};

const START: u64 = 1_795_423_560 * 1_000_000;
const CONFIG: &str = r#"{"records_per_second":1000000,"envoy":{"collector":{"cluster":"otel","path":"/in/v1/logs","authority":"otel.test","timeout":"2s","queue":400}}}"#;

/// A stage and its clock.
struct Sender {
    stage: Stage,
    now: u64,
}

impl Sender {
    fn with(config: &str) -> Self {
        Self { stage: Stage::with(config), now: START }
    }

    /// So many records.
    fn emit(&mut self, records: usize) {
        for _ in 0..records {
            self.now += 10;
            self.stage.proxy.set_clock_us(self.now);
            self.stage.pass(retried("cart"));
        }
    }

    /// One second later; the calls that the tick made.
    fn tick(&mut self) -> Vec<HttpCall> {
        self.now += 1_000_000;
        self.stage.proxy.set_clock_us(self.now);
        self.stage.vm.tick(self.stage.root).unwrap();
        self.stage.vm.take_http_calls()
    }

    fn answer(&mut self, call: &HttpCall, answer: Option<Answer>) -> Vec<HttpCall> {
        self.stage.vm.answer(self.stage.root, call.token, answer).unwrap();
        self.stage.vm.take_http_calls()
    }

    /// Seconds until the next call.
    fn wait(&mut self) -> (u64, HttpCall) {
        for seconds in 1..1_000 {
            if let [call] = &self.tick()[..] {
                return (seconds, call.clone());
            }
        }
        panic!("no further call");
    }

    fn dropped(&self) -> u64 {
        self.stage.proxy.counter("nearmiss.dropped_total")
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
fn a_batch_goes_where_the_configuration_says_and_nothing_to_the_log() {
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
    assert_eq!(sender.stage.proxy.take_records(), Vec::<String>::new());
    assert!(sender.tick().is_empty(), "one call in flight");
}

#[test]
fn what_is_answered_is_gone_and_what_waits_follows_at_once() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(250);
    let first = sender.tick().remove(0);
    let second = sender.answer(&first, Some(Answer::of(200, "{}"))).remove(0);
    assert!(
        sender.answer(&second, Some(Answer::of(200, "{}"))).is_empty(),
        "the rest waits for the next tick"
    );
    let third = sender.wait().1;
    let mut all: Vec<_> = [&first, &second, &third].into_iter().flat_map(uids).collect();
    assert_eq!([&first, &second, &third].map(|call| records(call).len()), [100, 100, 50]);
    all.sort();
    all.dedup();
    assert_eq!((all.len(), sender.dropped()), (250, 0), "every record has a name of its own");
}

#[test]
fn a_collector_that_is_busy_is_asked_again_later_and_later_with_the_same_records() {
    for status in [408, 429, 502, 503, 504, 0] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(5);
        let mut call = sender.tick().remove(0);
        let mut waited = 0;
        for _ in 0..8 {
            let answer = (status > 0).then(|| Answer::of(status, "busy"));
            assert!(sender.answer(&call, answer).is_empty(), "not at once");
            let (seconds, again) = sender.wait();
            assert!(seconds <= 61, "{seconds} s");
            assert_eq!(uids(&again)[..5], uids(&call)[..5], "{status}");
            waited += seconds;
            call = again;
        }
        assert!(waited > 20, "{status}: eight pauses of {waited} s in all");
        sender.answer(&call, Some(Answer::of(200, "")));
        assert_eq!(sender.dropped(), 0);
    }
}

#[test]
fn a_wish_to_be_left_alone_is_heeded_within_reason() {
    for (wish, least, most) in [("7", 7, 9), ("99999999999", 300, 302), ("soon", 0, 2)] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(1);
        let call = sender.tick().remove(0);
        sender.answer(&call, Some(Answer::of(503, "").with_header("retry-after", wish)));
        let (seconds, _) = sender.wait();
        assert!((least..=most).contains(&seconds), "{wish}: {seconds} s");
    }
}

#[test]
fn what_is_refused_for_good_is_counted_as_dropped() {
    for status in [400, 401, 404, 413, 500, 301] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(5);
        let call = sender.tick().remove(0);
        sender.answer(&call, Some(Answer::of(status, "no")));
        assert_eq!(sender.dropped(), 5, "{status}");
        sender.emit(1);
        assert_eq!(records(&sender.wait().1).len(), 1);
    }
}

#[test]
fn a_partial_success_drops_as_many_as_it_says_and_never_more_than_there_were() {
    for (said, dropped) in [("2", 2), ("\"2\"", 2), ("99", 5)] {
        let mut sender = Sender::with(CONFIG);
        sender.emit(5);
        let call = sender.tick().remove(0);
        let body = format!(r#"{{"partialSuccess":{{"rejectedLogRecords":{said},"errorMessage":"no"}}}}"#);
        sender.answer(&call, Some(Answer::of(200, &body)));
        assert_eq!(sender.dropped(), dropped, "{said}");
    }
}

#[test]
fn garbage_and_a_huge_answer_are_survived_and_not_read_to_the_end() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(1);
    let call = sender.tick().remove(0);
    let warm = sender.stage.vm.memory_bytes();
    let huge = "x".repeat(32 << 20);
    sender.answer(&call, Some(Answer::of(200, &huge)));
    assert!(sender.stage.vm.memory_bytes() < warm + (1 << 20), "{} bytes", sender.stage.vm.memory_bytes());
    sender.emit(1);
    let call = sender.wait().1;
    let garbage =
        Answer { headers: vec![(b":status".to_vec(), b"\xff\xfe".to_vec())], body: vec![0xff; 100] };
    sender.answer(&call, Some(garbage));
    let again = sender.wait().1;
    assert_eq!(uids(&again), uids(&call));
    sender.stage.vm.answer(sender.stage.root, 4_711, Some(Answer::of(200, ""))).unwrap();
    assert!(sender.tick().is_empty(), "an answer that nobody waits for changes nothing");
    sender.stage.assert_alive();
}

#[test]
fn the_queue_has_an_end_and_every_record_is_delivered_or_counted() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(10);
    let mut call = sender.tick().remove(0);
    sender.emit(2_000);
    assert_eq!(sender.dropped(), 2_010 - 300, "single exchanges have three quarters of the queue");
    let warm = sender.stage.vm.memory_bytes();
    sender.emit(5_000);
    assert_eq!(sender.stage.vm.memory_bytes(), warm);
    let mut delivered = 0;
    loop {
        delivered += records(&call).len() as u64;
        let mut next = sender.answer(&call, Some(Answer::of(200, "{}")));
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
fn an_answer_that_the_host_never_tells_is_given_up_and_a_cluster_that_is_not_there_asked_again() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(1);
    let call = sender.tick().remove(0);
    let (seconds, again) = sender.wait();
    assert!((12..=14).contains(&seconds), "{seconds} s: timeout, grace and a pause");
    assert_eq!(uids(&again), uids(&call));
    let mut lost = Sender::with(r#"{"envoy":{"collector":"nowhere"}}"#);
    lost.emit(1);
    assert!(lost.tick().is_empty());
    lost.stage.assert_alive();
}

#[test]
fn what_is_left_when_the_plugin_goes_is_in_the_log() {
    let mut sender = Sender::with(CONFIG);
    sender.emit(3);
    sender.stage.vm.shut_down(sender.stage.root).unwrap();
    let records = sender.stage.proxy.take_records();
    assert_eq!(records.iter().filter(|record| record.contains(r#""type":"exchange""#)).count(), 3);
    assert_eq!(records.len(), 4, "and the summary: {records:?}");
}

#[test]
fn what_is_logged_beside_the_collector_is_the_users_word() {
    for (log, logged) in [("all", 2), ("episodes", 0), ("none", 0)] {
        let mut sender =
            Sender::with(&format!(r#"{{"envoy":{{"collector":{{"cluster":"otel","log":"{log}"}}}}}}"#));
        sender.emit(2);
        sender.tick();
        assert_eq!(sender.stage.proxy.take_records().len(), logged, "{log}");
    }
}

#[test]
fn without_a_collector_no_call_is_made() {
    let mut sender = Sender::with("{}");
    sender.emit(3);
    assert!(sender.tick().is_empty());
    sender.stage.pass(Stream::ok("cart"));
    assert_eq!(sender.stage.vm.take_calls().of("proxy_http_call"), 0);
}
