//! Every file in examples/envoy works as its README describes.

use real::{self, Client, Collector, Envoy, EnvoyCommand, Origin, Request, eventually};
use serde_json::Value;

use crate::harness::{counts, fate};

/// Starts an example of this folder.
fn example(name: &str) -> (Envoy, Vec<Origin>) {
    real::start_example(&format!("examples/envoy/{name}"))
}

/// Sends a retry and a fallback, as in the README; returns the response headers.
fn try_out(envoy: &Envoy) -> [Option<String>; 2] {
    let mut client = Client::new(envoy.port);
    let requests = [("one", "503,200"), ("two", "503,503,200")];
    let headers = requests.map(|(exchange, script)| {
        let response = client.send(&Request::get("/").script(exchange, script));
        assert_eq!(response.status, 200);
        response.header("near-miss").map(str::to_owned)
    });
    eventually("two lines in the access log", || {
        (envoy.access_log_text().lines().count() == 2).then_some(())
    });
    assert_eq!(envoy.nearmiss_stats().fates("cart"), counts(&[("fallback", 1), ("retried", 1)]));
    headers
}

/// Waits for the records of the retry and the fallback.
fn records(envoy: &Envoy) -> Vec<Value> {
    let expected = ["retried", "fallback"];
    let fates =
        expected.map(|fate| envoy.wait_for_record(fate, |record| record["fate"] == fate)["fate"].take());
    fates.to_vec()
}

#[test]
fn http_annotates_responses_and_the_access_log() {
    let (envoy, _hosts) = example("http.yaml");
    let headers = try_out(&envoy);
    assert_eq!(headers.map(|header| fate(header.as_deref()).to_owned()), ["retried", "fallback"]);
    let log = envoy.access_log_text();
    assert!(
        log.contains(r#""near_miss":"retried;attempts=2"#) && log.contains(r#""near_miss":"fallback;"#),
        "{log}"
    );
    assert_eq!(records(&envoy).len(), 2);
}

#[test]
fn lean_annotates_only_the_access_log() {
    let (envoy, _hosts) = example("lean.yaml");
    let mut client = Client::new(envoy.port);
    let response = client.send(&Request::get("/").script("one", "503,200"));
    assert_eq!(response.header("near-miss"), None);
    eventually("a line in the access log", || {
        envoy.access_log_text().contains(r#""near_miss":"retried;"#).then_some(())
    });
    assert_eq!(envoy.nearmiss_stats().fates("cart"), counts(&[("retried", 1)]));
}

#[test]
fn log_annotates_nothing_and_writes_records() {
    let (envoy, _hosts) = example("log.yaml");
    assert_eq!(try_out(&envoy), [None, None]);
    assert_eq!(records(&envoy).len(), 2);
    assert!(!envoy.access_log_text().contains("retried"));
}

#[test]
fn both_count_an_exchange_once() {
    let (envoy, _hosts) = example("both.yaml");
    try_out(&envoy);
    assert_eq!(envoy.nearmiss_stats().exchanges(), 2);
    assert!(envoy.access_log_text().contains(r#""near_miss":"retried;"#));
}

#[test]
fn upstream_reports_each_attempt() {
    assert_attempts_reported("upstream.yaml");
}

#[test]
fn all_three_report_each_attempt_and_count_an_exchange_once() {
    let envoy = assert_attempts_reported("all.yaml");
    assert_eq!(envoy.nearmiss_stats().exchanges(), 2);
}

fn assert_attempts_reported(name: &str) -> Envoy {
    let (envoy, hosts) = example(name);
    try_out(&envoy);
    let record = envoy.wait_for_record("the fallback", |record| record["fate"] == "fallback");
    let log = record["attempt_log"].as_array().expect("an attempt log");
    let arrivals = hosts[0].arrivals.of("two");
    assert_eq!((log.len(), arrivals.len()), (3, 3), "{record}");
    for ((attempt, arrival), status) in log.iter().zip(arrivals).zip([503, 503, 200]) {
        assert_eq!(attempt["host"], format!("127.0.0.1:{}", arrival.port), "{record}");
        assert_eq!(attempt["status"], status, "{record}");
    }
    let explain = record["explain"].as_str().expect("a sentence");
    assert!(explain.contains(" 503 after ") && explain.contains(" → "), "{explain}");
    assert_eq!(envoy.nearmiss_stats().attempts("cart"), 5);
    envoy
}

#[test]
fn records_go_to_the_collector_and_not_to_the_log() {
    let (document, _hosts) = real::example_document("examples/envoy/collector.yaml");
    let collector = Collector::start();
    let port = "port_value: 4318";
    assert!(document.contains(port));
    let envoy =
        EnvoyCommand::new().run_document(&document.replace(port, &format!("port_value: {}", collector.port)));
    try_out(&envoy);
    let holds = |batches: &[Vec<u8>]| {
        let text = String::from_utf8_lossy(&batches.concat()).into_owned();
        ["\"retried\"", "\"fallback\"", "nearmiss.exchange"].iter().all(|word| text.contains(word))
    };
    collector.wait_until("both records at the collector", holds);
    assert!(envoy.records().iter().all(|record| record["type"] != "exchange"));
}
