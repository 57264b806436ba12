//! Instructions per scenario, compared with the stored values: with the pinned compiler they are the same on every machine.
//!
//! `BLESS=1` stores new values; a change that makes a scenario more expensive changes `scenarios/fuel.tsv` in the same commit.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use sim::fluent_bit::FilterModule;
use sim::proxy_wasm::Proxy;
use sim::scenario::{self, Scenario, ScenarioHost};
use wasmtime::{Config, Engine, Module};

/// Allowed increase over the stored value, in percent.
const ALLOWED_PERCENT: u64 = 5;

#[test]
fn no_scenario_costs_over_5_percent_more_instructions_than_stored() {
    let costs = costs();
    if std::env::var_os("BLESS").is_some() {
        fs::write(path(), text(&costs)).expect("the folder of scenarios can be written");
        return;
    }
    let known = fs::read_to_string(path()).expect("the stored costs");
    let known: BTreeMap<_, _> = known.lines().filter_map(|line| line.rsplit_once('\t')).collect();
    let regressions: Vec<_> = costs
        .iter()
        .filter_map(|(scenario, cost)| {
            let before: u64 = known.get(scenario.as_str())?.parse().expect("a number of instructions");
            (*cost * 100 > before * (100 + ALLOWED_PERCENT))
                .then(|| format!("{scenario}: {before} became {cost}"))
        })
        .collect();
    assert!(
        regressions.is_empty(),
        "more expensive than in host-tests/scenarios/fuel.tsv:\n{}",
        regressions.join("\n")
    );
    let new: Vec<_> = costs.keys().filter(|scenario| !known.contains_key(scenario.as_str())).collect();
    assert!(new.is_empty(), "not in host-tests/scenarios/fuel.tsv; BLESS=1 adds it: {new:?}");
    let gone: Vec<_> = known.keys().filter(|scenario| !costs.contains_key(**scenario)).collect();
    assert!(gone.is_empty(), "in host-tests/scenarios/fuel.tsv but not run; BLESS=1 removes it: {gone:?}");
}

/// Returns the instructions by host and scenario.
fn costs() -> BTreeMap<String, u64> {
    let engine = Engine::new(Config::new().consume_fuel(true)).expect("an engine that counts");
    let module = Module::from_file(&engine, artifact::envoy_module()).expect("a module");
    let (proxy, module) = (Proxy::from_module(engine, module), FilterModule::shipped());
    let in_envoy = Scenario::for_host(ScenarioHost::Envoy).into_iter().map(|scenario| {
        let (_, vm) = scenario::proxy_wasm::run_prepared(&scenario, &proxy, "http", |_| {});
        (format!("envoy\t{}", scenario.name), vm.fuel())
    });
    let in_fluent_bit = Scenario::for_host(ScenarioHost::FluentBit).into_iter().map(|scenario| {
        let (_, fuel) = scenario::fluent_bit::run_counting_fuel(&scenario, module);
        (format!("fluent-bit\t{}", scenario.name), fuel)
    });
    in_envoy.chain(in_fluent_bit).collect()
}

fn text(costs: &BTreeMap<String, u64>) -> String {
    costs.iter().fold(String::new(), |mut text, (scenario, cost)| {
        writeln!(text, "{scenario}\t{cost}").expect("a text grows");
        text
    })
}

fn path() -> PathBuf {
    artifact::root().join("host-tests/scenarios/fuel.tsv")
}
