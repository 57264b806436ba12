//! More upstreams than anybody has.

use host_tests::envoy::Stream;

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
