//! Tests of every fate, with its annotation, header and record.

use std::time::{SystemTime, UNIX_EPOCH};

use real::{Request, eventually};
use serde_json::{Value, json};

use crate::harness::{Harness, Outcome, counts, fate};

const CONFIG: &str = r#"{"envoy":{"attach":"http","header":true}}"#;

fn start() -> Harness {
    Harness::http(&serde_json::from_str(CONFIG).expect("JSON"))
}

/// Checks that the annotation, the header and the record agree about a near miss.
fn assert_reported(harness: &mut Harness, outcome: &Outcome, wanted: &str, signal: &str) -> Value {
    assert_eq!(fate(outcome.near_miss.as_deref()), wanted, "{}", outcome.line);
    assert_eq!(fate(outcome.response.header("near-miss")), wanted, "{:?}", outcome.response.headers);
    let record = harness.next_record();
    assert_eq!(record["fate"], wanted, "{record}");
    let signals = record["signals"].as_array().expect("signals");
    assert!(signals.contains(&json!(signal)), "{record}");
    assert_eq!(record["schema"], 1);
    assert_eq!(record["status"], outcome.line["status"], "{record}");
    // Envoy counts an attempt that went to no host.
    let went_nowhere = u64::from(outcome.line["flags"] == "UH");
    let attempts = outcome.line["attempts"].as_u64().map(|attempts| attempts - went_nowhere);
    assert_eq!(record["attempts"].as_u64(), attempts, "{record}");
    assert!(record["explain"].as_str().is_some_and(|text| !text.is_empty()), "{record}");
    record
}

#[test]
fn a_clean_exchange_is_counted_but_neither_annotated_nor_recorded() {
    let mut harness = start();
    let outcome = harness.get("/plain", "one", "200");
    assert_eq!((outcome.near_miss, outcome.response.header("near-miss")), (None, None));
    let outcome = harness.get("/cart", "two", "404");
    assert_eq!((outcome.near_miss, outcome.response.header("near-miss")), (None, None), "a client error");
    assert_eq!(harness.fates("cart"), counts(&[("clean", 2)]));
    assert_eq!(harness.stats().attempts("cart"), 2);
    harness.finish();
}

#[test]
fn a_successful_retry_has_the_fate_retried_after_any_error() {
    let mut harness = start();
    for (exchange, path, script, attempts) in [
        ("one", "/cart", "503,200", 2),
        ("two", "/cart", "reset,503,200", 3),
        ("three", "/cart", "429,200", 2),
        ("four", "/short-try", "hang,200", 2),
    ] {
        let outcome = harness.get(path, exchange, script);
        assert_eq!(outcome.response.status, 200);
        let record = assert_reported(&mut harness, &outcome, "retried", "retry");
        assert_eq!(record["attempts"], attempts);
        assert_eq!(record["upstream"], "cart");
        if path == "/cart" {
            let margin = 10_000 - 10_000 * (attempts - 1) / 3;
            assert_eq!(record["margin_bp"], margin, "the route's metadata allows 4: {record}");
        }
    }
    assert_eq!(harness.fates("cart"), counts(&[("retried", 4)]));
    let stats = harness.stats();
    assert_eq!(stats.attempts("cart"), harness.hosts[0].arrivals.count() as u64);
    harness.finish();
}

#[test]
fn an_error_that_reaches_the_caller_has_the_fate_failed() {
    let mut harness = start();
    for (exchange, path, script, status) in [
        ("one", "/plain", "503", 503),
        ("two", "/plain", "429", 429),
        ("three", "/plain", "reset", 503),
        ("four", "/cart", "500", 500),
        ("five", "/empty", "200", 503),
    ] {
        let outcome = harness.get(path, exchange, script);
        assert_eq!(outcome.response.status, status);
        assert_reported(&mut harness, &outcome, "failed", "failed");
    }
    assert_eq!(harness.fates("cart"), counts(&[("failed", 4)]));
    assert_eq!(
        harness.fates("empty"),
        counts(&[("failed", 1)]),
        "the cluster was selected, although it has no host"
    );
    harness.finish();
}

