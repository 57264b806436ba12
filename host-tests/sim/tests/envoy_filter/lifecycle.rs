//! Unusual life cycles of streams and plugins.

use sim::proxy_wasm::Stream;

use crate::harness::{Fixture, fate_counts, proxy, retried};

const HTTP: &str = r#"{"envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"envoy":{"attach":"log"}}"#;

#[test]
fn a_missing_response_is_failed_after_an_upstream_error_and_clean_after_a_client_disconnect() {
    let mut fixture = Fixture::with("{}");
    let gone = Stream { response_headers: None, response_bytes: 0, ..Stream::ok("cart") };
    fixture.exchange(Stream { flags: 1 << 14, ..gone.clone() });
    assert_eq!(fixture.fates("cart"), fate_counts(&[("clean", 1)]), "DC");
    fixture.exchange(Stream { flags: 1 << 6, ..gone });
    assert_eq!(fixture.fates("cart"), fate_counts(&[("clean", 1), ("failed", 1)]), "UC");
    fixture.assert_alive();
}

#[test]
fn the_access_logger_survives_a_log_without_response_headers() {
    let mut fixture = Fixture::with(LOG);
    let gone = Stream { response_headers: None, response_bytes: 0, ..Stream::ok("cart") };
    fixture.vm.log_exchange(fixture.root, Stream { flags: 1 << 14, ..gone });
    assert_eq!(fixture.fates("cart"), fate_counts(&[("clean", 1)]));
}

#[test]
fn a_stream_that_ends_before_its_request_headers_counts_for_upstream_none() {
    let mut fixture = Fixture::with("{}");
    let blank = Stream {
        request_headers: Vec::new(),
        cluster: None,
        host: None,
        attempts: 0,
        backend_latency: None,
        ..Stream::ok("").with_status(400)
    };
    let key = fixture.vm.add_stream(blank);
    let filter = fixture.vm.create_context(fixture.root, key).unwrap();
    fixture.vm.end_stream(filter).unwrap();
    assert_eq!(fixture.fates("none"), fate_counts(&[("clean", 1)]));
    fixture.assert_alive();
}

#[test]
fn concurrent_streams_are_judged_separately() {
    let mut fixture = Fixture::with("{}");
    let keys: Vec<_> = (0..200_u64)
        .map(|number| {
            let attempts = 1 + number % 2;
            fixture.vm.add_stream(Stream { attempts, ..Stream::ok("cart") })
        })
        .collect();
    let filters: Vec<_> =
        keys.iter().map(|key| fixture.vm.request_headers(fixture.root, *key).unwrap()).collect();
    for filter in filters.iter().rev() {
        fixture.vm.response_headers(*filter).unwrap();
    }
    for filter in filters {
        fixture.vm.end_stream(filter).unwrap();
    }
    assert_eq!(fixture.fates("cart"), fate_counts(&[("clean", 100), ("retried", 100)]));
}

#[test]
fn streams_that_never_end_use_no_more_memory_than_their_contexts() {
    let mut fixture = Fixture::with("{}");
    for _ in 0..5_000 {
        let key = fixture.vm.add_stream(Stream::ok("cart"));
        fixture.vm.request_headers(fixture.root, key).unwrap();
    }
    assert!(fixture.vm.memory_bytes() < 32 << 20, "{} bytes", fixture.vm.memory_bytes());
    fixture.assert_alive();
}

#[test]
fn filter_and_logger_in_one_vm_count_an_exchange_once() {
    let proxy = proxy();
    let mut vm = proxy.worker();
    let (filter, logger) = (vm.configure(HTTP).unwrap(), vm.configure(LOG).unwrap());
    vm.try_exchange(Some(filter), Some(logger), retried("cart")).unwrap();
    vm.try_exchange(Some(filter), Some(logger), Stream::ok("cart")).unwrap();
    vm.try_exchange(None, Some(logger), Stream::ok("cart")).unwrap();
    assert_eq!(proxy.fates("cart"), fate_counts(&[("clean", 2), ("retried", 1)]));
}

