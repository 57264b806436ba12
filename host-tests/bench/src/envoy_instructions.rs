//! Instructions of an exchange in a real Envoy under callgrind, for differences that CPU time hides in noise.
//!
//! The count covers the worker thread, with everything that the filter makes the proxy do. Besides the filters
//! themselves, a list of modules that make one hostcall each shows which hostcalls a filter can afford.

use std::fs;
use std::path::PathBuf;

use super::envoy_cpu_time::{FilterSetup, bootstrap};
use super::envoy_load::request;
use super::{Row, Selection, Spread};
use real::{ArrivalLog, Bootstrap, Client, EnvoyCommand, Origin, wasm_logger_of};

/// Exchanges before the measurement: V8 optimises hot code.
const WARM_UP: usize = 3_000;
const EXCHANGES: usize = 500;

/// Measures the selected rows.
pub fn run(selection: &Selection) {
    let origin = Origin::with_log(ArrivalLog::counting_only());
    if selection.wants("instructions/envoy") {
        filters(selection, origin.port);
    }
    if selection.wants("instructions/call") {
        calls(selection, origin.port);
    }
}

/// Measures the cost that each way to attach a filter adds; the first row is a whole exchange without a filter.
fn filters(selection: &Selection, port: u16) {
    let noop = artifact::noop_module();
    let of = |setup: FilterSetup| count(&setup.bootstrap(port, &noop));
    let none = of(FilterSetup::None);
    let base = of(FilterSetup::Noop) - none;
    for setup in FilterSetup::ALL {
        let name = format!("instructions/{}", setup.row());
        if selection.wants(&name) {
            let row = |spent: f64| Row::of(&name, setup.what(), "", Spread::exact(spent));
            match setup {
                FilterSetup::None => row(none),
                FilterSetup::Noop => row(base),
                _ => {
                    let overhead = of(setup) - none;
                    row(overhead).with_ratio("the no-op filter", Spread::exact(overhead / base))
                }
            }
            .print();
        }
    }
}

/// Measures the cost of single hostcalls in an access logger; the first row is a logger that makes none.
fn calls(selection: &Selection, port: u16) {
    let bootstrap = bootstrap(port, false);
    let none = count(&bootstrap);
    let empty = count(&with_probe(&bootstrap, ""));
    let print = |name: &str, what: &str, spent: f64| {
        Row::of(&format!("instructions/call/{name}"), what, "", Spread::exact(spent)).print();
    };
    print("none", "overhead: a no-op access logger", empty - none);
    for (what, body) in PROBES {
        let name = what.replace(' ', "-").replace(',', "");
        if selection.wants(&format!("instructions/call/{name}")) {
            print(&name, &format!("hostcall: {what}"), count(&with_probe(&bootstrap, body)) - empty);
        }
    }
}

/// Measures the instructions per exchange in a new Envoy.
fn count(bootstrap: &Bootstrap) -> f64 {
    let envoy = EnvoyCommand::new().counting_instructions().run(bootstrap);
    let mut client = Client::new(envoy.port);
    let request = request();
    let mut send = |exchanges| (0..exchanges).for_each(|_| drop(client.send(&request)));
    send(WARM_UP);
    let spent = envoy.count_instructions(|| send(EXCHANGES));
    (spent as f64 / EXCHANGES as f64).round()
}

/// Adds a logger that runs `body` for each exchange.
fn with_probe(bootstrap: &Bootstrap, body: &str) -> Bootstrap {
    bootstrap.clone().logger(wasm_logger_of(&probe(body), ""))
}

/// The probes: name, and code of the module. Strings are at the addresses where [`MODULE`] puts them.
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

/// An access logger; memory for results comes from one page in turns.
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
(func $known (param $slot i32) (param $kind i32)
    (if (i32.eqz (i32.load (local.get $slot))) (then
        (drop (call $define (local.get $kind) (i32.const 1152) (i32.const 5) (local.get $slot))))))
(func $evaluate (param $slot i32) (param $text i32) (param $length i32)
    (if (i32.eqz (i32.load (local.get $slot))) (then
        (drop (call $foreign (i32.const 1184) (i32.const 11) (local.get $text) (local.get $length) (i32.const 16) (i32.const 20)))
        (i32.store (local.get $slot) (i32.load (i32.load (i32.const 16))))))
    (drop (call $foreign (i32.const 1216) (i32.const 13) (local.get $slot) (i32.const 4) (i32.const 16) (i32.const 20))))
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
