//! Each call fails once at each place where a story makes it: traffic passes, and the counts are wrong by no more than the
//! exchange that was in flight.

use std::collections::BTreeMap;

use host_tests::artifact;
use host_tests::scenario::envoy::play;
use host_tests::scenario::{Host, Scenario};
use host_tests::sim::proxy_wasm::{Answer, BudgetedCalls, Proxy, Root, Status, Stream, Vm};
use serde_json::Value;

/// Places of one call that are tried one by one; in longer stories, where they repeat, every so many of the rest.
const ONE_BY_ONE: u64 = 48;
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
    let proxy = Proxy::load(&artifact::envoy_module());
    let mut tried = 0_usize;
    for scenario in Scenario::for_host(Host::Envoy) {
        let (well, mut vm) = play(&scenario, &proxy, attach, |vm| drop(vm.take_calls()));
        // Who finds a seat in a fleet that is full depends on who came first, so on the one in flight, too.
        let is_bounded = scenario.config.get("max_upstreams").is_some();
        let counted = |proxy: &Proxy| if is_bounded { fates(proxy) } else { exchanges(proxy) };
        let expected = counted(&well);
        for (call, nth, status) in places(&vm.take_calls(), ONE_BY_ONE, STRIDE) {
            tried += 1;
            let (after, _) = play(&scenario, &proxy, attach, |vm| vm.inject(call, nth, status));
            compare(&expected, &counted(&after), &format!("{}: {call} {nth} {status:?}", scenario.name));
        }
    }
    assert!(tried > 1_000, "only {tried} places");
}

