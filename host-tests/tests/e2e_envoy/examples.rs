//! Every file in examples/envoy does what its README says.

use host_tests::real::{self, Client, Collector, Envoy, Origin, Request, Start, eventually};
use serde_json::Value;

use crate::stage::{counts, fate};

/// An example of this folder.
fn example(name: &str) -> (Envoy, Vec<Origin>) {
    real::example(&format!("examples/envoy/{name}"))
}

/// A retry and a fallback, as a reader of the README would try them.
fn try_out(envoy: &Envoy) -> [Option<String>; 2] {
    let mut client = Client::new(envoy.port);
    let stories = [("one", "503,200"), ("two", "503,503,200")];
    let headers = stories.map(|(exchange, script)| {
        let response = client.send(&Request::get("/").script(exchange, script));
        assert_eq!(response.status, 200);
        response.header("near-miss").map(str::to_owned)
    });
    eventually("two lines in the access log", || (envoy.access_text().lines().count() == 2).then_some(()));
    assert_eq!(envoy.near_misses().fates("cart"), counts(&[("fallback", 1), ("retried", 1)]));
    headers
}

fn recorded(envoy: &Envoy) -> Vec<Value> {
    let wanted = ["retried", "fallback"];
    let fates = wanted.map(|fate| envoy.record(fate, |record| record["fate"] == fate)["fate"].take());
    fates.to_vec()
}

#[test]
fn http_marks_responses_and_the_access_log() {
    let (envoy, _hosts) = example("http.yaml");
    let headers = try_out(&envoy);
    assert_eq!(headers.map(|header| fate(header.as_deref()).to_owned()), ["retried", "fallback"]);
    let log = envoy.access_text();
    assert!(log.contains(" retried;attempts=2") && log.contains(" fallback;"), "{log}");
    assert_eq!(recorded(&envoy).len(), 2);
}

#[test]
fn lean_marks_the_access_log_only() {
    let (envoy, _hosts) = example("lean.yaml");
    let mut client = Client::new(envoy.port);
    let response = client.send(&Request::get("/").script("one", "503,200"));
    assert_eq!(response.header("near-miss"), None);
    eventually("a line in the access log", || envoy.access_text().contains(" retried;").then_some(()));
    assert_eq!(envoy.near_misses().fates("cart"), counts(&[("retried", 1)]));
}

#[test]
fn log_marks_nothing_and_records_all() {
    let (envoy, _hosts) = example("log.yaml");
    assert_eq!(try_out(&envoy), [None, None]);
    assert_eq!(recorded(&envoy).len(), 2);
    assert!(!envoy.access_text().contains("retried"));
}

#[test]
fn both_together_count_an_exchange_once() {
    let (envoy, _hosts) = example("both.yaml");
    try_out(&envoy);
    assert_eq!(envoy.near_misses().exchanges(), 2);
    assert!(envoy.access_text().contains(" retried;"));
}

#[test]
fn upstream_tells_each_attempt() {
    tells_each_attempt("upstream.yaml");
}

#[test]
fn all_three_tell_each_attempt_and_count_an_exchange_once() {
    let envoy = tells_each_attempt("all.yaml");
    assert_eq!(envoy.near_misses().exchanges(), 2);
}

fn tells_each_attempt(name: &str) -> Envoy {
    let (envoy, hosts) = example(name);
    try_out(&envoy);
    let record = envoy.record("the fallback", |record| record["fate"] == "fallback");
    let log = record["attempt_log"].as_array().expect("an attempt log");
    let arrivals = hosts[0].ledger.of("two");
    assert_eq!((log.len(), arrivals.len()), (3, 3), "{record}");
    for ((attempt, arrival), status) in log.iter().zip(arrivals).zip([503, 503, 200]) {
        assert_eq!(attempt["host"], format!("127.0.0.1:{}", arrival.port), "{record}");
        assert_eq!(attempt["status"], status, "{record}");
    }
    let explain = record["explain"].as_str().expect("a sentence");
    assert!(explain.contains(" 503 after ") && explain.contains(" → "), "{explain}");
    assert_eq!(envoy.near_misses().attempts("cart"), 5);
    envoy
}

#[test]
fn collector_gets_the_records_and_the_log_does_not() {
    let (document, _hosts) = real::example_document("examples/envoy/collector.yaml");
    let collector = Collector::start();
    let port = "port_value: 4318";
    assert!(document.contains(port));
    let envoy =
        Start::new().run_document(&document.replace(port, &format!("port_value: {}", collector.port)));
    try_out(&envoy);
    let holds = |batches: &[Vec<u8>]| {
        let text = String::from_utf8_lossy(&batches.concat()).into_owned();
        ["\"retried\"", "\"fallback\"", "nearmiss.exchange"].iter().all(|word| text.contains(word))
    };
    collector.wait_until("both records at the collector", holds);
    assert!(envoy.records().iter().all(|record| record["type"] != "exchange"));
}
