//! The simulated Envoy itself: what it answers, what it refuses, what it counts.

use host_tests::sim::proxy_wasm::{Failure, Proxy, Status, Stream};

/// A module that makes one call per callback and logs the status it got, as one letter.
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
          (func $say (param $status i32)
            (drop (call $log (i32.const 2) (local.get $status) (i32.const 1))))
          {functions})"#
    );
    Proxy::from_bytes(text.as_bytes())
}

fn said(proxy: &Proxy) -> String {
    proxy.take_log().into_iter().map(|line| line.text).collect()
}

const VALUE: &str = r#"(import "env" "proxy_get_header_map_value"
    (func $value (param i32 i32 i32 i32 i32) (result i32)))"#;
const PAIRS: &str =
    r#"(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))"#;
const STATE: &str = r#"(import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))"#;

#[test]
fn request_headers_are_gone_in_the_response_phase_and_back_in_on_log() {
    let ask =
        "(call $say (call $value (i32.const 0) (i32.const 36) (i32.const 5) (i32.const 16) (i32.const 20)))";
    let proxy = module(
        VALUE,
        &format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {ask} (i32.const 0))
               (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) {ask} (i32.const 0))
               (func (export "proxy_on_log") (param i32) {ask})"#
        ),
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    vm.exchange(root, Stream::ok("cart").with_request_header("x-key", "v"));
    assert_eq!(said(&proxy), "aca", "Ok, BadArgument, Ok");
    vm.exchange(root, Stream::ok("cart"));
    assert_eq!(said(&proxy), "bcb", "NotFound, BadArgument, NotFound");
}

#[test]
fn a_map_that_is_not_there_is_empty_and_ok_when_read_whole() {
    let ask = "(call $say (call $pairs (i32.const 2) (i32.const 16) (i32.const 20)))
               (call $say (i32.load (i32.const 20)))";
    let proxy = module(PAIRS, &format!(r#"(func (export "proxy_on_log") (param i32) {ask})"#));
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let mut stream = Stream::ok("cart");
    stream.response_headers = None;
    vm.exchange(root, stream);
    assert_eq!(said(&proxy), "aa", "Ok, and no byte");
    assert_eq!(vm.take_calls().answers, 0);
}

#[test]
fn an_access_logger_reads_the_exchange_and_cannot_mark_it() {
    let proxy = module(
        &format!("{STATE}{PAIRS}"),
        r#"(func (export "proxy_on_log") (param i32)
             (call $say (call $pairs (i32.const 0) (i32.const 16) (i32.const 20)))
             (call $say (call $set (i32.const 64) (i32.const 8) (i32.const 128) (i32.const 5))))"#,
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let after = vm.logged(root, Stream::ok("cart"));
    assert_eq!((said(&proxy).as_str(), after.annotation()), ("ab", None));
    let after = vm.exchange(root, Stream::ok("cart"));
    assert_eq!((said(&proxy).as_str(), after.annotation()), ("aa", Some("value".to_owned())));
    assert_eq!(vm.take_calls().answers, 2);
}

#[test]
fn a_call_that_is_on_no_list_of_ours_fails_the_test() {
    let proxy = module(
        r#"(import "env" "proxy_send_local_response"
             (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#,
        r#"(func (export "proxy_on_log") (param i32)
             (call $say (call $reply (i32.const 500) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0))))"#,
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let failure = vm.pass(Some(root), None, Stream::ok("cart")).unwrap_err();
    assert!(matches!(&failure, Failure::Trap(why) if why.contains("proxy_send_local_response")), "{failure}");
    assert!(matches!(vm.pass(Some(root), None, Stream::ok("cart")), Err(Failure::Trap(_))), "it stays dead");
}

#[test]
fn a_filter_that_holds_traffic_up_fails_the_test() {
    let proxy = module(
        "",
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#,
    );
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    let failure = vm.pass(Some(root), None, Stream::ok("cart")).unwrap_err();
    assert_eq!(failure, Failure::Paused("proxy_on_request_headers"));
}

#[test]
fn the_nth_call_fails_with_the_status_it_was_told_to() {
    let ask = "(call $say (call $pairs (i32.const 0) (i32.const 16) (i32.const 20)))";
    let proxy = module(PAIRS, &format!(r#"(func (export "proxy_on_log") (param i32) {ask}{ask}{ask})"#));
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap();
    vm.inject("proxy_get_header_map_pairs", 2, Status::InternalFailure);
    vm.exchange(root, Stream::ok("cart"));
    assert_eq!(said(&proxy), "aka");
    vm.inject("proxy_get_header_map_pairs", 0, Status::NotFound);
    vm.exchange(root, Stream::ok("cart"));
    assert_eq!(said(&proxy), "bbb");
}

#[test]
fn each_plugin_has_its_own_root_that_is_created_started_and_configured_in_this_order() {
    let proxy = module(
        "",
        r#"(func (export "proxy_on_context_create") (param i32 i32)
             (if (i32.eqz (local.get 1)) (then (call $say (i32.const 2)))))
           (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $say (i32.const 21)) (i32.const 1))
           (func (export "proxy_on_configure") (param i32 i32) (result i32)
             (call $say (i32.const 6)) (i32.ne (local.get 1) (i32.const 3)))
           (func (export "proxy_on_done") (param i32) (result i32) (call $say (i32.const 3)) (i32.const 1))
           (func (export "proxy_on_delete") (param i32) (call $say (i32.const 4)))"#,
    );
    proxy.canary(b"{}").unwrap();
    assert_eq!(said(&proxy).replace('\0', ""), "cgde");
    let mut vm = proxy.worker();
    let old = vm.configure("{}").unwrap();
    assert_eq!(vm.reconfigure(old, "bad"), Err(Failure::Refused), "three bytes are refused");
    said(&proxy);
    vm.reconfigure(old, "good").unwrap();
    assert_eq!(said(&proxy).replace('\0', ""), "cgde", "the new one first, then the old one goes");
}

#[test]
#[should_panic(expected = "Envoy offers no `env.proxy_read_mind`")]
fn a_module_that_envoy_cannot_link_is_not_loaded() {
    module(r#"(import "env" "proxy_read_mind" (func (param i32) (result i32)))"#, "");
}