/// Where which call is to fail, and with what: the first places one by one, then every so many.
fn places(calls: &BudgetedCalls, one_by_one: u64, stride: usize) -> Vec<(&'static str, u64, Status)> {
    let of_one = |(call, times): (&&'static str, &u64)| {
        let (call, times) = (*call, *times);
        let few = 1..=times.min(one_by_one);
        few.chain((one_by_one + 1..=times).step_by(stride)).map(move |nth| (call, nth))
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
    let proxy = Proxy::load(&artifact::envoy_module());
    for beside in [Some("http"), None] {
        let (well, mut vm) = tries(&proxy, beside, |vm| drop(vm.take_calls()));
        let expected = exchanges(&well);
        assert_eq!(expected.values().sum::<u64>(), if beside.is_some() { 12 } else { 0 });
        assert_eq!(attempts(&well), 24);
        let places = places(&vm.take_calls(), ONE_BY_ONE, STRIDE);
        assert!(places.len() > 100, "only {} places", places.len());
        for (call, nth, status) in places {
            let (after, _) = tries(&proxy, beside, |vm| vm.inject(call, nth, status));
            let what = format!("{beside:?}, {call} {nth} {status:?}");
            compare(&expected, &exchanges(&after), &what);
            assert!(attempts(&well) - attempts(&after) <= 3, "{what}: {} attempts", attempts(&after));
        }
    }
}

/// Twelve exchanges of one, two or three attempts past an upstream filter, and past another of ours around it.
fn tries(proxy: &Proxy, beside: Option<&str>, prepare: impl FnOnce(&mut Vm)) -> (Proxy, Vm) {
    let proxy = proxy.fresh();
    let mut vm = proxy.worker();
    let configured = |vm: &mut Vm, attach: &str| {
        vm.configure(&format!(r#"{{"envoy":{{"attach":"{attach}"}}}}"#))
            .expect("a configuration that is taken")
    };
    let around = beside.map(|attach| configured(&mut vm, attach));
    let upstream = configured(&mut vm, "upstream");
    prepare(&mut vm);
    for number in 0..12 {
        let key = vm.arrive(Stream { attempts: 0, ..Stream::ok("cart") });
        let exchange = around.map(|root| vm.request(root, key).expect("it passes"));
        for attempt in 1..=1 + number % 3 {
            vm.stream(key).attempts = attempt;
            let filter = vm.request(upstream, key).expect("it passes");
            // The second of three ends without an answer.
            if attempt != 2 || number % 3 != 2 {
                vm.response(filter).expect("it passes");
            }
            vm.end(filter).expect("it passes");
        }
        if let Some(exchange) = exchange {
            vm.response(exchange).expect("it passes");
            vm.end(exchange).expect("it passes");
        }
        vm.tick(upstream).expect("it passes");
    }
    (proxy, vm)
}

#[test]
fn a_call_that_fails_once_costs_no_more_than_the_exchange_in_flight_where_workers_speak_with_one_voice() {
    let proxy = Proxy::load(&artifact::envoy_module());
    let mut well = Fleet::play(&proxy, |_| {});
    let expected = exchanges(&well.proxy);
    assert_eq!(expected.values().sum::<u64>(), SENT);
    assert_eq!(well.told(), SENT, "all is told to the collector or, at the end, to the log");
    let mut tried = 0;
    for place in 0..well.vms.len() {
        for (call, nth, status) in places(&well.vms[place].0.take_calls(), 12, 17) {
            tried += 1;
            let after = Fleet::play(&proxy, |vms| vms[place].0.inject(call, nth, status));
            let what = format!("VM {place}, {call} {nth} {status:?}");
            compare(&expected, &exchanges(&after.proxy), &what);
            // What a VM counts between two ticks is in flight to the one that tells it; a line of the log that the proxy does
            // not take is gone.
            let is_near = SENT.abs_diff(after.told()) <= BETWEEN_TICKS;
            assert!(is_near || call == "proxy_log", "{what}: {} are told", after.told());
        }
    }
    assert!(tried > 200, "only {tried} places");
}

const SECONDS: u64 = 45;
const BETWEEN_TICKS: u64 = 4;
const SENT: u64 = SECONDS * BETWEEN_TICKS * 2;

/// An Envoy with two workers and its main thread, all of which tell a collector.
struct Fleet {
    proxy: Proxy,
    /// The first is the main thread's.
    vms: Vec<(Vm, Root)>,
    /// How many exchanges the records count that arrived: a repeat is known by its name.
    told: BTreeMap<String, u64>,
}

impl Fleet {
    fn play(proxy: &Proxy, prepare: impl FnOnce(&mut [(Vm, Root)])) -> Self {
        const CONFIG: &str =
            r#"{"summary_every":"10s","envoy":{"collector":{"cluster":"otel","log":"none"}}}"#;
        const START: u64 = 1_795_423_560;
        let proxy = proxy.fresh();
        proxy.set_clock_us(START * 1_000_000);
        let start = |_| {
            let mut vm = proxy.worker();
            let root = vm.configure(CONFIG).expect("a configuration that is taken");
            vm.take_calls();
            (vm, root)
        };
        let vms = (0..3).map(start).collect();
        let mut fleet = Self { proxy, vms, told: BTreeMap::new() };
        prepare(&mut fleet.vms);
        for second in 1..=SECONDS {
            for (vm, root) in &mut fleet.vms[1..] {
                for number in 0..BETWEEN_TICKS {
                    vm.exchange(*root, Stream { attempts: 1 + number % 2, ..Stream::ok("cart") });
                }
            }
            fleet.proxy.set_clock_us((START + second) * 1_000_000);
            fleet.tick();
        }
        fleet.stop();
        fleet
    }

    /// Every VM's timer; the collector takes what comes.
    fn tick(&mut self) {
        for (vm, root) in &mut self.vms {
            vm.tick(*root).expect("it passes");
            for call in vm.take_http_calls() {
                self.told.extend(delivered(&call.body));
                vm.answer(*root, call.token, Some(Answer::of(200, "{}"))).expect("it passes");
            }
        }
    }

    /// Workers go first, as in Envoy.
    fn stop(&mut self) {
        self.proxy.take_log();
        for (vm, root) in self.vms.iter_mut().rev() {
            vm.shut_down(*root).expect("it passes");
        }
        self.told.extend(self.proxy.take_records().into_iter().map(|record| {
            let summary: Value = serde_json::from_str(&record).expect("JSON");
            let fates = summary["fates"].as_object().into_iter().flatten();
            (record, fates.filter_map(|(_, count)| count.as_u64()).sum())
        }));
    }

    fn told(&self) -> u64 {
        self.told.values().sum()
    }
}

/// The records of a batch, each with how many exchanges it counts.
fn delivered(body: &[u8]) -> Vec<(String, u64)> {
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

/// Attempts, over all upstreams.
fn attempts(proxy: &Proxy) -> u64 {
    let metrics = proxy.metrics();
    metrics.iter().filter(|(name, _)| name.ends_with("attempts_total")).map(|(_, metric)| metric.value).sum()
}

/// Exchanges by upstream and fate.
fn exchanges(proxy: &Proxy) -> BTreeMap<String, u64> {
    let metrics = proxy.metrics();
    let counted = metrics.iter().filter(|(name, _)| name.ends_with("exchanges_total"));
    counted.map(|(name, metric)| (name.clone(), metric.value)).collect()
}

/// Exchanges by fate alone.
fn fates(proxy: &Proxy) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (name, count) in exchanges(proxy) {
        let fate = name.split_once("fate=").map_or(name.as_str(), |(_, fate)| fate);
        *sums.entry(fate.to_owned()).or_default() += count;
    }
    sums
}

/// One exchange may be missing or have another fate or upstream; every other is where it belongs.
fn compare(expected: &BTreeMap<String, u64>, got: &BTreeMap<String, u64>, what: &str) {
    let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
    assert!(sum(expected) - sum(got) <= 1, "{what}: {expected:?} became {got:?}");
    let missing: u64 = expected
        .iter()
        .map(|(name, count)| count.saturating_sub(got.get(name).copied().unwrap_or_default()))
        .sum();
    assert!(missing <= 1, "{what}: {expected:?} became {got:?}");
}
