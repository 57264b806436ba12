//! Runs every scenario on every host that it lists; all must emit exactly the same bytes.

use std::path::Path;

use nearmiss::Feed;
use sim::fluent_bit::FilterModule;
use sim::proxy_wasm::Proxy;
use sim::scenario::{self, ExchangeLine, Scenario, ScenarioEvent, ScenarioHost};

#[test]
fn the_core_emits_the_stored_records_of_every_scenario() {
    let scenarios = Scenario::all();
    assert!(scenarios.len() >= 20, "{} scenarios", scenarios.len());
    for scenario in scenarios {
        let is = |host| scenario.hosts.contains(&host);
        if is(ScenarioHost::Envoy) || is(ScenarioHost::Edge) {
            scenario.check("the core, live", &scenario::core::run(&scenario, Feed::Live));
        }
        if is(ScenarioHost::FluentBit) || scenario.hosts == [ScenarioHost::Core] {
            scenario.check("the core, from a log", &scenario::core::run(&scenario, Feed::Log));
        }
    }
}

#[test]
fn the_envoy_module_matches_the_core_as_a_filter() {
    let proxy = Proxy::shipped();
    for scenario in Scenario::for_host(ScenarioHost::Envoy) {
        let records = scenario::proxy_wasm::run(&scenario, &proxy, "http");
        scenario.check("Envoy's filter", &records);
    }
}

#[test]
fn the_envoy_module_matches_the_core_as_an_access_logger() {
    let proxy = Proxy::shipped();
    for scenario in Scenario::for_host(ScenarioHost::Envoy) {
        let records = scenario::proxy_wasm::run(&scenario, &proxy, "log");
        scenario.check("Envoy's access logger", &records);
    }
}

#[test]
fn the_native_module_matches_the_core_as_a_filter() {
    check_native("http", |_| true);
}

/// Envoy lends an access logger no metadata: scenarios in which it decides run on the filter only.
#[test]
fn the_native_module_matches_the_core_as_an_access_logger() {
    check_native("log", |scenario| {
        scenario.events().iter().all(|event| match event {
            ScenarioEvent::Exchange(_, line) => {
                let line = ExchangeLine::read(line);
                line.fallback.is_none() && line.max_attempts.is_none()
            }
            ScenarioEvent::Wake(_) | ScenarioEvent::Finish => true,
        })
    });
}

/// Compares the records of the native module with the stored ones. A worker emits those of exchanges, and a thread of its own, each second, those of
/// the whole process: each kind has its order.
fn check_native(attach: &str, applies: impl Fn(&Scenario) -> bool) {
    let simulation = Path::new(env!("CARGO_BIN_EXE_native-sim"));
    let runs = scenario::native::run_all(scenario::native::command(simulation, attach));
    let runs: Vec<_> = runs.into_iter().filter(|(scenario, _)| applies(scenario)).collect();
    assert!(runs.len() >= 20, "{} scenarios", runs.len());
    for (scenario, records) in runs {
        let expected = scenario.expected();
        let expected = by_kind(expected.lines());
        assert_eq!(by_kind(records.iter().map(|record| &**record)), expected, "{}, {attach}", scenario.name);
    }
}

#[test]
fn the_native_module_counts_every_exchange_of_workers_that_run_at_once() {
    for attach in ["http", "log"] {
        let mut command = scenario::native::command(Path::new(env!("CARGO_BIN_EXE_native-sim")), attach);
        let output = command.arg("5000").output().expect("native-sim runs");
        assert!(output.status.success(), "{attach}: {}", String::from_utf8_lossy(&output.stderr));
        let records = String::from_utf8(output.stdout).expect("records are UTF-8");
        let summaries = records.lines().filter(|record| record.contains(r#""type":"summary""#));
        let counted: u64 = summaries.map(exchanges_of).sum();
        assert_eq!(counted, 4 * 5_000, "{attach}");
    }
}

/// Returns the number of exchanges of a summary.
fn exchanges_of(summary: &str) -> u64 {
    let summary: serde_json::Value = serde_json::from_str(summary).expect("a record is JSON");
    let fates = summary["fates"].as_object().expect("a summary has fates");
    fates.values().filter_map(serde_json::Value::as_u64).sum()
}

/// Returns the records of exchanges, and all others. Summaries of workers begin and end with whole buckets, so their times are left out.
fn by_kind<'a>(records: impl Iterator<Item = &'a str>) -> [Vec<String>; 2] {
    let (exchanges, others): (Vec<_>, Vec<_>) =
        records.partition(|record| record.contains(r#""type":"exchange""#));
    let timeless = |record: &str| match record.split_once(r#""start":"#) {
        Some((before, rest)) if record.contains(r#""type":"summary""#) => {
            let (_, after) = rest.split_once(r#","fates":"#).expect("the fates follow the times");
            format!("{before}{after}")
        }
        _ => record.to_owned(),
    };
    [exchanges.into_iter().map(str::to_owned).collect(), others.into_iter().map(timeless).collect()]
}

#[test]
fn the_fluent_bit_module_matches_the_core() {
    let module = FilterModule::shipped();
    let scenarios = Scenario::for_host(ScenarioHost::FluentBit);
    assert!(scenarios.len() >= 20, "{} scenarios", scenarios.len());
    for scenario in scenarios {
        scenario.check("Fluent Bit's filter", &scenario::fluent_bit::run(&scenario, module));
    }
}

#[test]
fn the_edge_module_matches_the_core() {
    artifact::edge_package();
    let scenarios = Scenario::for_host(ScenarioHost::Edge);
    assert!(scenarios.len() >= 20, "{} scenarios", scenarios.len());
    let records = scenario::edge::run_all(&scenarios);
    assert_eq!(records.len(), scenarios.len());
    for (scenario, records) in scenarios.iter().zip(records) {
        scenario.check("the edge module", &records);
    }
}
