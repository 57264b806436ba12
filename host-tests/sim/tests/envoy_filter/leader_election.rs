//! Leader election: several workers and the main thread's VM report as one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sim::proxy_wasm::{Proxy, RootId, Status, Stream, Vm};

use crate::harness::{configured_vms, fate_counts, proxy};

/// Start time in seconds, a multiple of a minute.
const START: u64 = 1_795_423_560;
/// Seconds in which every fourth exchange needs a second attempt.
const FAULT: std::ops::Range<u64> = 600..660;
/// Last second of the run: the episode has closed after ten minutes without near misses.
const END: u64 = 1_500;
/// Exchanges per second.
const RATE: u64 = 8;

/// One Envoy: the main thread's VM and its workers.
struct Process {
    proxy: Proxy,
    main: (Vm, RootId),
    workers: Vec<(Vm, RootId)>,
    second: u64,
    sent: u64,
    records: Vec<Value>,
}

impl Process {
    fn with(workers: usize) -> Self {
        let proxy = proxy();
        proxy.set_clock_us(START * 1_000_000);
        let (main, workers) = configured_vms(&proxy, workers);
        Self { proxy, main, workers, second: 0, sent: 0, records: Vec::new() }
    }

    /// Runs one second: exchanges, then the tick of every VM.
    fn second(&mut self) {
        self.exchanges();
        self.tick(true);
    }

    fn exchanges(&mut self) {
        let is_bad = FAULT.contains(&self.second);
        for i in 0..RATE {
            self.proxy.set_clock_us((START + self.second) * 1_000_000 + i * 120_000);
            let stream = if is_bad && i % 4 == 0 { retried() } else { Stream::ok("cart") };
            // Workers get unequal shares that change.
            let worker = (self.sent * 7 / 3) as usize % self.workers.len();
            let (vm, root) = &mut self.workers[worker];
            vm.exchange(*root, stream);
            self.sent += 1;
        }
        self.second += 1;
        self.proxy.set_clock_us((START + self.second) * 1_000_000);
    }

    fn tick(&mut self, main_ticks: bool) {
        if main_ticks {
            self.main.0.tick(self.main.1).unwrap();
        }
        for (vm, root) in &mut self.workers {
            vm.tick(*root).unwrap();
        }
        let records = self.proxy.take_records();
        self.records.extend(records.iter().map(|record| serde_json::from_str::<Value>(record).unwrap()));
    }

    /// Shuts down workers first, as Envoy does.
    fn stop(mut self) -> (Vec<Value>, Proxy) {
        for (vm, root) in &mut self.workers {
            vm.shut_down(*root).unwrap();
        }
        self.main.0.shut_down(self.main.1).unwrap();
        let records = self.proxy.take_records();
        self.records.extend(records.iter().map(|record| serde_json::from_str::<Value>(record).unwrap()));
        (self.records, self.proxy)
    }
}

fn retried() -> Stream {
    let slow = Duration::from_millis(12);
    Stream { attempts: 2, duration: slow, ..Stream::ok("cart") }
}

fn of_type<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

/// Returns exchanges by fate, over all summaries.
fn summed(records: &[Value]) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for summary in of_type(records, "summary") {
        for (fate, count) in summary["fates"].as_object().unwrap() {
            *sum.entry(fate.clone()).or_insert(0) += count.as_u64().unwrap();
        }
    }
    sum.retain(|_, count| *count > 0);
    sum
}

/// Removes the times, which may differ by a bucket; the rest of the record must be equal.
fn without_times(record: &Value) -> Value {
    let mut record = record.clone();
    for key in ["detected", "end"] {
        record.as_object_mut().unwrap().remove(key);
    }
    record
}

fn assert_complete(records: &[Value], proxy: &Proxy, sent: u64) {
    let metrics = proxy.fates("cart");
    assert_eq!(metrics.values().sum::<u64>(), sent, "{metrics:?}");
    assert_eq!(summed(records), metrics, "summaries equal the metrics");
    let sources: std::collections::BTreeSet<_> =
        of_type(records, "summary").iter().map(|summary| summary["source"].to_string()).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
}

