//! Instructions an exchange costs in a real Envoy under callgrind: what the clock can only tell through noise.
//!
//! Counted is the worker's thread with all that the filter makes the proxy do. Besides the filters themselves there is a list
//! of prices: modules that do one thing each, so that a reader sees which calls to the host a filter can afford.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::in_envoy::{Variant, request};
use crate::artifact;
use crate::real::{Client, Ledger, Origin, Site, Start, cluster, route, wasm_logger_of};

/// Exchanges before those that count: V8 compiles what is used often.
const WARM_UP: usize = 3_000;
const EXCHANGES: usize = 500;

/// What something costs.
#[derive(Clone, Debug)]
pub struct Price {
    /// What.
    pub what: String,
    /// Instructions an exchange, more than without it.
    pub instructions: i64,
}

/// What each way to attach a filter adds to an exchange; the first is the whole exchange without any.
pub fn filters() -> Vec<Price> {
    let noop = artifact::noop_module();
    let (origin, site) = stage();
    let none = count(&site);
    drop(origin);
    let mut prices = vec![Price { what: Variant::None.name().into(), instructions: none }];
    for variant in Variant::ALL.into_iter().filter(|variant| *variant != Variant::None) {
        let (_origin, site) = stage();
        let with = count(&variant.put_into(site, &noop));
        prices.push(Price { what: variant.name().into(), instructions: with - none });
    }
    prices
}

/// What single calls to the host cost an access logger, beside being called at all, which comes first.
pub fn calls() -> Vec<Price> {
    let (_origin, site) = stage();
    let none = count(&site);
    let empty = count(&with_probe(&site, ""));
    let mut prices =
        vec![Price { what: "an access logger that does nothing".into(), instructions: empty - none }];
    for (what, body) in PROBES {
        let with = count(&with_probe(&site, body));
        prices.push(Price { what: what.into(), instructions: with - empty });
    }
    prices
}

fn stage() -> (Origin, Site) {
    let origin = Origin::with(Ledger::forgetful());
    let site = Site::new().without_access_log().cluster(cluster("cart", &[origin.port])).route(route(
        "/",
        "cart",
        &json!({"timeout": "15s", "retry_policy": {"retry_on": "5xx", "num_retries": 2}}),
    ));
    (origin, site)
}

/// Instructions an exchange in an Envoy of its own.
fn count(site: &Site) -> i64 {
    let envoy = Start::new().counting_instructions().run(site);
    let mut client = Client::new(envoy.port);
    let request = request();
    let mut send = |exchanges| (0..exchanges).for_each(|_| drop(client.send(&request)));
    send(WARM_UP);
    let spent = envoy.count_instructions(|| send(EXCHANGES));
    i64::try_from(spent / EXCHANGES as u64).unwrap_or(i64::MAX)
}

/// A logger that does `body` for each exchange.
fn with_probe(site: &Site, body: &str) -> Site {
    site.clone().logger(wasm_logger_of(&probe(body), ""))
}

/// What is tried: the name of it, and what the module does. Texts are at the places where [`MODULE`] puts them.
const PROBES: [(&str, &str); 10] = [
    ("the clock", "(drop (call $now (i32.const 24)))"),
    (
        "a counter, plus one",
        "(call $known (i32.const 64) (i32.const 0)) (drop (call $increment (i32.load (i32.const 64)) (i64.const 1)))",
    ),
    (
        "a value into a histogram",
        "(call $known (i32.const 68) (i32.const 2)) (drop (call $record (i32.load (i32.const 68)) (i64.const 1)))",
    ),
    (
        "a property that is not there",
        "(drop (call $property (i32.const 1088) (i32.const 26) (i32.const 16) (i32.const 20)))",
    ),
    ("a property", "(drop (call $property (i32.const 1024) (i32.const 16) (i32.const 16) (i32.const 20)))"),
    (
        "two properties",
        "(drop (call $property (i32.const 1024) (i32.const 16) (i32.const 16) (i32.const 20)))
        (drop (call $property (i32.const 1056) (i32.const 14) (i32.const 16) (i32.const 20)))",
    ),
    ("one attribute by an expression", "(call $evaluate (i32.const 72) (i32.const 1280) (i32.const 16))"),
    ("six attributes by an expression", "(call $evaluate (i32.const 76) (i32.const 1536) (i32.const 118))"),
    (
        "a request header",
        "(drop (call $header (i32.const 0) (i32.const 1120) (i32.const 7) (i32.const 16) (i32.const 20)))",
    ),
    ("all response headers", "(drop (call $headers (i32.const 2) (i32.const 16) (i32.const 20)))"),
];

/// An access logger; memory for answers is taken in turns from one page.
const MODULE: &str = r#"(module
(import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
(import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $header (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_pairs" (func $headers (param i32 i32 i32) (result i32)))
(memory (export "memory") 2)
(global $free (mut i32) (i32.const 65536))
(data (i32.const 1024) "xds\00cluster_name")
(data (i32.const 1056) "response\00flags")
(data (i32.const 1088) "filter_state\00nothing.there")
(data (i32.const 1120) ":method")
(data (i32.const 1152) "probe")
(data (i32.const 1184) "expr_create")
(data (i32.const 1216) "expr_evaluate")
(data (i32.const 1280) "xds.cluster_name")
(data (i32.const 1536) "[xds.cluster_name, xds.route_name, upstream.address, upstream.request_attempt_count, response.flags, request.duration]")
(func $known (param $place i32) (param $kind i32)
    (if (i32.eqz (i32.load (local.get $place))) (then
        (drop (call $define (local.get $kind) (i32.const 1152) (i32.const 5) (local.get $place))))))
(func $evaluate (param $place i32) (param $text i32) (param $length i32)
    (if (i32.eqz (i32.load (local.get $place))) (then
        (drop (call $foreign (i32.const 1184) (i32.const 11) (local.get $text) (local.get $length) (i32.const 16) (i32.const 20)))
        (i32.store (local.get $place) (i32.load (i32.load (i32.const 16))))))
    (drop (call $foreign (i32.const 1216) (i32.const 13) (local.get $place) (i32.const 4) (i32.const 16) (i32.const 20))))
(func (export "malloc") (param $size i32) (result i32) (local $block i32)
    (local.set $block (global.get $free))
    (global.set $free (i32.or (i32.const 65536) (i32.and (i32.const 32760) (i32.add (i32.const 7) (i32.add (local.get $block) (local.get $size))))))
    (local.get $block))
(func (export "proxy_abi_version_0_2_1"))
(func (export "proxy_on_log") (param i32) BODY))"#;

fn probe(body: &str) -> PathBuf {
    let module = wat::parse_str(MODULE.replace("BODY", body)).expect("a module of our own");
    let path = artifact::root().join("target/probe.wasm");
    fs::write(&path, module).expect("target can be written");
    path
}
