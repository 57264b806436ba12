//! Records go to a collector, as from the wasm module; what fails is tried again, counted, and logged once.

use std::collections::BTreeSet;
use std::time::Duration;

use real::{Behaviour, Collector, EnvoyCommand, cluster, eventually};
use serde_json::Value;

use crate::form::{filter, logger};
use crate::harness::{Harness, Origins};

const CONFIG: &str = r#"{"envoy":{"collector":{"cluster":"otel","timeout":"1s","log":"none"}}}"#;

/// Starts an Envoy that sends its records to a cluster `otel` on this port.
fn start(port: u16) -> Harness {
    let origins = Origins::start();
    let bootstrap = origins.bootstrap().filter(filter(CONFIG)).cluster(cluster("otel", &[port]));
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

/// Sends exchanges that are retried, each of which has a record.
fn retry(harness: &mut Harness, name: &str, exchanges: usize) {
    for number in 0..exchanges {
        let outcome = harness.get("/cart", &format!("{name}-{number}"), "503,200");
        assert_eq!(outcome.response.status, 200);
    }
}

/// Returns the ids of the exchange records in batches.
fn exchange_ids(batches: &[Vec<u8>]) -> BTreeSet<String> {
    let batches = batches.iter().map(|batch| serde_json::from_slice::<Value>(batch).expect("JSON"));
    let records = batches.flat_map(|batch| {
        let logs = &batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        logs.as_array().expect("records").clone()
    });
    let exchanges = records.filter(|record| record["eventName"] == "nearmiss.exchange");
    exchanges.map(|record| attribute(&record, "log.record.uid")["stringValue"].to_string()).collect()
}

fn attribute(record: &Value, key: &str) -> Value {
    let attributes = record["attributes"].as_array().expect("attributes");
    attributes.iter().find(|attribute| attribute["key"] == key).expect(key)["value"].clone()
}

fn dropped(harness: &Harness) -> u64 {
    harness.envoy.nearmiss_stats().value("dynamicmodulescustom.nearmiss.dropped_total")
}

/// Returns the number of calls that Envoy has made to the collector.
fn calls(harness: &Harness) -> u64 {
    harness.envoy.stats("cluster.otel.upstream_rq_total").value("cluster.otel.upstream_rq_total")
}

#[test]
fn records_go_to_the_collector_and_not_to_the_log() {
    let collector = Collector::start();
    let mut harness = start(collector.port);
    retry(&mut harness, "one", 3);
    collector.wait_until("three records", |batches| exchange_ids(batches).len() == 3);
    let batch: Value = serde_json::from_slice(&collector.batches()[0]).expect("JSON");
    let record = &batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(attribute(record, "nearmiss.fate")["stringValue"], "retried", "{record}");
    assert_eq!(dropped(&harness), 0);
    // A batch without an answer would be logged at the end.
    harness.envoy.wait_for_answers("otel");
    let log = harness.stop();
    assert!(!log.iter().any(|line| line.contains(r#""type":"exchange""#)), "{}", log.join("\n"));
    // A test that runs across a full minute sends its summary.
    let is_summary = |batch: &Vec<u8>| String::from_utf8_lossy(batch).contains(r#""nearmiss.summary""#);
    assert!(
        collector.batches().iter().any(is_summary)
            || log.iter().any(|line| line.contains(r#""type":"summary""#)),
        "records that no collector took are logged"
    );
}

#[test]
fn a_collector_that_fails_gets_every_record_once_it_works() {
    let collector = Collector::start();
    let mut harness = start(collector.port);
    let behaviours = [
        Behaviour::Close,
        Behaviour::Reject(429),
        Behaviour::Garbage,
        Behaviour::LargeResponse(8 << 20),
        Behaviour::Stall(Duration::from_secs(3)),
    ];
    for (number, behaviour) in behaviours.into_iter().enumerate() {
        collector.set(behaviour);
        let before = calls(&harness);
        retry(&mut harness, &format!("fault-{number}"), 4);
        eventually("a call to the collector", || (calls(&harness) > before).then_some(()));
        harness.envoy.wait_for_answers("otel");
    }
    collector.set(Behaviour::Accept);
    collector.wait_until("every record", |batches| exchange_ids(batches).len() == 20);
    assert_eq!(dropped(&harness), 0);
}

#[test]
fn rejected_records_are_counted_and_logged_once() {
    let collector = Collector::start();
    collector.set(Behaviour::Reject(400));
    let mut harness = start(collector.port);
    for round in 1..=2 {
        retry(&mut harness, &format!("round-{round}"), 3);
        eventually("the records to be dropped", || (dropped(&harness) >= 3 * round).then_some(()));
    }
    let log = harness.stop();
    let lines = log.iter().filter(|line| line.contains("the collector rejects records"));
    assert_eq!(lines.count(), 1, "{}", log.join("\n"));
}

#[test]
fn records_wait_for_a_cluster_without_hosts_and_are_logged_at_the_end() {
    let origins = Origins::start();
    let config = r#"{"envoy":{"collector":{"cluster":"nowhere","log":"none"}}}"#;
    let bootstrap = origins.bootstrap().filter(filter(config));
    let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    retry(&mut harness, "one", 3);
    eventually("the warning", || {
        let log = harness.envoy.log();
        log.iter().any(|line| line.contains("the cluster of the collector does not exist")).then_some(())
    });
    let log = harness.stop();
    let records = log.iter().filter(|line| line.contains(r#""type":"exchange""#));
    assert_eq!(records.count(), 3, "{}", log.join("\n"));
}

#[test]
fn a_logger_with_a_collector_is_refused_with_a_sentence() {
    let refused = EnvoyCommand::new().try_run(&Origins::start().bootstrap().logger(logger(CONFIG)));
    let log = refused.err().expect("Envoy refuses the listener");
    assert!(
        log.contains("nearmiss: `envoy.collector`: Envoy makes no HTTP calls for an access logger"),
        "{log}"
    );
}