#[test]
fn filter_and_logger_in_two_vms_count_an_exchange_once() {
    let proxy = proxy();
    let (mut one, mut two) = (proxy.worker(), proxy.worker());
    let (filter, logger) = (one.configure(HTTP).unwrap(), two.configure(LOG).unwrap());
    for stream in [retried("cart"), Stream::ok("cart")] {
        let after = one.try_exchange(Some(filter), None, stream).unwrap();
        two.try_exchange(None, Some(logger), after).unwrap();
    }
    assert_eq!(proxy.fates("cart"), fate_counts(&[("clean", 1), ("retried", 1)]));
}

#[test]
fn a_canary_vm_changes_no_shared_state() {
    let proxy = proxy();
    proxy.canary(b"{}").unwrap();
    assert_eq!(proxy.shared_keys(), Vec::<Vec<u8>>::new());
    assert!(proxy.metrics().values().all(|metric| metric.value == 0 && metric.observed.is_empty()));
    assert_eq!(proxy.take_records(), Vec::<String>::new());
}

#[test]
fn the_vm_of_the_main_thread_adds_no_counts() {
    let proxy = proxy();
    let (mut main, mut worker) = (proxy.worker(), proxy.worker());
    let (idle, busy) = (main.configure("{}").unwrap(), worker.configure("{}").unwrap());
    for second in 0..120 {
        proxy.set_clock_us((1_795_423_550 + second) * 1_000_000);
        worker.exchange(busy, Stream::ok("cart"));
        main.tick(idle).unwrap();
        worker.tick(busy).unwrap();
    }
    assert_eq!(proxy.fates("cart"), fate_counts(&[("clean", 120)]));
    let records = proxy.take_records();
    assert!(records.iter().all(|record| record.contains(r#""upstream":"cart""#)), "{records:?}");
}

#[test]
fn a_new_configuration_in_a_running_vm_keeps_baselines_and_counts() {
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
    assert_eq!(proxy.fates("cart"), fate_counts(&[("clean", 300), ("slow", 1)]));
}

#[test]
fn streams_of_a_replaced_plugin_end_normally() {
    let proxy = proxy();
    let mut vm = proxy.worker();
    let old = vm.configure("{}").unwrap();
    let key = vm.add_stream(retried("cart"));
    let filter = vm.request_headers(old, key).unwrap();
    vm.configure(r#"{"tight_margin":"20%"}"#).unwrap();
    vm.response_headers(filter).unwrap();
    vm.end_stream(filter).unwrap();
    assert_eq!(proxy.fates("cart"), fate_counts(&[("retried", 1)]));
}

#[test]
fn the_response_header_has_the_fate_first_and_parameters_after_it() {
    let mut fixture = Fixture::with(r#"{"envoy":{"header":true}}"#);
    let stream = Stream { attempts: 3, max_attempts: Some(4.0), ..Stream::ok("cart") };
    let after = fixture.exchange(stream);
    assert_eq!(after.annotation().as_deref(), Some("retried;attempts=3;margin=33"));
    assert_eq!(after.response_header("near-miss").as_deref(), Some("retried;attempts=3;margin=33"));
}

#[test]
fn a_callback_for_an_unknown_context_or_token_does_nothing() {
    for config in [HTTP, LOG, r#"{"envoy":{"attach":"upstream"}}"#] {
        let mut fixture = Fixture::with(config);
        fixture.vm.take_calls();
        fixture.vm.call_back_unknown_context(fixture.root).unwrap();
        fixture.vm.http_call_response(fixture.root, 77, None).unwrap();
        let calls = fixture.vm.take_calls();
        assert!(calls.by_name.keys().all(|call| *call == "proxy_get_current_time_nanoseconds"), "{calls:?}");
    }
    let mut fixture = Fixture::with(HTTP);
    fixture.vm.call_back_unknown_context(fixture.root).unwrap();
    fixture.assert_alive();
}

#[test]
fn a_root_context_that_is_created_twice_keeps_its_plugin() {
    let mut fixture = Fixture::with(HTTP);
    fixture.vm.create_root_again(fixture.root).unwrap();
    fixture.exchange(retried("cart"));
    assert_eq!(fixture.fates("cart"), fate_counts(&[("retried", 1)]));
    fixture.vm.shut_down(fixture.root).unwrap();
}
