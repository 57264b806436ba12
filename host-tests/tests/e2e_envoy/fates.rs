//! Every fate, told by what its safety net did.

use std::time::{SystemTime, UNIX_EPOCH};

use host_tests::real::{Request, eventually};
use serde_json::{Value, json};

use crate::stage::{Stage, Told, counts, fate};

const CONFIG: &str = r#"{"envoy":{"attach":"http","header":true}}"#;

fn stage() -> Stage {
    Stage::http(&serde_json::from_str(CONFIG).expect("JSON"))
}

/// The annotation, the header and the record agree about a near miss.
fn assert_told(stage: &mut Stage, told: &Told, wanted: &str, signal: &str) -> Value {
    assert_eq!(fate(told.near_miss.as_deref()), wanted, "{}", told.line);
    assert_eq!(fate(told.response.header("near-miss")), wanted, "{:?}", told.response.headers);
    let record = stage.next_record();
    assert_eq!(record["fate"], wanted, "{record}");
    let signals = record["signals"].as_array().expect("signals");
    assert!(signals.contains(&json!(signal)), "{record}");
    assert_eq!(record["schema"], 1);
    assert_eq!(record["status"], told.line["status"], "{record}");
    assert_eq!(record["attempts"], told.line["attempts"], "{record}");
    assert!(record["explain"].as_str().is_some_and(|text| !text.is_empty()), "{record}");
    record
}

#[test]
fn a_clean_exchange_leaves_nothing_but_a_count() {
    let mut stage = stage();
    let told = stage.tell("/plain", "one", "200");
    assert_eq!((told.near_miss, told.response.header("near-miss")), (None, None));
    let told = stage.tell("/cart", "two", "404");
    assert_eq!((told.near_miss, told.response.header("near-miss")), (None, None), "the caller's own fault");
    assert_eq!(stage.fates("cart"), counts(&[("clean", 2)]));
    assert_eq!(stage.envoy.near_misses().attempts("cart"), 2);
    stage.finish();
}

#[test]
fn a_retry_that_worked_is_retried_whatever_it_caught() {
    let mut stage = stage();
    for (exchange, path, script, attempts) in [
        ("one", "/cart", "503,200", 2),
        ("two", "/cart", "reset,503,200", 3),
        ("three", "/cart", "429,200", 2),
        ("four", "/hurried", "hang,200", 2),
    ] {
        let told = stage.tell(path, exchange, script);
        assert_eq!(told.response.status, 200);
        let record = assert_told(&mut stage, &told, "retried", "retry");
        assert_eq!(record["attempts"], attempts);
        assert_eq!(record["upstream"], "cart");
        if path == "/cart" {
            let margin = 10_000 - 10_000 * (attempts - 1) / 3;
            assert_eq!(record["margin_bp"], margin, "the route's metadata allows 4: {record}");
        }
    }
    assert_eq!(stage.fates("cart"), counts(&[("retried", 4)]));
    let stats = stage.envoy.near_misses();
    assert_eq!(stats.attempts("cart"), stage.hosts[0].ledger.count() as u64);
    stage.finish();
}

#[test]
fn an_error_that_reached_the_caller_is_failed() {
    let mut stage = stage();
    for (exchange, path, script, status) in [
        ("one", "/plain", "503", 503),
        ("two", "/plain", "429", 429),
        ("three", "/plain", "reset", 503),
        ("four", "/cart", "500", 500),
        ("five", "/empty", "200", 503),
    ] {
        let told = stage.tell(path, exchange, script);
        assert_eq!(told.response.status, status);
        assert_told(&mut stage, &told, "failed", "failed");
    }
    assert_eq!(stage.fates("cart"), counts(&[("failed", 4)]));
    assert_eq!(stage.fates("empty"), counts(&[("failed", 1)]), "chosen, though it has no host");
    stage.finish();
}

#[test]
fn an_answer_from_the_fallback_tier_is_fallback_and_from_the_failover_tier_failover() {
    let mut stage = stage();
    let told = stage.tell("/search", "one", "200");
    let record = assert_told(&mut stage, &told, "fallback", "fallback");
    assert_eq!((&record["upstream"], &record["attempts"]), (&json!("search"), &json!(2)));
    let told = stage.tell("/zone", "two", "200");
    assert_told(&mut stage, &told, "failover", "failover");
    assert_eq!(stage.fates("search"), counts(&[("fallback", 1)]));
    assert_eq!(stage.fates("zone"), counts(&[("failover", 1)]));
    stage.finish();
}

#[test]
fn an_expired_copy_is_stale_in_every_spelling() {
    let mut stage = stage();
    for (exchange, header) in [
        ("one", "cache-status: edge; hit; ttl=-30"),
        ("two", "cache-status: edge; fwd=stale; fwd-status=503"),
        ("three", "warning: 110 - \"Response is Stale\""),
    ] {
        let request = Request::get("/plain").script(exchange, "200").respond(header);
        let told = stage.ask(exchange, &request);
        assert_told(&mut stage, &told, "stale", "stale");
    }
    assert_eq!(stage.fates("cart"), counts(&[("stale", 3)]));
    stage.finish();
}

#[test]
fn a_request_that_is_somebodys_retry_is_client_retried_in_every_spelling() {
    let mut stage = stage();
    for (exchange, header, value) in [
        ("one", "amz-sdk-request", "attempt=2; max=3"),
        ("two", "x-stainless-retry-count", "1"),
        ("three", "grpc-previous-rpc-attempts", "1"),
    ] {
        let told = stage.ask(exchange, &Request::get("/plain").script(exchange, "200").header(header, value));
        assert_told(&mut stage, &told, "client_retried", "client_retry");
    }
    let first = Request::get("/plain").script("four", "200").header("amz-sdk-request", "attempt=1; max=3");
    assert_eq!(stage.ask("four", &first).near_miss, None);
    assert_eq!(stage.fates("cart"), counts(&[("clean", 1), ("client_retried", 3)]));
    stage.finish();
}

