//! Every exchange counts once, wherever the module is attached.

use real::{Bootstrap, EnvoyCommand};
use serde_json::json;

use crate::form::{filter, logger, upstream_filter};
use crate::harness::{Harness, Origins, counts, fate};

fn start(attach: impl FnOnce(Bootstrap, &Origins) -> Bootstrap) -> Harness {
    let origins = Origins::start();
    let bootstrap = attach(origins.bootstrap(), &origins);
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

#[test]
fn an_access_logger_counts_by_fate_but_knows_no_tier() {
    let mut harness = start(|bootstrap, _| bootstrap.logger(logger("{}")));
    for (exchange, path, script) in [
        ("one", "/plain", "200"),
        ("two", "/cart", "503,200"),
        ("three", "/plain", "503"),
        ("four", "/search", "200"),
        ("five", "/plain", "cut"),
    ] {
        assert_eq!(harness.get(path, exchange, script).near_miss, None, "a logger annotates nothing");
    }
    assert_eq!(harness.fates("all"), counts(&[("clean", 1), ("failed", 1), ("partial", 1), ("retried", 2)]));
    assert_eq!(harness.stats().attempts("all"), 7);
    let records: Vec<_> = (0..4).map(|_| harness.next_record()).collect();
    let fates: Vec<_> = records.iter().map(|record| &record["fate"]).collect();
    assert_eq!(fates, ["retried", "failed", "retried", "partial"]);
    assert_eq!((&records[2]["upstream"], &records[2]["host"].is_null()), (&json!("search"), &false));
    harness.finish();
}

#[test]
fn a_filter_and_a_logger_count_an_exchange_once() {
    let mut harness = start(|bootstrap, _| bootstrap.filter(filter("{}")).logger(logger("{}")));
    for number in 0..3 {
        let outcome = harness.get("/cart", &format!("exchange-{number}"), "503,200");
        assert_eq!(fate(outcome.near_miss.as_deref()), "retried");
        harness.next_record();
    }
    assert_eq!(harness.fates("cart"), counts(&[("retried", 3)]));
    assert_eq!(harness.stats().exchanges(), 3);
    harness.finish();
}

#[test]
fn two_copies_of_the_filter_count_an_exchange_once() {
    let mut second = filter("{}");
    second["typed_config"]["filter_name"] = json!("mesh-wide");
    let mut harness = start(|bootstrap, _| bootstrap.filter(filter("{}")).filter(second));
    for number in 0..3 {
        harness.get("/cart", &format!("exchange-{number}"), "503,200");
        harness.next_record();
    }
    assert_eq!(harness.fates("cart"), counts(&[("retried", 3)]));
    assert_eq!(harness.stats().attempts("cart"), 6);
    harness.finish();
}

#[test]
fn an_upstream_filter_alone_judges_nothing() {
    let mut harness = start(|bootstrap, _| bootstrap.upstream_filter(upstream_filter()));
    assert_eq!(harness.get("/cart", "one", "503,200").near_miss, None);
    assert_eq!(harness.envoy.nearmiss_stats().exchanges(), 0);
    harness.finish();
}
