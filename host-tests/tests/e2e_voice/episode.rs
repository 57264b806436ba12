//! One voice for an Envoy, however many workers it has.
//!
//! Five minutes of learning come before the first episode, so the time of day runs fast in these Envoys; what measures spans
//! does not, and every count is as exact as ever.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use host_tests::real::{Client, Origin, Request, Start, wasm_filter};
use serde_json::Value;

use crate::site::site;

/// Seconds that pass in one.
const SWIFT: u32 = 4;
/// Threads that send, each a request every so often, on a connection of its own.
const CLIENTS: usize = 6;
const EVERY: Duration = Duration::from_millis(40);
/// Buckets of ten seconds: learning, then a fault with an update in its middle, then peace.
const LEARN: u64 = 33;
const FAULT: u64 = 5;
const PEACE: u64 = 4;

#[test]
fn with_one_two_or_four_workers_the_same_fault_is_the_same_one_episode() {
    let told: Vec<Value> = thread::scope(|scope| {
        let runs = [1, 2, 4].map(|workers| scope.spawn(move || tell(workers)));
        runs.map(|run| run.join().expect("a run that passes")).into()
    });
    for key in ["upstream", "pattern", "outcome", "truncated"] {
        assert!(told.iter().all(|close| close[key] == told[0][key]), "{key}: {told:#?}");
    }
}

/// What time it is in an Envoy that was started at some moment. Until its process runs a while passes that is multiplied, too: its
/// clock is up to half a bucket behind this one, and no edge of the fault may fall into another bucket by that.
#[derive(Clone, Copy)]
struct Clock {
    started: Duration,
}

impl Clock {
    fn now(self) -> Duration {
        self.started + (today() - self.started) * SWIFT
    }

    fn wait_for(self, bucket: u64, share: f64) {
        let moment = Duration::from_secs_f64((bucket as f64 + share) * 10.0);
        thread::sleep(moment.saturating_sub(self.now()) / SWIFT);
    }

    fn has_come(self, bucket: u64, share: f64) -> bool {
        self.now().as_secs_f64() >= (bucket as f64 + share) * 10.0
    }
}

fn today() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

/// The close record of the one episode of an Envoy with so many workers; its counts are those of the origins.
fn tell(workers: u32) -> Value {
    let hosts = Origin::several(3);
    let configured = |config: &str| site(&hosts).filter(wasm_filter(config));
    let (before, after) = (configured("{}"), configured(r#"{"records_per_second":5}"#));
    let ledger = hosts[0].ledger.clone();
    let clock = Clock { started: today() };
    let envoy = Start::new().workers(workers).updatable().clock(SWIFT).run(&before);
    let fault = clock.now().as_secs() / 10 + LEARN;
    let port = envoy.port;
    let sent: usize = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || send(port, client, clock, fault))).collect();
        clock.wait_for(fault + FAULT / 2, 0.5);
        assert!(envoy.update(&after), "the new configuration is taken");
        clients.into_iter().map(|client| client.join().expect("every request is answered")).sum()
    });
    envoy.wait_for_exchanges(sent);
    let stats = envoy.near_misses();
    assert_eq!(stats.exchanges(), sent as u64);
    assert_eq!(stats.attempts("cart"), ledger.count() as u64, "as the origins have it");
    let retried = ledger.count() - sent;
    assert_eq!(stats.fates("cart")["retried"], retried as u64);
    let log = envoy.stop();
    let episodes = records(&log, "episode");
    let [open, close] = &episodes[..] else { panic!("{workers} workers: {episodes:#?}") };
    assert_eq!(
        (&open["phase"], &close["phase"], &open["id"]),
        (&"open".into(), &"close".into(), &close["id"])
    );
    assert_eq!(close["signals"]["retry"], retried, "{workers} workers: {close:#}");
    let start: u64 =
        open["id"].as_str().and_then(|id| id.rsplit('-').next()?.parse().ok()).expect("a moment");
    assert!(start.abs_diff(fault * 10) <= 10, "{workers} workers: {start} is not {}", fault * 10);
    let summed: u64 = records(&log, "summary")
        .iter()
        .flat_map(|summary| summary["fates"].as_object().expect("fates").values())
        .map(|count| count.as_u64().expect("a count"))
        .sum();
    assert_eq!(summed, sent as u64, "{workers} workers: what was left was told when Envoy stopped");
    close.clone()
}

/// Sends until there was peace for long enough; in the fault every third request needs a second attempt.
fn send(port: u16, client: usize, clock: Clock, fault: u64) -> usize {
    let mut sent = 0;
    while !clock.has_come(fault + FAULT + PEACE, 0.0) {
        let is_fault = clock.has_come(fault, 0.7) && !clock.has_come(fault + FAULT - 1, 0.9);
        let script = if is_fault && sent % 3 == 0 { "503,200" } else { "200" };
        let request = Request::get("/cart").script(&format!("{client}-{sent}"), script);
        assert_eq!(Client::new(port).send(&request).status, 200);
        sent += 1;
        thread::sleep(EVERY);
    }
    sent
}

fn records(log: &[String], kind: &str) -> Vec<Value> {
    let parse = |line: &String| {
        let (_, json) = line.split_once("nearmiss {")?;
        serde_json::from_str::<Value>(&format!("{{{json}")).ok()
    };
    log.iter().filter_map(parse).filter(|record| record["type"] == kind).collect()
}
