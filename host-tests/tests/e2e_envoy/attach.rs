//! The two ways in, alone and together.

use host_tests::real::{Site, Start, wasm_filter, wasm_logger};
use serde_json::{Value, json};

use crate::stage::{Cast, Stage, counts, fate};

const HTTP: &str = r#"{"envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"envoy":{"attach":"log"}}"#;

/// Stories whose fates both ways in can see.
const STORIES: [(&str, &str, &str); 6] = [
    ("one", "/plain", "200"),
    ("two", "/cart", "503,200"),
    ("three", "/plain", "503"),
    ("four", "/search", "200"),
    ("five", "/plain", "cut"),
    ("six", "/zone", "200"),
];

fn tell_all(stage: &mut Stage) -> Vec<String> {
    let told = STORIES.map(|(exchange, path, script)| stage.tell(path, exchange, script));
    told.into_iter().map(|told| fate(told.near_miss.as_deref()).to_owned()).collect()
}

fn assert_counted_once(stage: &Stage) {
    assert_eq!(stage.fates("cart"), counts(&[("clean", 1), ("failed", 1), ("partial", 1), ("retried", 1)]));
    assert_eq!(stage.fates("search"), counts(&[("fallback", 1)]));
    assert_eq!(stage.fates("zone"), counts(&[("failover", 1)]));
    assert_eq!(stage.envoy.near_misses().attempts("cart"), 5);
    assert_eq!(stage.envoy.near_misses().exchanges(), 6);
}

#[test]
fn as_an_access_logger_it_sees_the_same_and_marks_nothing() {
    let mut stage = Stage::log(&serde_json::from_str(LOG).expect("JSON"));
    assert_eq!(tell_all(&mut stage), ["clean"; 6], "an access logger cannot write filter state");
    assert_counted_once(&stage);
    let fates: Vec<Value> = (0..5).map(|_| stage.next_record()["fate"].take()).collect();
    assert_eq!(fates, ["retried", "failed", "fallback", "partial", "failover"]);
    stage.finish();
}

#[test]
fn without_the_header_option_the_response_stays_as_it_was() {
    let mut stage = Stage::http(&json!({}));
    let told = stage.tell("/cart", "one", "503,200");
    assert_eq!(fate(told.near_miss.as_deref()), "retried");
    assert_eq!(told.response.header("near-miss"), None);
    stage.next_record();
    stage.finish();
}

#[test]
fn filter_and_logger_in_one_vm_count_an_exchange_once() {
    together(|site| site.filter(wasm_filter(HTTP)).logger(wasm_logger(LOG)));
}

#[test]
fn filter_and_logger_in_two_vms_count_an_exchange_once() {
    together(|site| {
        let mut logger = wasm_logger(LOG);
        logger["typed_config"]["config"]["vm_config"]["vm_id"] = json!("another");
        site.filter(wasm_filter(HTTP)).logger(logger)
    });
}

fn together(attach: impl FnOnce(Site) -> Site) {
    let cast = Cast::gather();
    let site = attach(cast.site());
    let mut stage = cast.on_stage(&Start::new(), &site);
    assert_eq!(tell_all(&mut stage), ["clean", "retried", "failed", "fallback", "partial", "failover"]);
    assert_counted_once(&stage);
    for _ in 0..5 {
        stage.next_record();
    }
    stage.finish();
}

#[test]
fn lean_mode_keeps_counting_what_it_says_it_keeps() {
    let mut stage = Stage::http(&json!({"envoy": {"mode": "lean"}}));
    assert_eq!(fate(stage.tell("/plain", "one", "200").near_miss.as_deref()), "clean");
    assert_eq!(fate(stage.tell("/cart", "two", "503,200").near_miss.as_deref()), "retried");
    assert_eq!(fate(stage.tell("/plain", "three", "503").near_miss.as_deref()), "failed");
    assert_eq!(stage.fates("cart"), counts(&[("clean", 1), ("failed", 1), ("retried", 1)]));
    for _ in 0..2 {
        stage.next_record();
    }
    stage.finish();
}
