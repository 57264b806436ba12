//! What each story costs in instructions, held against what is written down: with the pinned compiler it is the same
//! number on every machine.
//!
//! `BLESS=1` writes it down; a change that makes a story dearer changes `scenarios/fuel.tsv` in the same commit.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use host_tests::artifact;
use host_tests::scenario::{self, Host, Scenario};
use host_tests::sim::fluent_bit::Program;
use host_tests::sim::proxy_wasm::Proxy;
use wasmtime::{Config, Engine, Module};

/// What a story may cost more than is written down, in percent.
const MORE: u64 = 5;

#[test]
fn no_story_costs_over_5_percent_more_instructions_than_is_written_down() {
    let costs = costs();
    if std::env::var_os("BLESS").is_some() {
        fs::write(path(), text(&costs)).expect("the folder of scenarios can be written");
        return;
    }
    let known = fs::read_to_string(path()).expect("the costs that are written down");
    let known: BTreeMap<_, _> = known.lines().filter_map(|line| line.rsplit_once('\t')).collect();
    let dearer: Vec<_> = costs
        .iter()
        .filter_map(|(story, cost)| {
            let before: u64 = known.get(story.as_str())?.parse().expect("a number of instructions");
            (*cost * 100 > before * (100 + MORE)).then(|| format!("{story}: {before} became {cost}"))
        })
        .collect();
    assert!(dearer.is_empty(), "dearer than in host-tests/scenarios/fuel.tsv:\n{}", dearer.join("\n"));
    let new: Vec<_> = costs.keys().filter(|story| !known.contains_key(story.as_str())).collect();
    assert!(new.is_empty(), "not in host-tests/scenarios/fuel.tsv; BLESS=1 writes it: {new:?}");
    let gone: Vec<_> = known.keys().filter(|story| !costs.contains_key(**story)).collect();
    assert!(
        gone.is_empty(),
        "told no more, but in host-tests/scenarios/fuel.tsv; BLESS=1 writes it: {gone:?}"
    );
}

/// By host and story.
fn costs() -> BTreeMap<String, u64> {
    let engine = Engine::new(Config::new().consume_fuel(true)).expect("an engine that counts");
    let module = Module::from_file(&engine, artifact::envoy_module()).expect("a module");
    let (proxy, program) = (Proxy::of(engine, module), Program::load(&artifact::fluent_bit_module()));
    let in_envoy = Scenario::for_host(Host::Envoy).into_iter().map(|story| {
        let (_, vm) = scenario::envoy::play(&story, &proxy, "http", |_| {});
        (format!("envoy\t{}", story.name), vm.fuel())
    });
    let in_fluent_bit = Scenario::for_host(Host::FluentBit).into_iter().map(|story| {
        let (_, fuel) = scenario::fluent_bit::play(&story, &program);
        (format!("fluent-bit\t{}", story.name), fuel)
    });
    in_envoy.chain(in_fluent_bit).collect()
}

fn text(costs: &BTreeMap<String, u64>) -> String {
    costs.iter().fold(String::new(), |mut text, (story, cost)| {
        writeln!(text, "{story}\t{cost}").expect("a text grows");
        text
    })
}

fn path() -> PathBuf {
    artifact::root().join("host-tests/scenarios/fuel.tsv")
}