#[test]
fn a_response_from_a_tier_has_the_fate_of_the_tier() {
    let mut harness = start();
    let outcome = harness.get("/search", "one", "200");
    let record = assert_reported(&mut harness, &outcome, "fallback", "fallback");
    assert_eq!((&record["upstream"], &record["attempts"]), (&json!("search"), &json!(2)));
    let outcome = harness.get("/zone", "two", "200");
    assert_reported(&mut harness, &outcome, "failover", "failover");
    assert_eq!(harness.fates("search"), counts(&[("fallback", 1)]));
    assert_eq!(harness.fates("zone"), counts(&[("failover", 1)]));
    harness.finish();
}

#[test]
fn every_header_that_marks_an_expired_copy_yields_the_fate_stale() {
    let mut harness = start();
    for (exchange, header) in [
        ("one", "cache-status: edge; hit; ttl=-30"),
        ("two", "cache-status: edge; fwd=stale; fwd-status=503"),
        ("three", "warning: 110 - \"Response is Stale\""),
    ] {
        let request = Request::get("/plain").script(exchange, "200").respond(header);
        let outcome = harness.send(exchange, &request);
        assert_reported(&mut harness, &outcome, "stale", "stale");
    }
    assert_eq!(harness.fates("cart"), counts(&[("stale", 3)]));
    harness.finish();
}

#[test]
fn every_header_that_marks_a_retry_by_the_client_yields_the_fate_client_retried() {
    let mut harness = start();
    for (exchange, header, value) in [
        ("one", "amz-sdk-request", "attempt=2; max=3"),
        ("two", "x-stainless-retry-count", "1"),
        ("three", "grpc-previous-rpc-attempts", "1"),
    ] {
        let outcome =
            harness.send(exchange, &Request::get("/plain").script(exchange, "200").header(header, value));
        assert_reported(&mut harness, &outcome, "client_retried", "client_retry");
    }
    let first = Request::get("/plain").script("four", "200").header("amz-sdk-request", "attempt=1; max=3");
    assert_eq!(harness.send("four", &first).near_miss, None);
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1), ("client_retried", 3)]));
    harness.finish();
}

#[test]
fn a_response_just_within_its_timeout_or_quota_has_the_fate_tight() {
    // The response takes 2.6 s of a timeout of 5 s, so it is tight even if a slow machine adds 2.4 s.
    let mut harness = Harness::http(&json!({"tight_margin": "50%"}));
    let outcome = harness.get("/tight", "one", "late:2600");
    assert_eq!(fate(outcome.near_miss.as_deref()), "tight", "{}", outcome.line);
    let record = harness.next_record();
    assert_eq!((&record["fate"], &record["signals"]), (&json!("tight"), &json!(["timeout"])), "{record}");
    let margin = record["margin_bp"].as_u64().expect("a margin");
    assert!(margin <= 4_800, "{record}");

    let request = Request::get("/plain").script("two", "200");
    let request = request.respond("x-ratelimit-limit: 100").respond("x-ratelimit-remaining: 3");
    assert_eq!(fate(harness.send("two", &request).near_miss.as_deref()), "tight");
    let record = harness.next_record();
    assert_eq!((&record["signals"], &record["margin_bp"]), (&json!(["quota"]), &json!(300)), "{record}");
    assert_eq!(harness.fates("cart"), counts(&[("tight", 2)]));
    harness.finish();
}