#[test]
fn the_same_fault_is_one_identical_episode_with_one_two_or_four_workers() {
    let episodes: Vec<_> = [1, 2, 4]
        .map(|workers| {
            let mut process = Process::with(workers);
            while process.second < END {
                process.second();
            }
            let sent = process.sent;
            let (records, proxy) = process.stop();
            assert_complete(&records, &proxy, sent);
            let counted = proxy
                .metrics()
                .iter()
                .filter(|(name, _)| name.ends_with("episodes_total"))
                .map(|(_, metric)| metric.value)
                .sum::<u64>();
            assert_eq!(counted, 1, "{workers} workers");
            let [open, close] = of_type(&records, "episode")[..] else {
                panic!("{workers} workers: {:?}", of_type(&records, "episode"))
            };
            assert_eq!((&open["phase"], &close["phase"]), (&"open".into(), &"close".into()));
            assert_eq!(close["near_misses"], 120, "{close}");
            (without_times(open), without_times(close))
        })
        .into();
    assert!(episodes.iter().all(|episode| *episode == episodes[0]), "{episodes:#?}");
}

#[test]
fn a_configuration_update_does_not_split_the_episode() {
    let mut process = Process::with(2);
    while process.second < END {
        if process.second == 630 {
            for (vm, root) in process.workers.iter_mut().chain([&mut process.main]) {
                *root = vm.reconfigure(*root, r#"{"records_per_second":5}"#).unwrap();
            }
        }
        process.second();
    }
    let sent = process.sent;
    let (records, proxy) = process.stop();
    assert_complete(&records, &proxy, sent);
    assert_eq!(of_type(&records, "episode").len(), 2);
    assert_eq!(of_type(&records, "episode")[1]["near_misses"], 120);
}

#[test]
fn a_worker_that_joins_later_knows_the_baseline() {
    let mut process = Process::with(2);
    let second = process.workers.pop().unwrap();
    while process.second < 300 {
        process.second();
    }
    process.workers.insert(0, second);
    let long = Duration::from_millis(900);
    let slow = Stream { duration: long, backend_latency: Some(long), ..Stream::ok("cart") };
    let (vm, root) = &mut process.workers[0];
    let after = vm.exchange(*root, slow);
    assert!(after.annotation().is_some_and(|text| text.starts_with("slow")), "{:?}", after.annotation());
}

#[test]
fn a_worker_that_stops_loses_only_what_it_has_not_published() {
    let mut process = Process::with(2);
    while process.second < 125 {
        process.second();
    }
    // The last five seconds of the worker were only in its memory.
    process.workers.pop();
    let lost = process.sent - 120 * RATE;
    while process.second < 300 {
        process.second();
    }
    let sent = process.sent;
    let (records, _) = process.stop();
    let reported = summed(&records)["clean"];
    assert!((sent - lost..=sent).contains(&reported), "{reported} of {sent}, {lost} at most are lost");
    let ends: Vec<_> =
        of_type(&records, "summary").iter().map(|summary| summary["end"].to_string()).collect();
    assert_eq!(ends.len(), 5, "one summary per minute, even with a silent worker: {ends:?}");
}

#[test]
fn when_the_leader_dies_another_vm_takes_over_and_every_exchange_is_reported_once() {
    let mut process = Process::with(2);
    while process.second < 300 {
        process.second();
    }
    while process.second < 600 {
        process.exchanges();
        process.tick(false);
    }
    let before = summed(&process.records)["clean"];
    assert!(before > 450 * RATE, "{before}: another VM has taken over");
    let sent = process.sent;
    // The main thread was only slow, and ticks again.
    while process.second < 700 {
        process.second();
    }
    let (records, proxy) = process.stop();
    assert_eq!(summed(&records), proxy.fates("cart"));
    assert!(proxy.fates("cart")["clean"] > sent);
}

#[test]
fn whoever_ends_last_reports_what_is_left_whatever_the_order() {
    for workers in [1, 2, 4] {
        // The position at which the main thread's VM ends, among the workers.
        for main_ends in 0..=workers {
            // The main thread is busy at first, so that a worker leads, until it ends or for half of the time.
            for main_ticks_from in [10, u64::MAX] {
                let mut process = Process::with(workers);
                while process.second < 20 {
                    process.exchanges();
                    let main_ticks = process.second >= main_ticks_from;
                    process.tick(main_ticks);
                }
                process.exchanges();
                let (main, root) = &mut process.main;
                for (position, (vm, worker)) in process.workers.iter_mut().enumerate() {
                    if position == main_ends {
                        main.shut_down(*root).unwrap();
                    }
                    vm.shut_down(*worker).unwrap();
                }
                if main_ends == workers {
                    main.shut_down(*root).unwrap();
                }
                let records = process.proxy.take_records();
                process
                    .records
                    .extend(records.iter().map(|record| serde_json::from_str::<Value>(record).unwrap()));
                assert_eq!(
                    summed(&process.records),
                    process.proxy.fates("cart"),
                    "{workers} workers, main ends at {main_ends} and ticks from {main_ticks_from}"
                );
            }
        }
    }
}

#[test]
fn the_lease_returns_to_the_main_thread_unless_an_episode_is_open() {
    let mut process = Process::with(2);
    while process.second < 130 {
        process.exchanges();
        process.tick(false);
    }
    let source = |process: &Process| of_type(&process.records, "summary").last().unwrap()["source"].clone();
    let of_worker = source(&process);
    while process.second < 260 {
        process.second();
    }
    let of_main = source(&process);
    assert_ne!(of_main, of_worker, "a VM without traffic leads");
    while process.second < END {
        process.second();
    }
    assert_eq!(source(&process), of_main);
    let (records, proxy) = process.stop();
    assert_eq!(summed(&records), proxy.fates("cart"));
    assert_eq!(of_type(&records, "episode").len(), 2, "one episode, not truncated");
}

#[test]
fn lost_updates_and_failing_hostcalls_lose_no_count() {
    let failures = [
        ("proxy_set_shared_data", Status::CasMismatch),
        ("proxy_set_shared_data", Status::InternalFailure),
        ("proxy_get_shared_data", Status::InternalFailure),
    ];
    for (call, status) in failures {
        let mut process = Process::with(2);
        while process.second < 300 {
            let second = process.second;
            for (index, (vm, _)) in process.workers.iter_mut().chain([&mut process.main]).enumerate() {
                vm.clear_faults();
                // Faults hit early and late calls of changing VMs.
                if second > 20 && second < 280 && (second + index as u64).is_multiple_of(3) {
                    vm.inject(call, 1 + second % 5, status);
                }
            }
            process.second();
        }
        let (records, proxy) = process.stop();
        assert_eq!(summed(&records), proxy.fates("cart"), "{call} {status:?}");
        assert_eq!(proxy.fates("cart"), fate_counts(&[("clean", 300 * RATE)]));
    }
}

#[test]
fn traffic_before_the_first_tick_is_reported() {
    let mut process = Process::with(3);
    process.exchanges();
    process.exchanges();
    while process.second < 90 {
        process.second();
    }
    let sent = process.sent;
    let (records, proxy) = process.stop();
    assert_complete(&records, &proxy, sent);
}

#[test]
fn filter_and_logger_elect_separate_leaders() {
    let proxy = proxy();
    let mut vm = proxy.worker();
    let filter = vm.configure(r#"{"envoy":{"attach":"http"}}"#).unwrap();
    let logger = vm.configure(r#"{"envoy":{"attach":"log"}}"#).unwrap();
    vm.tick(filter).unwrap();
    vm.tick(logger).unwrap();
    let keys: Vec<_> =
        proxy.shared_keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
    assert_eq!(keys.iter().filter(|key| key.ends_with("/lease")).count(), 2, "{keys:?}");
}

#[test]
fn shared_data_does_not_grow() {
    let mut process = Process::with(4);
    let size = |process: &Process| process.proxy.shared_bytes();
    while process.second < 240 {
        process.second();
    }
    let warm = size(&process);
    while process.second < 900 {
        process.second();
    }
    assert!(size(&process) < warm * 2, "{warm} bytes grew to {}", size(&process));
}

#[test]
fn shared_data_is_touched_on_ticks_only() {
    let mut process = Process::with(2);
    while process.second < 30 {
        process.second();
    }
    for (vm, _) in &mut process.workers {
        vm.take_calls();
    }
    process.exchanges();
    for (vm, _) in &mut process.workers {
        let calls = vm.take_calls();
        assert_eq!(calls.of("proxy_get_shared_data") + calls.of("proxy_set_shared_data"), 0, "{calls:?}");
    }
}
