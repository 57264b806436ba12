//! Each call fails once at each place where a story makes it: traffic passes, and the counts are wrong by no more than the
//! exchange that was in flight.

use std::collections::BTreeMap;

use host_tests::artifact;
use host_tests::envoy::{Proxy, Status};
use host_tests::scenario::envoy::play;
use host_tests::scenario::{Host, Scenario};

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
        for (call, times) in vm.take_calls().by_name {
            let few = 1..=times.min(ONE_BY_ONE);
            for nth in few.chain((ONE_BY_ONE + 1..=times).step_by(STRIDE)) {
                let status = Status::FAILURES[tried % Status::FAILURES.len()];
                tried += 1;
                let (after, _) = play(&scenario, &proxy, attach, |vm| vm.inject(call, nth, status));
                compare(&expected, &counted(&after), &format!("{}: {call} {nth} {status:?}", scenario.name));
            }
        }
    }
    assert!(tried > 1_000, "only {tried} places");
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