#[test]
fn a_grpc_error_has_the_fate_partial_after_a_body_and_failed_before_it() {
    let mut harness = start();
    let (reply, line) = harness.grpc_call("one", "trailers:14");
    assert_eq!(
        (reply.status, reply.near_miss),
        (200, None),
        "the headers are sent before the trailers arrive"
    );
    assert_eq!(fate(line["near_miss"].as_str()), "partial", "{line}");
    assert_eq!(harness.next_record()["fate"], "partial");
    let (_, line) = harness.grpc_call("two", "trailers-only:14");
    assert_eq!(fate(line["near_miss"].as_str()), "failed", "{line}");
    assert_eq!(harness.next_record()["fate"], "failed");
    let (_, line) = harness.grpc_call("three", "trailers:5");
    assert_eq!(line["near_miss"], Value::Null, "NOT_FOUND is a client error");
    let (_, line) = harness.grpc_call("four", "trailers:0");
    assert_eq!(line["near_miss"], Value::Null);
    assert_eq!(harness.fates("ledger"), counts(&[("clean", 2), ("failed", 1), ("partial", 1)]));
    harness.finish();
}

#[test]
fn a_response_that_is_incomplete_or_hides_an_error_has_the_fate_partial() {
    let mut harness = start();
    let outcome = harness.get("/plain", "one", "cut");
    assert!(!outcome.response.complete);
    assert_eq!(fate(outcome.near_miss.as_deref()), "partial", "{}", outcome.line);
    assert_eq!(harness.next_record()["fate"], "partial");
    let request = Request::get("/plain").script("two", "200");
    let outcome = harness.send("two", &request.respond("proxy-status: edge; error=http_response_timeout"));
    assert_reported(&mut harness, &outcome, "partial", "partial");
    assert_eq!(harness.fates("cart"), counts(&[("partial", 2)]));
    harness.finish();
}

#[test]
fn an_exchange_whose_client_disconnects_has_the_fate_clean() {
    let mut harness = start();
    let line = harness.abandon("/plain", "one");
    assert_eq!((&line["flags"], &line["near_miss"]), (&json!("DC"), &Value::Null));
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1)]));
    harness.finish();
}

#[test]
fn an_exchange_without_an_upstream_is_counted_under_none_and_not_annotated() {
    let mut harness = start();
    assert_eq!(harness.get("/direct", "one", "").near_miss, None);
    assert_eq!(harness.get("/nowhere", "two", "").near_miss, None);
    assert_eq!(harness.fates("none"), counts(&[("clean", 2)]));
    harness.finish();
}

#[test]
fn an_outlier_compared_with_the_upstreams_history_has_the_fate_slow() {
    let mut harness = start();
    // A baseline needs samples from two buckets, and applies from the bucket after the next one, when all workers have it.
    let bucket = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 10;
    let mut longest = 0;
    for batch in 0..2 {
        // The route has no name: a named route is compared with its own history, which takes one more bucket to learn.
        let quick = (0..150).map(|number| harness.get("/unnamed", &format!("quick-{batch}-{number}"), "200"));
        // On a machine with hiccups the history contains them, and the outlier must exceed them.
        longest =
            quick.filter_map(|outcome| outcome.line["duration_ms"].as_u64()).max().unwrap_or(0).max(longest);
        let learned_in = bucket();
        eventually("the next bucket", || (bucket() > learned_in).then_some(()));
    }
    let learned_in = bucket();
    eventually("the bucket after that", || (bucket() > learned_in).then_some(()));
    let outlier = 500 + 4 * longest;
    let outcome = harness.get("/unnamed", "slow", &format!("late:{outlier}"));
    assert_eq!(fate(outcome.near_miss.as_deref()), "slow", "{} after at most {longest} ms", outcome.line);
    // A hiccup among the quick requests may have a record as well.
    let is_outlier = |record: &Value| record["duration_ms"].as_f64().is_some_and(|ms| ms >= outlier as f64);
    let record = harness.envoy.wait_for_record("the outlier's record", is_outlier);
    assert_eq!((&record["fate"], &record["signals"]), (&json!("slow"), &json!(["slow"])), "{record}");
    let fates = harness.fates("cart");
    assert_eq!(fates["slow"] + fates["clean"], 301, "{fates:?}");
}
