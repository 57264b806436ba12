//! Configuration: errors name the field, and an update loses no counts.

use real::{EnvoyCommand, eventually, wasm_filter};
use serde_json::json;

use crate::harness::{Origins, counts, fate};

#[test]
fn envoy_does_not_start_with_a_bad_configuration_and_logs_the_field() {
    let origins = Origins::start();
    let bootstrap = origins.bootstrap().filter(wasm_filter(r#"{"tight_margin":"250%"}"#));
    let output = EnvoyCommand::new().try_run(&bootstrap).err().expect("Envoy exits");
    assert!(output.contains("tight_margin") && output.contains("250%"), "{output}");
    let (valid, output) = EnvoyCommand::validate(&bootstrap);
    assert!(!valid, "`envoy --mode validate` rejects it as well");
    assert!(output.contains("tight_margin"), "{output}");
    let (valid, output) = EnvoyCommand::validate(&origins.bootstrap().filter(wasm_filter("{}")));
    assert!(valid, "{output}");
}

#[test]
fn a_bad_configuration_over_xds_is_rejected_and_the_old_one_stays() {
    let origins = Origins::start();
    let good = origins.bootstrap().filter(wasm_filter("{}"));
    let bad = origins.bootstrap().filter(wasm_filter(r#"{"nosuch":1}"#));
    let mut harness = origins.start_envoy(&EnvoyCommand::new().updatable(), &good);
    harness.get("/cart", "one", "503,200");
    assert!(!harness.envoy.update(&bad), "rejected");
    eventually("the field's name in Envoy's log", || {
        harness.envoy.log().iter().any(|line| line.contains("nosuch")).then_some(())
    });
    let outcome = harness.get("/cart", "two", "503,200");
    assert_eq!(fate(outcome.near_miss.as_deref()), "retried");
    assert_eq!(harness.fates("cart"), counts(&[("retried", 2)]));
}

#[test]
fn a_new_configuration_takes_effect_and_loses_no_counts() {
    let origins = Origins::start();
    let before = origins.bootstrap().filter(wasm_filter("{}"));
    let after = origins.bootstrap().filter(wasm_filter(r#"{"envoy":{"header":true}}"#));
    let mut harness = origins.start_envoy(&EnvoyCommand::new().updatable(), &before);
    assert_eq!(harness.get("/cart", "one", "503,200").response.header("near-miss"), None);
    assert!(harness.envoy.update(&after));
    harness.reconnect();
    let outcome = harness.get("/cart", "two", "503,200");
    assert_eq!(fate(outcome.response.header("near-miss")), "retried");
    assert_eq!(harness.fates("cart"), counts(&[("retried", 2)]));
    assert_eq!(harness.envoy.nearmiss_stats().attempts("cart"), 4);
}

#[test]
fn traffic_is_unchanged_after_the_filter_is_removed() {
    let origins = Origins::start();
    let with = origins.bootstrap().filter(wasm_filter(r#"{"envoy":{"header":true}}"#));
    let without = origins.bootstrap();
    let mut harness = origins.start_envoy(&EnvoyCommand::new().updatable(), &with);
    harness.get("/cart", "one", "503,200");
    assert!(harness.envoy.update(&without));
    harness.reconnect();
    let outcome = harness.get("/cart", "two", "503,200");
    assert_eq!((outcome.response.status, outcome.near_miss), (200, None));
    assert_eq!(outcome.line["near_miss"], json!(null));
}
