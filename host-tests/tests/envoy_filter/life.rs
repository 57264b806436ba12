//! Lives of streams and plugins that are not the usual one.

use host_tests::sim::proxy_wasm::Stream;

use crate::stage::{Stage, counts, proxy, retried};

const HTTP: &str = r#"{"envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"envoy":{"attach":"log"}}"#;

#[test]
fn a_response_that_never_comes_is_failed_if_the_upstream_is_to_blame_and_clean_if_the_client_left() {
    let mut stage = Stage::with("{}");
    let gone = Stream { response_headers: None, response_bytes: 0, ..Stream::ok("cart") };
    stage.pass(Stream { flags: 1 << 14, ..gone.clone() });
    assert_eq!(stage.fates("cart"), counts(&[("clean", 1)]), "DC");
    stage.pass(Stream { flags: 1 << 6, ..gone });
    assert_eq!(stage.fates("cart"), counts(&[("clean", 1), ("failed", 1)]), "UC");
    stage.assert_alive();
}

#[test]
fn on_log_without_response_headers_is_survived_by_the_access_logger() {
    let mut stage = Stage::with(LOG);
    let gone = Stream { response_headers: None, response_bytes: 0, ..Stream::ok("cart") };
    stage.vm.logged(stage.root, Stream { flags: 1 << 14, ..gone });
    assert_eq!(stage.fates("cart"), counts(&[("clean", 1)]));
}

#[test]
fn a_stream_that_ends_before_its_request_headers_counts_under_none() {
    let mut stage = Stage::with("{}");
    let blank = Stream {
        request_headers: Vec::new(),
        cluster: None,
        host: None,
        attempts: 0,
        backend_latency: None,
        ..Stream::ok("").with_status(400)
    };
    let key = stage.vm.arrive(blank);
    let filter = stage.vm.open(stage.root, key).unwrap();
    stage.vm.end(filter).unwrap();
    assert_eq!(stage.fates("none"), counts(&[("clean", 1)]));
    stage.assert_alive();
}

#[test]
fn many_streams_at_once_are_told_apart() {
    let mut stage = Stage::with("{}");
    let keys: Vec<_> = (0..200_u64)
        .map(|number| {
            let attempts = 1 + number % 2;
            stage.vm.arrive(Stream { attempts, ..Stream::ok("cart") })
        })
        .collect();
    let filters: Vec<_> = keys.iter().map(|key| stage.vm.request(stage.root, *key).unwrap()).collect();
    for filter in filters.iter().rev() {
        stage.vm.response(*filter).unwrap();
    }
    for filter in filters {
        stage.vm.end(filter).unwrap();
    }
    assert_eq!(stage.fates("cart"), counts(&[("clean", 100), ("retried", 100)]));
}

#[test]
fn streams_that_never_end_cost_no_more_than_their_contexts() {
    let mut stage = Stage::with("{}");
    for _ in 0..5_000 {
        let key = stage.vm.arrive(Stream::ok("cart"));
        stage.vm.request(stage.root, key).unwrap();
    }
    assert!(stage.vm.memory_bytes() < 32 << 20, "{} bytes", stage.vm.memory_bytes());
    stage.assert_alive();
}

#[test]
fn filter_and_logger_in_one_vm_count_an_exchange_once() {
    let proxy = proxy();
    let mut vm = proxy.worker();
    let (filter, logger) = (vm.configure(HTTP).unwrap(), vm.configure(LOG).unwrap());
    vm.pass(Some(filter), Some(logger), retried("cart")).unwrap();
    vm.pass(Some(filter), Some(logger), Stream::ok("cart")).unwrap();
    vm.pass(None, Some(logger), Stream::ok("cart")).unwrap();
    assert_eq!(proxy.fates("cart"), counts(&[("clean", 2), ("retried", 1)]));
}

#[test]
fn filter_and_logger_in_two_vms_count_an_exchange_once() {
    let proxy = proxy();
    let (mut one, mut two) = (proxy.worker(), proxy.worker());
    let (filter, logger) = (one.configure(HTTP).unwrap(), two.configure(LOG).unwrap());
    for stream in [retried("cart"), Stream::ok("cart")] {
        let after = one.pass(Some(filter), None, stream).unwrap();
        two.pass(None, Some(logger), after).unwrap();
    }
    assert_eq!(proxy.fates("cart"), counts(&[("clean", 1), ("retried", 1)]));
}

#[test]
fn a_canary_leaves_no_trace() {
    let proxy = proxy();
    proxy.canary(b"{}").unwrap();
    assert_eq!(proxy.shared_keys(), Vec::<Vec<u8>>::new());
    assert!(proxy.metrics().values().all(|metric| metric.value == 0 && metric.observed.is_empty()));
    assert_eq!(proxy.take_records(), Vec::<String>::new());
}

#[test]
fn the_main_threads_vm_ticks_and_counts_nothing() {
    let proxy = proxy();
    let (mut main, mut worker) = (proxy.worker(), proxy.worker());
    let (idle, busy) = (main.configure("{}").unwrap(), worker.configure("{}").unwrap());
    for second in 0..120 {
        proxy.set_clock_us((1_795_423_550 + second) * 1_000_000);
        worker.exchange(busy, Stream::ok("cart"));
        main.tick(idle).unwrap();
        worker.tick(busy).unwrap();
    }
    assert_eq!(proxy.fates("cart"), counts(&[("clean", 120)]));
    let records = proxy.take_records();
    assert!(records.iter().all(|record| record.contains(r#""upstream":"cart""#)), "{records:?}");
}

#[test]
fn a_new_configuration_in_a_living_vm_keeps_what_was_learned_and_counted() {
    let proxy = proxy();
    let mut vm = proxy.worker();
    let old = vm.configure("{}").unwrap();
    let at = |ms: u64| proxy.set_clock_us(1_795_423_550_000_000 + ms * 1_000);
    for number in 0..300 {
        at(number * 60);
        vm.exchange(old, Stream::ok("cart"));
    }
    let new = vm.reconfigure(old, r#"{"envoy":{"header":true}}"#).unwrap();
    at(25_000);
    let slow = std::time::Duration::from_millis(900);
    let after =
        vm.exchange(new, Stream { duration: slow, backend_latency: Some(slow), ..Stream::ok("cart") });
    assert!(after.annotation().is_some_and(|text| text.starts_with("slow")), "{:?}", after.annotation());
    assert_eq!(proxy.fates("cart"), counts(&[("clean", 300), ("slow", 1)]));
}

#[test]
fn streams_of_a_plugin_that_was_replaced_end_in_good_order() {
    let proxy = proxy();
    let mut vm = proxy.worker();
    let old = vm.configure("{}").unwrap();
    let key = vm.arrive(retried("cart"));
    let filter = vm.request(old, key).unwrap();
    vm.configure(r#"{"tight_margin":"20%"}"#).unwrap();
    vm.response(filter).unwrap();
    vm.end(filter).unwrap();
    assert_eq!(proxy.fates("cart"), counts(&[("retried", 1)]));
}

#[test]
fn the_response_header_says_the_fate_first_and_the_rest_as_parameters() {
    let mut stage = Stage::with(r#"{"envoy":{"header":true}}"#);
    let stream = Stream { attempts: 3, max_attempts: Some(4.0), ..Stream::ok("cart") };
    let after = stage.pass(stream);
    assert_eq!(after.annotation().as_deref(), Some("retried;attempts=3;margin=33"));
    assert_eq!(after.response_header("near-miss").as_deref(), Some("retried;attempts=3;margin=33"));
}
