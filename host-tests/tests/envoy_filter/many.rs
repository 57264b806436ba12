//! More upstreams than anybody has.

use host_tests::sim::proxy_wasm::Stream;

use crate::stage::Stage;

#[test]
fn a_hundred_thousand_upstreams_cost_no_more_than_the_bound() {
    let mut stage = Stage::with(r#"{"max_upstreams":200}"#);
    let name = |number: u32| format!("outbound|80||service-{number}.namespace.svc.cluster.local");
    for number in 0..1_000 {
        stage.pass(Stream::ok(&name(number)));
    }
    let (memory, series) = (stage.vm.memory_bytes(), stage.proxy.metrics().len());
    for number in 1_000..100_000 {
        stage.pass(Stream::ok(&name(number)));
    }
    assert!(stage.vm.memory_bytes() <= memory + (1 << 20), "{} then {}", memory, stage.vm.memory_bytes());
    assert_eq!(stage.proxy.metrics().len(), series, "no series for a name beyond the bound");
    let all: u64 = {
        let metrics = stage.proxy.metrics();
        metrics
            .iter()
            .filter(|(name, _)| name.ends_with(";.;exchanges_total"))
            .map(|(_, one)| one.value)
            .sum()
    };
    assert_eq!(all, 100_000, "every exchange is counted, under `other` if need be");
    assert!(stage.fates("other")["clean"] >= 99_000);
}

#[test]
fn names_that_are_made_to_explode_are_cut_folded_and_told_in_few_words() {
    let mut stage = Stage::with(r#"{"max_upstreams":20}"#);
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
        stage.pass(hostile(number));
    }
    stage.proxy.take_log();
    let (memory, series) = (stage.vm.memory_bytes(), stage.proxy.metrics().len());
    for number in 1_000..11_000 {
        stage.pass(hostile(number));
    }
    assert!(stage.vm.memory_bytes() <= memory + (1 << 20), "{memory}, then {}", stage.vm.memory_bytes());
    assert_eq!(stage.proxy.metrics().len(), series);
    assert!(stage.proxy.metrics().keys().all(|name| name.len() < 300), "names are cut");
    // The clock stands still, so twenty records are allowed each of the twenty, and none is left for `other`.
    let lines = stage.proxy.take_log().len();
    assert!(lines <= 20 * 20, "{lines} lines for 10 000 near misses");
    assert_eq!(stage.fates("other")["retried"], 11_000 - 11 * 20);
}
