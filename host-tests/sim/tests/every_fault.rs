//! Injects one fault at each point where a scenario makes a hostcall. Traffic must pass, and the counts may be wrong by
//! at most the exchange in flight.

use std::collections::BTreeMap;

use serde_json::Value;
use sim::proxy_wasm::{CallCounts, HttpCallResponse, Proxy, RootId, Status, Stream, Vm};
use sim::scenario::proxy_wasm::run_prepared;
use sim::scenario::{Scenario, ScenarioHost};

/// The first calls of each hostcall that are all tried; of the rest in longer scenarios, every `STRIDE`th is.
const EXHAUSTIVE: u64 = 48;
const STRIDE: usize = 61;

#[test]
fn a_call_that_fails_once_costs_no_more_than_the_exchange_in_flight_as_a_filter() {
    fail_once_everywhere("http");
}

#[test]
fn a_call_that_fails_once_costs_no_more_than_the_exchange_in_flight_as_an_access_logger() {
    fail_once_everywhere("log");
}

fn fail_once_everywhere(attach: &str) {
    let proxy = Proxy::shipped();
    let mut tried = 0_usize;
    for scenario in Scenario::for_host(ScenarioHost::Envoy) {
        let (healthy, mut vm) = run_prepared(&scenario, &proxy, attach, |vm| drop(vm.take_calls()));
        // With a limit on upstreams, the first to arrive get a place, so the exchange in flight can change the
        // upstreams of others.
        let is_bounded = scenario.config.get("max_upstreams").is_some();
        let counted = |proxy: &Proxy| if is_bounded { fates(proxy) } else { exchanges(proxy) };
        let expected = counted(&healthy);
        for (call, nth, status) in fault_points(&vm.take_calls(), EXHAUSTIVE, STRIDE) {
            tried += 1;
            let (after, _) = run_prepared(&scenario, &proxy, attach, |vm| vm.inject(call, nth, status));
            compare(&expected, &counted(&after), &format!("{}: {call} {nth} {status:?}", scenario.name));
        }
    }
    assert!(tried > 1_000, "only {tried} points");
}

/// Returns the points at which calls fail, and the statuses: the first `exhaustive` calls, then every `stride`th.
fn fault_points(calls: &CallCounts, exhaustive: u64, stride: usize) -> Vec<(&'static str, u64, Status)> {
    let of_one = |(call, times): (&&'static str, &u64)| {
        let (call, times) = (*call, *times);
        let few = 1..=times.min(exhaustive);
        few.chain((exhaustive + 1..=times).step_by(stride)).map(move |nth| (call, nth))
    };
    let statuses = Status::FAILURES.into_iter().cycle();
    calls
        .by_name
        .iter()
        .flat_map(of_one)
        .zip(statuses)
        .map(|((call, nth), status)| (call, nth, status))
        .collect()
}

#[test]
fn a_call_that_fails_once_costs_no_more_than_the_exchange_in_flight_with_an_upstream_filter() {
    let proxy = Proxy::shipped();
    for outer in [Some("http"), None] {
        let (healthy, mut vm) = run_attempts(&proxy, outer, |vm| drop(vm.take_calls()));
        let expected = exchanges(&healthy);
        assert_eq!(expected.values().sum::<u64>(), if outer.is_some() { 12 } else { 0 });
        assert_eq!(attempts(&healthy), 24);
        let points = fault_points(&vm.take_calls(), EXHAUSTIVE, STRIDE);
        assert!(points.len() > 100, "only {} points", points.len());
        for (call, nth, status) in points {
            let (after, _) = run_attempts(&proxy, outer, |vm| vm.inject(call, nth, status));
            let what = format!("{outer:?}, {call} {nth} {status:?}");
            compare(&expected, &exchanges(&after), &what);
            assert!(attempts(&healthy) - attempts(&after) <= 3, "{what}: {} attempts", attempts(&after));
        }
    }
}

