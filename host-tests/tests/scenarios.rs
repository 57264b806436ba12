//! Every story, told by every host that can tell it, leaves the very same bytes.

use host_tests::artifact;
use host_tests::scenario::{self, Host, Scenario};
use host_tests::sim::fluent_bit::Program;
use host_tests::sim::proxy_wasm::Proxy;
use nearmiss::Feed;

#[test]
fn the_core_tells_every_story_as_it_is_written_down() {
    let scenarios = Scenario::all();
    assert!(scenarios.len() >= 20, "{} stories", scenarios.len());
    for scenario in scenarios {
        let is = |host| scenario.hosts.contains(&host);
        if is(Host::Envoy) || is(Host::Edge) {
            scenario.check("the core, live", &scenario::core::tell(&scenario, Feed::Live));
        }
        if is(Host::FluentBit) || scenario.hosts == [Host::Core] {
            scenario.check("the core, from a log", &scenario::core::tell(&scenario, Feed::Log));
        }
    }
}

#[test]
fn the_envoy_module_tells_every_story_as_the_core_does_as_a_filter() {
    let proxy = Proxy::load(&artifact::envoy_module());
    for scenario in Scenario::for_host(Host::Envoy) {
        let records = scenario::envoy::tell(&scenario, &proxy, "http");
        scenario.check("Envoy's filter", &records);
    }
}

#[test]
fn the_envoy_module_tells_every_story_as_the_core_does_as_an_access_logger() {
    let proxy = Proxy::load(&artifact::envoy_module());
    for scenario in Scenario::for_host(Host::Envoy) {
        let records = scenario::envoy::tell(&scenario, &proxy, "log");
        scenario.check("Envoy's access logger", &records);
    }
}

#[test]
fn the_fluent_bit_module_tells_every_story_as_the_core_does() {
    let program = Program::load(&artifact::fluent_bit_module());
    let scenarios = Scenario::for_host(Host::FluentBit);
    assert!(scenarios.len() >= 20, "{} stories", scenarios.len());
    for scenario in scenarios {
        scenario.check("Fluent Bit's filter", &scenario::fluent_bit::tell(&scenario, &program));
    }
}

#[test]
fn the_edge_module_tells_every_story_as_the_core_does() {
    artifact::edge_package();
    let scenarios = Scenario::for_host(Host::Edge);
    assert!(scenarios.len() >= 20, "{} stories", scenarios.len());
    for scenario in scenarios {
        scenario.check("the edge module", &scenario::edge::tell(&scenario));
    }
}
