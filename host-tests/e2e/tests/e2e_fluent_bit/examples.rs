//! Every file in examples/fluent-bit works as its README describes.

use std::fs;
use std::path::PathBuf;

use real::{Client, FluentBit, Request, TempDir};
use serde_json::Value;

use crate::harness::{errors, free_port, records, with_module};

fn folder() -> PathBuf {
    artifact::root().join("examples/fluent-bit")
}

/// Starts an example with another port to listen on.
fn example(name: &str, port: u16) -> (FluentBit, TempDir) {
    let document = with_module(&fs::read_to_string(folder().join(name)).unwrap());
    let temp = TempDir::new(name);
    let path = temp.write(name, document.replace("port: 2021", &format!("port: {port}")));
    (FluentBit::start(&folder(), &path), temp)
}

fn fates(printed: &[String]) -> Vec<String> {
    let fate = |record: &Value| match &record["near_miss"] {
        Value::String(text) => text.split(';').next().unwrap().to_owned(),
        record => record["fate"].as_str().unwrap().to_owned(),
    };
    records(printed).iter().map(fate).collect()
}

#[test]
fn the_filter_example_copies_near_misses_and_counts_fates() {
    let port = free_port();
    let (mut fluent_bit, _temp) = example("filters.yaml", port);
    fluent_bit.wait_until("six near misses", |printed| records(printed).len() == 6);
    let wanted = ["retried", "retried", "retried", "stale", "retried", "failed"];
    assert_eq!(fates(&fluent_bit.printed), wanted);
    let wanted = [
        "{upstream=\"search\",fate=\"clean\"} 15",
        "{upstream=\"search\",fate=\"retried\"} 4",
        "{upstream=\"search\",fate=\"failed\"} 1",
        "{upstream=\"cart\",fate=\"clean\"} 19",
        "{upstream=\"cart\",fate=\"stale\"} 1",
    ];
    real::eventually("every count", || {
        let body = Client::new(port).try_send(&Request::get("/metrics")).ok()?.body;
        let body = String::from_utf8(body).unwrap();
        wanted
            .iter()
            .all(|count| body.contains(&format!("nearmiss_log_exchanges_total{count}")))
            .then_some(())
    });
    let printed = fluent_bit.stop();
    assert_eq!(errors(&printed), Vec::<&String>::new());
}

#[test]
fn the_processor_example_keeps_only_near_misses_and_counts_envoys_verdicts() {
    let (mut fluent_bit, _temp) = example("processors.yaml", 0);
    fluent_bit.wait_until("four near misses", |printed| records(printed).len() == 4);
    let printed = fluent_bit.stop();
    assert_eq!(fates(&printed), ["retried"; 4]);
    let judged_by_envoy = records(&printed).iter().filter(|record| record["near_miss"].is_string()).count();
    assert_eq!(judged_by_envoy, 2);
    assert_eq!(errors(&printed), Vec::<&String>::new());
}

#[test]
fn the_fleet_example_merges_the_summaries_of_agents() {
    let (port, folder) = (free_port(), folder().join("fleet"));
    let start = |name: &str| {
        let document = with_module(&fs::read_to_string(folder.join(name)).unwrap());
        let temp = TempDir::new(name);
        let path = temp.write(name, document.replace("port: 24224", &format!("port: {port}")));
        (FluentBit::start(&folder, &path), temp)
    };
    let (mut aggregator, _temp) = start("aggregator.yaml");
    let (_agent, _agent_temp) = start("agent.yaml");
    aggregator.wait_until("the fleet's summaries", |printed| records(printed).len() >= 4);
    for record in records(&aggregator.printed) {
        assert_ne!(record["near_miss"], Value::Null, "the agent's verdict is kept: {record}");
        for summary in record["near_miss_summaries"].as_array().unwrap() {
            assert!(summary["source"].as_str().unwrap().starts_with("merge/"), "{summary}");
            assert!(summary["parts"].as_object().unwrap().keys().all(|source| source.starts_with("agent/")));
        }
    }
    assert_eq!(errors(&aggregator.stop()), Vec::<&String>::new());
}