/// Runs twelve exchanges of one, two or three attempts through an upstream filter, optionally with another filter of
/// ours around it.
fn run_attempts(proxy: &Proxy, outer: Option<&str>, prepare: impl FnOnce(&mut Vm)) -> (Proxy, Vm) {
    let proxy = proxy.new_process();
    let mut vm = proxy.worker();
    let configured = |vm: &mut Vm, attach: &str| {
        vm.configure(&format!(r#"{{"envoy":{{"attach":"{attach}"}}}}"#)).expect("a valid configuration")
    };
    let outer_filter = outer.map(|attach| configured(&mut vm, attach));
    let upstream = configured(&mut vm, "upstream");
    prepare(&mut vm);
    for number in 0..12 {
        let key = vm.add_stream(Stream { attempts: 0, ..Stream::ok("cart") });
        let exchange = outer_filter.map(|root| vm.request_headers(root, key).expect("it passes"));
        for attempt in 1..=1 + number % 3 {
            vm.stream(key).attempts = attempt;
            let filter = vm.request_headers(upstream, key).expect("it passes");
            // The second of three attempts ends without a response.
            if attempt != 2 || number % 3 != 2 {
                vm.response_headers(filter).expect("it passes");
            }
            vm.end_stream(filter).expect("it passes");
        }
        if let Some(exchange) = exchange {
            vm.response_headers(exchange).expect("it passes");
            vm.end_stream(exchange).expect("it passes");
        }
        vm.tick(upstream).expect("it passes");
    }
    (proxy, vm)
}

#[test]
fn a_call_that_fails_once_costs_no_more_than_the_exchange_in_flight_with_leader_election() {
    let proxy = Proxy::shipped();
    let mut healthy = Process::run(&proxy, |_| {});
    let expected = exchanges(&healthy.proxy);
    assert_eq!(expected.values().sum::<u64>(), SENT);
    assert_eq!(
        healthy.reported(),
        SENT,
        "everything is reported to the collector or, at the end, to the log"
    );
    let mut tried = 0;
    for index in 0..healthy.vms.len() {
        for (call, nth, status) in fault_points(&healthy.vms[index].0.take_calls(), 12, 17) {
            tried += 1;
            let after = Process::run(&proxy, |vms| vms[index].0.inject(call, nth, status));
            let what = format!("VM {index}, {call} {nth} {status:?}");
            compare(&expected, &exchanges(&after.proxy), &what);
            // Counts between two ticks are in flight to the leader; a log line that the proxy rejects
            // is lost.
            let is_close = SENT.abs_diff(after.reported()) <= BETWEEN_TICKS;
            assert!(is_close || call == "proxy_log", "{what}: {} are reported", after.reported());
        }
    }
    assert!(tried > 200, "only {tried} points");
}

const SECONDS: u64 = 45;
const BETWEEN_TICKS: u64 = 4;
const SENT: u64 = SECONDS * BETWEEN_TICKS * 2;

/// An Envoy with two workers and its main thread, which report to a collector.
struct Process {
    proxy: Proxy,
    /// All VMs; the first is the main thread's.
    vms: Vec<(Vm, RootId)>,
    /// Exchanges counted by the delivered records, by record id, so that a repeated record counts once.
    reported: BTreeMap<String, u64>,
}

impl Process {
    fn run(proxy: &Proxy, prepare: impl FnOnce(&mut [(Vm, RootId)])) -> Self {
        const CONFIG: &str =
            r#"{"summary_every":"10s","envoy":{"collector":{"cluster":"otel","log":"none"}}}"#;
        const START: u64 = 1_795_423_560;
        let proxy = proxy.new_process();
        proxy.set_clock_us(START * 1_000_000);
        let start = |_| {
            let mut vm = proxy.worker();
            let root = vm.configure(CONFIG).expect("a valid configuration");
            vm.take_calls();
            (vm, root)
        };
        let vms = (0..3).map(start).collect();
        let mut process = Self { proxy, vms, reported: BTreeMap::new() };
        prepare(&mut process.vms);
        for second in 1..=SECONDS {
            for (vm, root) in &mut process.vms[1..] {
                for number in 0..BETWEEN_TICKS {
                    vm.exchange(*root, Stream { attempts: 1 + number % 2, ..Stream::ok("cart") });
                }
            }
            process.proxy.set_clock_us((START + second) * 1_000_000);
            process.tick();
        }
        process.stop();
        process
    }

    /// Fires the timer of every VM; the collector accepts every batch.
    fn tick(&mut self) {
        for (vm, root) in &mut self.vms {
            vm.tick(*root).expect("it passes");
            for call in vm.take_http_calls() {
                self.reported.extend(delivered_records(&call.body));
                vm.http_call_response(*root, call.token, Some(HttpCallResponse::of(200, "{}")))
                    .expect("it passes");
            }
        }
    }

    /// Shuts down workers first, as Envoy does.
    fn stop(&mut self) {
        self.proxy.take_log();
        for (vm, root) in self.vms.iter_mut().rev() {
            vm.shut_down(*root).expect("it passes");
        }
        self.reported.extend(self.proxy.take_records().into_iter().map(|record| {
            let summary: Value = serde_json::from_str(&record).expect("JSON");
            let fates = summary["fates"].as_object().into_iter().flatten();
            (record, fates.filter_map(|(_, count)| count.as_u64()).sum())
        }));
    }

    fn reported(&self) -> u64 {
        self.reported.values().sum()
    }
}

/// Returns the records of a batch: id, and number of exchanges.
fn delivered_records(body: &[u8]) -> Vec<(String, u64)> {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let records = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().expect("records");
    let one = |record: &Value| {
        let attributes = record["attributes"].as_array().expect("attributes");
        let value = |key: &str| attributes.iter().find(|one| one["key"] == key).map(|one| &one["value"]);
        let uid = value("log.record.uid").and_then(|uid| uid["stringValue"].as_str()).expect("a name");
        let fates = value("nearmiss.fates").and_then(|fates| fates["kvlistValue"]["values"].as_array());
        let counts = fates.into_iter().flatten().filter_map(|fate| fate["value"]["intValue"].as_str());
        (uid.to_owned(), counts.filter_map(|count| count.parse::<u64>().ok()).sum())
    };
    records.iter().map(one).collect()
}

/// Returns the number of attempts over all upstreams.
fn attempts(proxy: &Proxy) -> u64 {
    let metrics = proxy.metrics();
    metrics.iter().filter(|(name, _)| name.ends_with("attempts_total")).map(|(_, metric)| metric.value).sum()
}

/// Returns exchanges by upstream and fate.
fn exchanges(proxy: &Proxy) -> BTreeMap<String, u64> {
    let metrics = proxy.metrics();
    let counted = metrics.iter().filter(|(name, _)| name.ends_with("exchanges_total"));
    counted.map(|(name, metric)| (name.clone(), metric.value)).collect()
}

/// Returns exchanges by fate.
fn fates(proxy: &Proxy) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (name, count) in exchanges(proxy) {
        let fate = name.split_once("fate=").map_or(name.as_str(), |(_, fate)| fate);
        *sums.entry(fate.to_owned()).or_default() += count;
    }
    sums
}

/// Asserts that at most one exchange is missing or has another fate or upstream.
fn compare(expected: &BTreeMap<String, u64>, got: &BTreeMap<String, u64>, what: &str) {
    let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
    assert!(sum(expected) - sum(got) <= 1, "{what}: {expected:?} became {got:?}");
    let missing: u64 = expected
        .iter()
        .map(|(name, count)| count.saturating_sub(got.get(name).copied().unwrap_or_default()))
        .sum();
    assert!(missing <= 1, "{what}: {expected:?} became {got:?}");
}
