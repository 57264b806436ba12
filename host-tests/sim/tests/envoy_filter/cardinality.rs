//! Cardinality limits: memory and metric series stay bounded however many names arrive.

use sim::proxy_wasm::Stream;

use crate::harness::Fixture;

#[test]
fn a_hundred_thousand_upstreams_use_no_more_memory_than_the_limit() {
    let mut fixture = Fixture::with(r#"{"max_upstreams":200}"#);
    let name = |number: u32| format!("outbound|80||service-{number}.namespace.svc.cluster.local");
    for number in 0..1_000 {
        fixture.exchange(Stream::ok(&name(number)));
    }
    let (memory, series) = (fixture.vm.memory_bytes(), fixture.proxy.metrics().len());
    for number in 1_000..100_000 {
        fixture.exchange(Stream::ok(&name(number)));
    }
    assert!(fixture.vm.memory_bytes() <= memory + (1 << 20), "{} then {}", memory, fixture.vm.memory_bytes());
    assert_eq!(fixture.proxy.metrics().len(), series, "no series for a name beyond the bound");
    let all: u64 = {
        let metrics = fixture.proxy.metrics();
        metrics
            .iter()
            .filter(|(name, _)| name.ends_with(";.;exchanges_total"))
            .map(|(_, one)| one.value)
            .sum()
    };
    assert_eq!(all, 100_000, "every exchange is counted, under `other` if need be");
    assert!(fixture.fates("other")["clean"] >= 99_000);
}

#[test]
fn unbounded_names_are_truncated_folded_into_other_and_rate_limited() {
    let mut fixture = Fixture::with(r#"{"max_upstreams":20}"#);
    let hostile = |number: u32| {
        Stream {
            route: format!("{}/{number}", "route".repeat(800)),
            host: Some(format!("{}-{number}:80", "host".repeat(800))),
            attempts: 2,
            ..Stream::ok(&format!("{}-{}", "upstream".repeat(500), number % 1_000))
        }
        .with_response_header("cache-status", "x; ".repeat(1_000))
        .with_response_header(&format!("x-{number}"), "y".repeat(4_000))
    };
    for number in 0..1_000 {
        fixture.exchange(hostile(number));
    }
    fixture.proxy.take_log();
    let (memory, series) = (fixture.vm.memory_bytes(), fixture.proxy.metrics().len());
    for number in 1_000..11_000 {
        fixture.exchange(hostile(number));
    }
    assert!(fixture.vm.memory_bytes() <= memory + (1 << 20), "{memory}, then {}", fixture.vm.memory_bytes());
    assert_eq!(fixture.proxy.metrics().len(), series);
    assert!(fixture.proxy.metrics().keys().all(|name| name.len() < 300), "names are truncated");
    // The clock stands still, so each of the twenty upstreams may emit twenty records, and `other` none.
    let lines = fixture.proxy.take_log().len();
    assert!(lines <= 20 * 20, "{lines} lines for 10 000 near misses");
    assert_eq!(fixture.fates("other")["retried"], 11_000 - 11 * 20);
}
