//! Attached as an HTTP filter, as an access logger, and as both.

use real::{Bootstrap, EnvoyCommand, wasm_filter, wasm_logger};
use serde_json::{Value, json};

use crate::harness::{Harness, Origins, counts, fate};

const HTTP: &str = r#"{"envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"envoy":{"attach":"log"}}"#;

/// Requests whose fates are visible to the HTTP filter and to the access logger.
const REQUESTS: [(&str, &str, &str); 6] = [
    ("one", "/plain", "200"),
    ("two", "/cart", "503,200"),
    ("three", "/plain", "503"),
    ("four", "/search", "200"),
    ("five", "/plain", "cut"),
    ("six", "/zone", "200"),
];

fn send_all(harness: &mut Harness) -> Vec<String> {
    let outcomes = REQUESTS.map(|(exchange, path, script)| harness.get(path, exchange, script));
    outcomes.into_iter().map(|outcome| fate(outcome.near_miss.as_deref()).to_owned()).collect()
}

fn assert_counted_once(harness: &Harness) {
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1), ("failed", 1), ("partial", 1), ("retried", 1)]));
    assert_eq!(harness.fates("search"), counts(&[("fallback", 1)]));
    assert_eq!(harness.fates("zone"), counts(&[("failover", 1)]));
    assert_eq!(harness.envoy.nearmiss_stats().attempts("cart"), 5);
    assert_eq!(harness.envoy.nearmiss_stats().exchanges(), 6);
}

#[test]
fn an_access_logger_counts_the_same_and_annotates_nothing() {
    let mut harness = Harness::log(&serde_json::from_str(LOG).expect("JSON"));
    assert_eq!(send_all(&mut harness), ["clean"; 6], "an access logger cannot write filter state");
    assert_counted_once(&harness);
    let fates: Vec<Value> = (0..5).map(|_| harness.next_record()["fate"].take()).collect();
    assert_eq!(fates, ["retried", "failed", "fallback", "partial", "failover"]);
    harness.finish();
}

#[test]
fn the_response_is_unchanged_without_the_header_option() {
    let mut harness = Harness::http(&json!({}));
    let outcome = harness.get("/cart", "one", "503,200");
    assert_eq!(fate(outcome.near_miss.as_deref()), "retried");
    assert_eq!(outcome.response.header("near-miss"), None);
    harness.next_record();
    harness.finish();
}

#[test]
fn a_filter_and_a_logger_in_one_vm_count_an_exchange_once() {
    assert_both_count_once(|bootstrap| bootstrap.filter(wasm_filter(HTTP)).logger(wasm_logger(LOG)));
}

#[test]
fn a_filter_and_a_logger_in_two_vms_count_an_exchange_once() {
    assert_both_count_once(|bootstrap| {
        let mut logger = wasm_logger(LOG);
        logger["typed_config"]["config"]["vm_config"]["vm_id"] = json!("another");
        bootstrap.filter(wasm_filter(HTTP)).logger(logger)
    });
}

fn assert_both_count_once(attach: impl FnOnce(Bootstrap) -> Bootstrap) {
    let origins = Origins::start();
    let bootstrap = attach(origins.bootstrap());
    let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    assert_eq!(send_all(&mut harness), ["clean", "retried", "failed", "fallback", "partial", "failover"]);
    assert_counted_once(&harness);
    for _ in 0..5 {
        harness.next_record();
    }
    harness.finish();
}

#[test]
fn lean_mode_counts_and_annotates_retries_and_failures() {
    let mut harness = Harness::http(&json!({"envoy": {"mode": "lean"}}));
    assert_eq!(fate(harness.get("/plain", "one", "200").near_miss.as_deref()), "clean");
    assert_eq!(fate(harness.get("/cart", "two", "503,200").near_miss.as_deref()), "retried");
    assert_eq!(fate(harness.get("/plain", "three", "503").near_miss.as_deref()), "failed");
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1), ("failed", 1), ("retried", 1)]));
    for _ in 0..2 {
        harness.next_record();
    }
    harness.finish();
}
