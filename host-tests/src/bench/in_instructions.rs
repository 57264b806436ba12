//! Instructions an exchange costs in a real Envoy under callgrind: what the clock can only tell through noise.
//!
//! Counted is the worker's thread with all that the filter makes the proxy do. Besides the filters themselves there is a list
//! of prices: modules that do one thing each, so that a reader sees which calls to the host a filter can afford.

use std::fs;
use std::path::PathBuf;

use super::in_envoy::{Variant, site};
use super::load::request;
use super::{Row, Selection, Spread};
use crate::artifact;
use crate::real::{Client, Ledger, Origin, Site, Start, wasm_logger_of};

/// Exchanges before those that count: V8 compiles what is used often.
const WARM_UP: usize = 3_000;
const EXCHANGES: usize = 500;

/// Measures what is wanted.
pub fn run(selection: &Selection) {
    let origin = Origin::with(Ledger::forgetful());
    if selection.wants("instructions/envoy") {
        filters(selection, origin.port);
    }
    if selection.wants("instructions/call") {
        calls(selection, origin.port);
    }
}

/// What each way to attach a filter adds to an exchange; the first is the whole exchange without any.
fn filters(selection: &Selection, port: u16) {
    let noop = artifact::noop_module();
    let of = |variant: Variant| count(&variant.site(port, &noop));
    let none = of(Variant::None);
    let base = of(Variant::Noop) - none;
    for variant in Variant::ALL {
        let name = format!("instructions/{}", variant.row());
        if selection.wants(&name) {
            let row = |spent: f64| Row::of(&name, variant.what(), "", Spread::exact(spent));
            match variant {
                Variant::None => row(none),
                Variant::Noop => row(base),
                _ => {
                    let more = of(variant) - none;
                    row(more).beside("the do-nothing filter's", Spread::exact(more / base))
                }
            }
            .tell();
        }
    }
}

/// What single calls to the host cost an access logger, beside being called at all, which comes first.
fn calls(selection: &Selection, port: u16) {
    let site = site(port, false);
    let none = count(&site);
    let empty = count(&with_probe(&site, ""));
    let tell = |name: &str, what: &str, spent: f64| {
        Row::of(&format!("instructions/call/{name}"), what, "", Spread::exact(spent)).tell();
    };
    tell("none", "more: an access logger that does nothing", empty - none);
    for (what, body) in PROBES {
        let name = what.replace(' ', "-").replace(',', "");
        if selection.wants(&format!("instructions/call/{name}")) {
            tell(&name, &format!("beyond it: {what}"), count(&with_probe(&site, body)) - empty);
        }
    }
}

/// Instructions an exchange in an Envoy of its own.
fn count(site: &Site) -> f64 {
    let envoy = Start::new().counting_instructions().run(site);
    let mut client = Client::new(envoy.port);
    let request = request();
    let mut send = |exchanges| (0..exchanges).for_each(|_| drop(client.send(&request)));
    send(WARM_UP);
    let spent = envoy.count_instructions(|| send(EXCHANGES));
    (spent as f64 / EXCHANGES as f64).round()
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
