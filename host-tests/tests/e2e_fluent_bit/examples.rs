//! Every file in examples/fluent-bit does what its README says.

use std::fs;
use std::path::PathBuf;

use host_tests::artifact;
use host_tests::real::{Client, FluentBit, Folder, Request};
use serde_json::Value;

use crate::stage::{complaints, free_port, records, with_module};

fn folder() -> PathBuf {
    artifact::root().join("examples/fluent-bit")
}

/// An example as it stands, but for the port that it listens on.
fn example(name: &str, port: u16) -> (FluentBit, Folder) {
    let document = with_module(&fs::read_to_string(folder().join(name)).unwrap());
    let own = Folder::new(name);
    let path = own.write(name, document.replace("port: 2021", &format!("port: {port}")));
    (FluentBit::start(&folder(), &path), own)
}

fn fates(printed: &[String]) -> Vec<String> {
    let fate = |record: &Value| match &record["near_miss"] {
        Value::String(text) => text.split(';').next().unwrap().to_owned(),
        record => record["fate"].as_str().unwrap().to_owned(),
    };
    records(printed).iter().map(fate).collect()
}

#[test]
fn as_a_filter_near_misses_fan_out_and_fates_are_counted() {
    let port = free_port();
    let (mut fluent_bit, _own) = example("filters.yaml", port);
    fluent_bit.until("six near misses", |printed| records(printed).len() == 6);
    let wanted = ["retried", "retried", "retried", "stale", "retried", "failed"];
    assert_eq!(fates(&fluent_bit.printed), wanted);
    let wanted = [
        "{upstream=\"search\",fate=\"clean\"} 15",
        "{upstream=\"search\",fate=\"retried\"} 4",
        "{upstream=\"search\",fate=\"failed\"} 1",
        "{upstream=\"cart\",fate=\"clean\"} 19",
        "{upstream=\"cart\",fate=\"stale\"} 1",
    ];
    host_tests::real::eventually("every count", || {
        let body = Client::new(port).try_send(&Request::get("/metrics")).ok()?.body;
        let body = String::from_utf8(body).unwrap();
        wanted
            .iter()
            .all(|count| body.contains(&format!("nearmiss_log_exchanges_total{count}")))
            .then_some(())
    });
    let printed = fluent_bit.stop();
    assert_eq!(complaints(&printed), Vec::<&String>::new());
}

#[test]
fn as_a_processor_what_envoy_has_judged_counts_by_its_verdict_and_only_near_misses_stay() {
    let (mut fluent_bit, _own) = example("processors.yaml", 0);
    fluent_bit.until("four near misses", |printed| records(printed).len() == 4);
    let printed = fluent_bit.stop();
    assert_eq!(fates(&printed), ["retried"; 4]);
    let judged_by_envoy = records(&printed).iter().filter(|record| record["near_miss"].is_string()).count();
    assert_eq!(judged_by_envoy, 2);
    assert_eq!(complaints(&printed), Vec::<&String>::new());
}

#[test]
fn an_aggregator_merges_what_agents_have_counted() {
    let (port, folder) = (free_port(), folder().join("fleet"));
    let start = |name: &str| {
        let document = with_module(&fs::read_to_string(folder.join(name)).unwrap());
        let own = Folder::new(name);
        let path = own.write(name, document.replace("port: 24224", &format!("port: {port}")));
        (FluentBit::start(&folder, &path), own)
    };
    let (mut aggregator, _own) = start("aggregator.yaml");
    let (_agent, _agents) = start("agent.yaml");
    aggregator.until("the fleet's summaries", |printed| records(printed).len() >= 4);
    for record in records(&aggregator.printed) {
        assert_ne!(record["near_miss"], Value::Null, "what the agent said is still there: {record}");
        for summary in record["near_miss_summaries"].as_array().unwrap() {
            assert!(summary["source"].as_str().unwrap().starts_with("merge/"), "{summary}");
            assert!(summary["parts"].as_object().unwrap().keys().all(|source| source.starts_with("agent/")));
        }
    }
    assert_eq!(complaints(&aggregator.stop()), Vec::<&String>::new());
}
