//! Configuration: refused by the field's name, replaced without loss.

use host_tests::real::{Start, eventually, wasm_filter};
use serde_json::json;

use crate::stage::{Cast, counts, fate};

#[test]
fn at_start_envoy_refuses_a_bad_configuration_and_says_which_field() {
    let cast = Cast::gather();
    let site = cast.site().filter(wasm_filter(r#"{"tight_margin":"250%"}"#));
    let said = Start::new().try_run(&site).err().expect("Envoy exits");
    assert!(said.contains("tight_margin") && said.contains("250%"), "{said}");
    let (valid, said) = Start::validate(&site);
    assert!(!valid, "`envoy --mode validate` says so beforehand");
    assert!(said.contains("tight_margin"), "{said}");
    let (valid, said) = Start::validate(&cast.site().filter(wasm_filter("{}")));
    assert!(valid, "{said}");
}

#[test]
fn over_xds_a_bad_configuration_leaves_the_old_one_at_work() {
    let cast = Cast::gather();
    let good = cast.site().filter(wasm_filter("{}"));
    let bad = cast.site().filter(wasm_filter(r#"{"nosuch":1}"#));
    let mut stage = cast.on_stage(&Start::new().updatable(), &good);
    stage.tell("/cart", "one", "503,200");
    assert!(!stage.envoy.update(&bad), "refused");
    eventually("the field's name in Envoy's log", || {
        stage.envoy.log().iter().any(|line| line.contains("nosuch")).then_some(())
    });
    let told = stage.tell("/cart", "two", "503,200");
    assert_eq!(fate(told.near_miss.as_deref()), "retried");
    assert_eq!(stage.fates("cart"), counts(&[("retried", 2)]));
}

#[test]
fn a_new_configuration_takes_effect_and_no_count_is_lost() {
    let cast = Cast::gather();
    let before = cast.site().filter(wasm_filter("{}"));
    let after = cast.site().filter(wasm_filter(r#"{"envoy":{"header":true}}"#));
    let mut stage = cast.on_stage(&Start::new().updatable(), &before);
    assert_eq!(stage.tell("/cart", "one", "503,200").response.header("near-miss"), None);
    assert!(stage.envoy.update(&after));
    stage.reconnect();
    let told = stage.tell("/cart", "two", "503,200");
    assert_eq!(fate(told.response.header("near-miss")), "retried");
    assert_eq!(stage.fates("cart"), counts(&[("retried", 2)]));
    assert_eq!(stage.envoy.near_misses().attempts("cart"), 4);
}

#[test]
fn taken_out_again_the_filter_leaves_traffic_as_it_was() {
    let cast = Cast::gather();
    let with = cast.site().filter(wasm_filter(r#"{"envoy":{"header":true}}"#));
    let without = cast.site();
    let mut stage = cast.on_stage(&Start::new().updatable(), &with);
    stage.tell("/cart", "one", "503,200");
    assert!(stage.envoy.update(&without));
    stage.reconnect();
    let told = stage.tell("/cart", "two", "503,200");
    assert_eq!((told.response.status, told.near_miss), (200, None));
    assert_eq!(told.line["near_miss"], json!(null));
}
