//! Tests of the simulated Envoy itself: results of hostcalls, refused modules, call counts.

use sim::proxy_wasm::{Failure, Proxy, Status, Stream};

/// Returns a module that makes calls in callbacks and logs each status as one letter.
fn module(imports: &str, functions: &str) -> Proxy {
    let text = format!(
        r#"(module {imports}
          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 4)
          (global $heap (mut i32) (i32.const 65536))
          (data (i32.const 0) "abcdefghijklmnop")
          (data (i32.const 32) "\00\00\00\00x-key")
          (data (i32.const 64) "nearmiss")
          (data (i32.const 96) "upstream\00address")
          (data (i32.const 128) "value")
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "malloc") (param $size i32) (result i32)
            (global.get $heap)
            (global.set $heap (i32.add (global.get $heap) (local.get $size))))
          (func $log_status (param $status i32)
            (drop (call $log (i32.const 2) (local.get $status) (i32.const 1))))
          {functions})"#
    );
    Proxy::from_bytes(text.as_bytes())
}

fn logged(proxy: &Proxy) -> String {
    proxy.take_log().into_iter().map(|line| line.text).collect()
}

const VALUE: &str = r#"(import "env" "proxy_get_header_map_value"
    (func $value (param i32 i32 i32 i32 i32) (result i32)))"#;
const PAIRS: &str =
    r#"(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))"#;
const STATE: &str = r#"(import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))"#;

#[test]
fn request_headers_are_unavailable_in_the_response_phase_and_back_in_on_log() {
    let query = "(call $log_status (call $value (i32.const 0) (i32.const 36) (i32.const 5) (i32.const 16) (i32.const 20)))";
    let proxy = module(
        VALUE,
        &format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {query} (i32.const 0))
               (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) {query} (i32.const 0))
               (func (export "proxy_on_log") (param i32) {query})"#
        ),
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    vm.exchange(root, Stream::ok("cart").with_request_header("x-key", "v"));
    assert_eq!(logged(&proxy), "aca", "Ok, BadArgument, Ok");
    vm.exchange(root, Stream::ok("cart"));
    assert_eq!(logged(&proxy), "bcb", "NotFound, BadArgument, NotFound");
}

#[test]
fn a_missing_map_is_empty_and_ok_when_read_whole() {
    let query = "(call $log_status (call $pairs (i32.const 2) (i32.const 16) (i32.const 20)))
               (call $log_status (i32.load (i32.const 20)))";
    let proxy = module(PAIRS, &format!(r#"(func (export "proxy_on_log") (param i32) {query})"#));
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let mut stream = Stream::ok("cart");
    stream.response_headers = None;
    vm.exchange(root, stream);
    assert_eq!(logged(&proxy), "aa", "Ok, and empty");
    assert_eq!(vm.take_calls().returned_data, 0);
}

#[test]
fn an_access_logger_reads_the_exchange_but_cannot_annotate_it() {
    let proxy = module(
        &format!("{STATE}{PAIRS}"),
        r#"(func (export "proxy_on_log") (param i32)
             (call $log_status (call $pairs (i32.const 0) (i32.const 16) (i32.const 20)))
             (call $log_status (call $set (i32.const 64) (i32.const 8) (i32.const 128) (i32.const 5))))"#,
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let after = vm.log_exchange(root, Stream::ok("cart"));
    assert_eq!((logged(&proxy).as_str(), after.annotation()), ("ab", None));
    let after = vm.exchange(root, Stream::ok("cart"));
    assert_eq!((logged(&proxy).as_str(), after.annotation()), ("aa", Some("value".to_owned())));
    assert_eq!(vm.take_calls().returned_data, 2);
}

#[test]
fn a_hostcall_that_our_filters_must_not_make_fails_the_test() {
    let proxy = module(
        r#"(import "env" "proxy_send_local_response"
             (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#,
        r#"(func (export "proxy_on_log") (param i32)
             (call $log_status (call $reply (i32.const 500) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0))))"#,
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let failure = vm.try_exchange(Some(root), None, Stream::ok("cart")).unwrap_err();
    assert!(matches!(&failure, Failure::Trap(why) if why.contains("proxy_send_local_response")), "{failure}");
    assert!(
        matches!(vm.try_exchange(Some(root), None, Stream::ok("cart")), Err(Failure::Trap(_))),
        "it stays dead"
    );
}

#[test]
fn a_filter_that_pauses_a_stream_fails_the_test() {
    let proxy = module(
        "",
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#,
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let failure = vm.try_exchange(Some(root), None, Stream::ok("cart")).unwrap_err();
    assert_eq!(failure, Failure::Paused("proxy_on_request_headers"));
}

#[test]
fn the_nth_call_fails_with_the_injected_status() {
    let query = "(call $log_status (call $pairs (i32.const 0) (i32.const 16) (i32.const 20)))";
    let proxy =
        module(PAIRS, &format!(r#"(func (export "proxy_on_log") (param i32) {query}{query}{query})"#));
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    vm.inject("proxy_get_header_map_pairs", 2, Status::InternalFailure);
    vm.exchange(root, Stream::ok("cart"));
    assert_eq!(logged(&proxy), "aka");
    vm.inject("proxy_get_header_map_pairs", 0, Status::NotFound);
    vm.exchange(root, Stream::ok("cart"));
    assert_eq!(logged(&proxy), "bbb");
}

#[test]
fn each_plugin_has_its_own_root_that_is_created_started_and_configured_in_this_order() {
    let proxy = module(
        "",
        r#"(func (export "proxy_on_context_create") (param i32 i32)
             (if (i32.eqz (local.get 1)) (then (call $log_status (i32.const 2)))))
           (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $log_status (i32.const 21)) (i32.const 1))
           (func (export "proxy_on_configure") (param i32 i32) (result i32)
             (call $log_status (i32.const 6)) (i32.ne (local.get 1) (i32.const 3)))
           (func (export "proxy_on_done") (param i32) (result i32) (call $log_status (i32.const 3)) (i32.const 1))
           (func (export "proxy_on_delete") (param i32) (call $log_status (i32.const 4)))"#,
    );
    proxy.canary(b"{}").unwrap();
    assert_eq!(logged(&proxy).replace('\0', ""), "cgde");
    let mut vm = proxy.worker();
    let old = vm.configure("{}").unwrap();
    assert_eq!(vm.reconfigure(old, "bad"), Err(Failure::Refused), "three bytes are refused");
    logged(&proxy);
    vm.reconfigure(old, "good").unwrap();
    assert_eq!(
        logged(&proxy).replace('\0', ""),
        "cgde",
        "the new root starts before the old one is shut down"
    );
}

#[test]
#[should_panic(expected = "Envoy offers no `env.proxy_read_mind`")]
fn a_module_that_envoy_cannot_link_is_not_loaded() {
    module(r#"(import "env" "proxy_read_mind" (func (param i32) (result i32)))"#, "");
}