#[test]
fn an_answer_just_before_its_timeout_or_its_quota_is_tight() {
    // Half a timeout of 5 s leaves a slow machine 2.4 s to be slow in.
    let mut stage = Stage::http(&json!({"tight_margin": "50%"}));
    let told = stage.tell("/tight", "one", "late:2600");
    assert_eq!(fate(told.near_miss.as_deref()), "tight", "{}", told.line);
    let record = stage.next_record();
    assert_eq!((&record["fate"], &record["signals"]), (&json!("tight"), &json!(["timeout"])), "{record}");
    let margin = record["margin_bp"].as_u64().expect("a margin");
    assert!(margin <= 4_800, "{record}");

    let request = Request::get("/plain").script("two", "200");
    let request = request.respond("x-ratelimit-limit: 100").respond("x-ratelimit-remaining: 3");
    assert_eq!(fate(stage.ask("two", &request).near_miss.as_deref()), "tight");
    let record = stage.next_record();
    assert_eq!((&record["signals"], &record["margin_bp"]), (&json!(["quota"]), &json!(300)), "{record}");
    assert_eq!(stage.fates("cart"), counts(&[("tight", 2)]));
    stage.finish();
}

#[test]
fn a_grpc_fault_after_a_body_is_partial_and_before_it_failed() {
    let mut stage = stage();
    let (reply, line) = stage.call("one", "trailers:14");
    assert_eq!((reply.status, reply.near_miss), (200, None), "the header had passed when the trailers came");
    assert_eq!(fate(line["near_miss"].as_str()), "partial", "{line}");
    assert_eq!(stage.next_record()["fate"], "partial");
    let (_, line) = stage.call("two", "bare:14");
    assert_eq!(fate(line["near_miss"].as_str()), "failed", "{line}");
    assert_eq!(stage.next_record()["fate"], "failed");
    let (_, line) = stage.call("three", "trailers:5");
    assert_eq!(line["near_miss"], Value::Null, "NOT_FOUND is the caller's affair");
    let (_, line) = stage.call("four", "trailers:0");
    assert_eq!(line["near_miss"], Value::Null);
    assert_eq!(stage.fates("ledger"), counts(&[("clean", 2), ("failed", 1), ("partial", 1)]));
    stage.finish();
}

#[test]
fn an_answer_that_was_cut_off_or_masks_an_error_is_partial() {
    let mut stage = stage();
    let told = stage.tell("/plain", "one", "cut");
    assert!(!told.response.complete);
    assert_eq!(fate(told.near_miss.as_deref()), "partial", "{}", told.line);
    assert_eq!(stage.next_record()["fate"], "partial");
    let request = Request::get("/plain").script("two", "200");
    let told = stage.ask("two", &request.respond("proxy-status: edge; error=http_response_timeout"));
    assert_told(&mut stage, &told, "partial", "partial");
    assert_eq!(stage.fates("cart"), counts(&[("partial", 2)]));
    stage.finish();
}

#[test]
fn a_client_that_went_away_leaves_a_clean_exchange() {
    let mut stage = stage();
    let line = stage.abandon("/plain", "one");
    assert_eq!((&line["flags"], &line["near_miss"]), (&json!("DC"), &Value::Null));
    assert_eq!(stage.fates("cart"), counts(&[("clean", 1)]));
    stage.finish();
}

#[test]
fn an_exchange_without_an_upstream_counts_under_none_and_says_nothing() {
    let mut stage = stage();
    assert_eq!(stage.tell("/direct", "one", "").near_miss, None);
    assert_eq!(stage.tell("/nowhere", "two", "").near_miss, None);
    assert_eq!(stage.fates("none"), counts(&[("clean", 2)]));
    stage.finish();
}

#[test]
fn an_outlier_against_the_upstreams_own_past_is_slow() {
    let mut stage = stage();
    // What one bucket of time teaches is not enough, and what was learned holds when it has come round to all workers: from
    // the bucket after the next on.
    let bucket = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 10;
    let mut longest = 0;
    for lot in 0..2 {
        // A named route is held against its own past, which takes a bucket longer to know.
        let quick = (0..150).map(|number| stage.tell("/unnamed", &format!("quick-{lot}-{number}"), "200"));
        // On a machine that hiccups the past is what it was: the outlier is one against that.
        longest = quick.filter_map(|told| told.line["duration_ms"].as_u64()).max().unwrap_or(0).max(longest);
        let learned = bucket();
        eventually("the next bucket of time", || (bucket() > learned).then_some(()));
    }
    let learned = bucket();
    eventually("the bucket after that", || (bucket() > learned).then_some(()));
    let outlier = 500 + 4 * longest;
    let told = stage.tell("/unnamed", "slow", &format!("late:{outlier}"));
    assert_eq!(fate(told.near_miss.as_deref()), "slow", "{} after at most {longest} ms", told.line);
    // A hiccup among the quick ones may have been told, too.
    let is_outlier = |record: &Value| record["duration_ms"].as_f64().is_some_and(|ms| ms >= outlier as f64);
    let record = stage.envoy.record("the outlier's record", is_outlier);
    assert_eq!((&record["fate"], &record["signals"]), (&json!("slow"), &json!(["slow"])), "{record}");
    let fates = stage.fates("cart");
    assert_eq!(fates["slow"] + fates["clean"], 301, "{fates:?}");
}
