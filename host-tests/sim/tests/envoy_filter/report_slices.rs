//! A leader with many upstreams spreads a report over ticks, and loses nothing whatever happens in between.

use std::collections::BTreeMap;

use serde_json::Value;
use sim::proxy_wasm::{Proxy, RootId, Stream, Vm};
use wasmtime::{Config, Engine, Module};

use crate::harness::{configured_vms, proxy, retried};

/// Start time in seconds, a multiple of a minute.
const START: u64 = 1_795_423_560;
const UPSTREAMS: u64 = 1_000;
const WORKERS: usize = 2;
/// A minute's summaries are emitted with the report on its last bucket, two seconds after its end.
const REPORT: u64 = 62;
/// Instructions that a tick may take at most. All of the report in one tick took 125 million.
const MAX_INSTRUCTIONS: u64 = 2_500_000;

/// An Envoy whose leader is the VM of the main thread.
struct Process {
    proxy: Proxy,
    main: (Vm, RootId),
    workers: Vec<(Vm, RootId)>,
    second: u64,
    /// Instructions of each tick of the main thread.
    ticks: Vec<u64>,
    records: Vec<Value>,
}

impl Process {
    fn start(proxy: Proxy) -> Self {
        proxy.set_clock_us(START * 1_000_000);
        let (main, workers) = configured_vms(&proxy, WORKERS);
        Self { proxy, main, workers, second: 0, ticks: Vec::new(), records: Vec::new() }
    }

    /// Runs until a second before the tick that begins the report on the first minute.
    fn until_report(proxy: Proxy) -> Self {
        let mut process = Self::start(proxy);
        while process.second < REPORT - 1 {
            process.second();
        }
        assert!(process.summaries().is_empty());
        process
    }

    /// Runs one second: an exchange of each upstream on alternating workers, then the ticks of all VMs.
    fn second(&mut self) {
        self.exchanges();
        self.tick_workers();
        while self.tick_main() < 1_000 {}
    }

    fn exchanges(&mut self) {
        self.proxy.set_clock_us((START + self.second) * 1_000_000 + 500_000);
        for number in 0..UPSTREAMS {
            let name = format!("service-{number:03}");
            let (vm, root) = &mut self.workers[(number + self.second) as usize % WORKERS];
            vm.exchange(*root, if number == 7 { retried(&name) } else { Stream::ok(&name) });
        }
        self.second += 1;
        self.proxy.set_clock_us((START + self.second) * 1_000_000);
    }

    fn tick_workers(&mut self) {
        for (vm, root) in &mut self.workers {
            vm.tick(*root).unwrap();
        }
    }

    /// Fires the timer of the main thread, and returns its period in milliseconds.
    fn tick_main(&mut self) -> u32 {
        let (vm, root) = &mut self.main;
        let before = vm.fuel();
        vm.tick(*root).unwrap();
        self.ticks.push(vm.fuel() - before);
        let period_ms = vm.tick_period_ms(*root);
        if period_ms < 1_000 {
            self.proxy.set_clock_us(self.proxy.clock_us() + u64::from(period_ms) * 1_000);
        }
        self.take_records();
        period_ms
    }

    fn take_records(&mut self) {
        let records = self.proxy.take_records();
        self.records.extend(records.iter().map(|record| serde_json::from_str::<Value>(record).unwrap()));
    }

    fn stop(&mut self) {
        for (vm, root) in self.workers.iter_mut().chain([&mut self.main]) {
            vm.shut_down(*root).unwrap();
        }
        self.take_records();
    }

    fn summaries(&self) -> Vec<&Value> {
        self.records.iter().filter(|record| record["type"] == "summary").collect()
    }

    /// Asserts that each summary of an upstream continues the one before, and that together they have every exchange.
    fn assert_complete(&self) {
        let mut upstreams = BTreeMap::<&str, (u64, u64, &Value)>::new();
        for summary in self.summaries() {
            let exchanges: u64 =
                summary["fates"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
            let name = summary["upstream"].as_str().unwrap();
            let before = upstreams.entry(name).or_insert((0, 0, &summary["start"]));
            assert_eq!((&summary["seq"], &summary["start"]), (&before.1.into(), before.2), "{summary}");
            *before = (before.0 + exchanges, before.1 + 1, &summary["end"]);
        }
        assert_eq!(upstreams.len() as u64, UPSTREAMS);
        let expected = self.second;
        assert!(upstreams.values().all(|(exchanges, ..)| *exchanges == expected), "{upstreams:?}");
    }
}

fn counting() -> Proxy {
    let engine = Engine::new(Config::new().consume_fuel(true)).expect("an engine that counts");
    let module = Module::from_file(&engine, artifact::envoy_module()).expect("a module");
    Proxy::from_module(engine, module)
}

#[test]
fn no_tick_of_a_leader_is_long() {
    let mut process = Process::until_report(counting());
    process.ticks.clear();
    while process.second < REPORT + 20 {
        process.second();
    }
    let longest = process.ticks.iter().max().unwrap();
    assert!(*longest <= MAX_INSTRUCTIONS, "{longest} of {:?}", process.ticks);
    let summaries = process.summaries();
    let names: Vec<_> = summaries.iter().map(|summary| summary["upstream"].as_str().unwrap()).collect();
    assert_eq!(names.len() as u64, UPSTREAMS);
    assert!(names.is_sorted(), "in the order of names");
    assert!(summaries.iter().all(|summary| summary["end"] == summaries[0]["end"]), "one window");
    process.stop();
    process.assert_complete();
}

#[test]
fn a_report_in_progress_is_completed_when_envoy_stops() {
    for slices in [1, 2, 10, 20, 30] {
        let mut process = Process::until_report(proxy());
        process.exchanges();
        process.tick_workers();
        let in_progress = (0..slices).filter(|_| process.tick_main() < 1_000).count();
        assert!(in_progress > 0, "the report takes several ticks");
        process.stop();
        process.assert_complete();
    }
}

#[test]
fn a_report_in_progress_is_completed_before_a_new_configuration() {
    let mut process = Process::until_report(proxy());
    process.exchanges();
    process.tick_workers();
    while process.summaries().is_empty() {
        assert!(process.tick_main() < 1_000);
    }
    let (vm, root) = &mut process.main;
    *root = vm.reconfigure(*root, r#"{"budget":"1%"}"#).unwrap();
    process.second();
    let summaries = process.summaries();
    assert_eq!(summaries.len() as u64, UPSTREAMS);
    assert!(summaries.iter().all(|summary| summary["end"] == summaries[0]["end"]), "one window");
    process.stop();
    process.assert_complete();
}

#[test]
fn a_report_in_progress_is_completed_when_another_vm_leads() {
    let mut process = Process::until_report(proxy());
    process.exchanges();
    process.tick_workers();
    process.tick_main();
    // The main thread is busy for longer than its lease.
    for _ in 0..40 {
        process.exchanges();
        process.tick_workers();
    }
    while process.tick_main() < 1_000 {}
    process.second();
    process.stop();
    let exchanges: u64 = process
        .summaries()
        .iter()
        .flat_map(|summary| summary["fates"].as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(exchanges, process.second * UPSTREAMS);
}

#[test]
fn a_host_whose_ticks_stay_a_second_apart_gets_every_report() {
    let mut process = Process::start(proxy());
    while process.second < 130 {
        process.exchanges();
        process.tick_workers();
        process.tick_main();
        process.proxy.set_clock_us((START + process.second) * 1_000_000);
    }
    assert!(process.summaries().len() as u64 >= UPSTREAMS);
    process.stop();
    process.assert_complete();
}
