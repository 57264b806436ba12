//! An episode is reported once per Envoy, with any number of workers.
//!
//! The first episode needs five minutes of learning, so these Envoys run with an accelerated wall clock. The monotonic clock is
//! unchanged, and all counts stay exact.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use real::{Client, EnvoyCommand, Origin, Request, wasm_filter};
use serde_json::Value;

use crate::bootstrap::bootstrap;

/// Speed-up factor of the wall clock.
const CLOCK_FACTOR: u32 = 4;
/// Number of clients, each of which sends a request per interval on a new connection.
const CLIENTS: usize = 12;
const INTERVAL: Duration = Duration::from_millis(40);
/// Milliseconds after which the origin responds, in turn. They are so far apart that the noise of a busy machine, some ten
/// milliseconds, is not slow beside them: the fault consists of retries alone.
const DELAYS_MS: [u32; 6] = [80, 10, 160, 40, 320, 20];
/// Phases in buckets of ten seconds: learning, a fault with an update in the middle, recovery.
const LEARN: u64 = 33;
const FAULT: u64 = 5;
const RECOVERY: u64 = 4;

#[test]
fn a_fault_is_one_episode_with_one_two_or_four_workers() {
    let closed: Vec<Value> = thread::scope(|scope| {
        let runs = [1, 2, 4].map(|workers| scope.spawn(move || run(workers)));
        runs.map(|run| run.join().expect("a run that passes")).into()
    });
    for key in ["upstream", "pattern", "outcome", "truncated"] {
        assert!(closed.iter().all(|close| close[key] == closed[0][key]), "{key}: {closed:#?}");
    }
}

/// The wall clock of an Envoy started at some moment. The startup time of its process is accelerated as well, so its clock is up
/// to half a bucket behind this one, and no edge of the fault may be that close to the end of a bucket.
#[derive(Clone, Copy)]
struct Clock {
    started: Duration,
}

impl Clock {
    fn now(self) -> Duration {
        self.started + (wall_clock() - self.started) * CLOCK_FACTOR
    }

    fn wait_for(self, bucket: u64, share: f64) {
        let moment = Duration::from_secs_f64((bucket as f64 + share) * 10.0);
        thread::sleep(moment.saturating_sub(self.now()) / CLOCK_FACTOR);
    }

    fn is_past(self, bucket: u64, share: f64) -> bool {
        self.now().as_secs_f64() >= (bucket as f64 + share) * 10.0
    }
}

fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

/// Runs the fault in an Envoy with `workers` workers, checks the counts against the origins, and returns the close record.
fn run(workers: u32) -> Value {
    let hosts = Origin::several(3);
    let configured = |config: &str| bootstrap(&hosts).filter(wasm_filter(config));
    let (before, after) = (configured("{}"), configured(r#"{"records_per_second":5}"#));
    let arrivals = hosts[0].arrivals.clone();
    let clock = Clock { started: wall_clock() };
    let envoy = EnvoyCommand::new().workers(workers).updatable().clock_factor(CLOCK_FACTOR).run(&before);
    let fault = clock.now().as_secs() / 10 + LEARN;
    let port = envoy.port;
    let sent: usize = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || send(port, client, clock, fault))).collect();
        clock.wait_for(fault + FAULT / 2, 0.5);
        assert!(envoy.update(&after), "the new configuration is accepted");
        clients.into_iter().map(|client| client.join().expect("every request succeeds")).sum()
    });
    envoy.wait_for_exchanges(sent);
    let stats = envoy.nearmiss_stats();
    assert_eq!(stats.exchanges(), sent as u64);
    assert_eq!(stats.attempts("cart"), arrivals.count() as u64, "as the origins count them");
    let retried = arrivals.count() - sent;
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
    // It may begin before the fault: durations that were slower by chance are evidence as well.
    assert!(start <= fault * 10 + 10, "{workers} workers: {start} is after {}", fault * 10);
    let summed: u64 = records(&log, "summary")
        .iter()
        .flat_map(|summary| summary["fates"].as_object().expect("fates").values())
        .map(|count| count.as_u64().expect("a count"))
        .sum();
    assert_eq!(summed, sent as u64, "{workers} workers: the rest is reported when Envoy stops");
    close.clone()
}

/// Sends requests until the end of the recovery; during the fault every third request needs a second attempt.
fn send(port: u16, client: usize, clock: Clock, fault: u64) -> usize {
    let mut sent = 0;
    while !clock.is_past(fault + FAULT + RECOVERY, 0.0) {
        let is_fault = clock.is_past(fault, 0.7) && !clock.is_past(fault + FAULT - 1, 0.9);
        let failure = if is_fault && sent % 3 == 0 { "503," } else { "" };
        let script = format!("{failure}late:{}", DELAYS_MS[(client + sent) % DELAYS_MS.len()]);
        let request = Request::get("/cart").script(&format!("{client}-{sent}"), &script);
        assert_eq!(Client::new(port).send(&request).status, 200);
        sent += 1;
        thread::sleep(INTERVAL);
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
