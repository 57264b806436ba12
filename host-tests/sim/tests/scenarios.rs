//! Runs every scenario on every host that it lists; all must emit exactly the same bytes.

use nearmiss::Feed;
use sim::fluent_bit::FilterModule;
use sim::proxy_wasm::Proxy;
use sim::scenario::{self, Scenario, ScenarioHost};

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
    let proxy = Proxy::load(&artifact::envoy_module());
    for scenario in Scenario::for_host(ScenarioHost::Envoy) {
        let records = scenario::proxy_wasm::run(&scenario, &proxy, "http");
        scenario.check("Envoy's filter", &records);
    }
}

#[test]
fn the_envoy_module_matches_the_core_as_an_access_logger() {
    let proxy = Proxy::load(&artifact::envoy_module());
    for scenario in Scenario::for_host(ScenarioHost::Envoy) {
        let records = scenario::proxy_wasm::run(&scenario, &proxy, "log");
        scenario.check("Envoy's access logger", &records);
    }
}

#[test]
fn the_fluent_bit_module_matches_the_core() {
    let module = FilterModule::load(&artifact::fluent_bit_module());
    let scenarios = Scenario::for_host(ScenarioHost::FluentBit);
    assert!(scenarios.len() >= 20, "{} scenarios", scenarios.len());
    for scenario in scenarios {
        scenario.check("Fluent Bit's filter", &scenario::fluent_bit::run(&scenario, &module));
    }
}

#[test]
fn the_edge_module_matches_the_core() {
    artifact::edge_package();
    let scenarios = Scenario::for_host(ScenarioHost::Edge);
    assert!(scenarios.len() >= 20, "{} scenarios", scenarios.len());
    for scenario in scenarios {
        scenario.check("the edge module", &scenario::edge::run(&scenario));
    }
}
