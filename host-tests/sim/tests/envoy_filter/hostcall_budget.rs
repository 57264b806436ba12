//! Hostcalls per exchange: for each call that returns data, Envoy calls back into the module to allocate memory.

use sim::proxy_wasm::{CallCounts, Status, Stream, Vm};

use crate::harness::{Fixture, retried};

/// Returns a clean exchange with a route, a timeout and a body.
fn clean() -> Stream {
    Stream::ok("cart")
        .with_request_header("x-envoy-expected-rq-timeout-ms", "15000")
        .with_request_header("x-request-id", "a2b4")
        .with_request_header("user-agent", "test")
        .with_response_header("content-type", "text/html")
        .with_response_header("x-envoy-upstream-service-time", "9")
}

/// Counts the hostcalls of one clean exchange of a known upstream, in an Envoy with or without its expression language.
fn cost(configuration: &str, expressions: bool) -> CallCounts {
    let mut fixture = Fixture::with(configuration);
    if !expressions {
        fixture.vm.inject("proxy_call_foreign_function", 0, Status::NotFound);
    }
    let pass = |vm: &mut Vm| match configuration.contains("log") {
        true => vm.log_exchange(fixture.root, clean()),
        false => vm.exchange(fixture.root, clean()),
    };
    for _ in 0..10 {
        pass(&mut fixture.vm);
    }
    fixture.vm.take_calls();
    pass(&mut fixture.vm);
    fixture.vm.take_calls()
}

#[test]
fn a_clean_exchange_costs_at_most_7_calls_that_return_data() {
    // The header is optional; only without Envoy's expression language does it cost more.
    for (configuration, with_and_without) in [
        ("{}", [true, false].as_slice()),
        (r#"{"envoy":{"attach":"log"}}"#, &[true, false]),
        (r#"{"envoy":{"header":true}}"#, &[true]),
    ] {
        for &expressions in with_and_without {
            let calls = cost(configuration, expressions);
            assert!(calls.returned_data <= 7, "{configuration}, expressions {expressions}: {calls:?}");
            assert!(calls.data_calls() <= 20, "a missing value is cheap, not free: {calls:?}");
        }
    }
}

#[test]
fn a_clean_exchange_in_lean_mode_costs_at_most_4() {
    for configuration in [r#"{"envoy":{"mode":"lean"}}"#, r#"{"envoy":{"attach":"log","mode":"lean"}}"#] {
        for expressions in [true, false] {
            let calls = cost(configuration, expressions);
            assert!(calls.returned_data <= 4, "{configuration}, expressions {expressions}: {calls:?}");
            assert!(calls.data_calls() <= 8, "{calls:?}");
        }
    }
}

#[test]
fn an_attempt_in_the_upstream_filter_costs_at_most_4() {
    for expressions in [true, false] {
        let mut fixture = Fixture::with("{}");
        let upstream = fixture.vm.configure(r#"{"envoy":{"attach":"upstream"}}"#).expect("a configuration");
        if !expressions {
            fixture.vm.inject("proxy_call_foreign_function", 0, Status::NotFound);
        }
        let key = fixture.vm.add_stream(clean());
        let exchange = fixture.vm.request_headers(fixture.root, key).expect("it passes");
        for attempt in 1..=4 {
            fixture.vm.stream(key).attempts = attempt;
            fixture.vm.take_calls();
            let filter = fixture.vm.request_headers(upstream, key).expect("it passes");
            fixture.vm.response_headers(filter).expect("it passes");
            fixture.vm.end_stream(filter).expect("it passes");
            let calls = fixture.vm.take_calls();
            assert!(calls.returned_data <= 4, "attempt {attempt}, expressions {expressions}: {calls:?}");
            assert!(calls.data_calls() <= 8, "{calls:?}");
            assert_eq!(calls.of("proxy_log"), 0, "{calls:?}");
        }
        fixture.vm.response_headers(exchange).expect("it passes");
        fixture.vm.end_stream(exchange).expect("it passes");
        let [record] = &fixture.proxy.take_records()[..] else { panic!("one exchange, one record") };
        assert!(
            record.contains(r#""attempts":4,"attempt_log":[{"host":"10.0.0.1:80","status":200"#),
            "{record}"
        );
    }
}

#[test]
fn a_clean_exchange_is_neither_annotated_nor_logged_and_defines_no_metric_again() {
    let calls = cost(r#"{"envoy":{"header":true}}"#, true);
    for name in ["proxy_log", "proxy_define_metric", "proxy_add_header_map_value"] {
        assert_eq!(calls.of(name), 0, "{name} in {calls:?}");
    }
    let mut fixture = Fixture::with(r#"{"envoy":{"header":true}}"#);
    let after = fixture.exchange(clean());
    assert_eq!((after.annotation(), after.response_header("near-miss")), (None, None));
}

#[test]
fn memory_does_not_grow_with_exchanges() {
    let mut fixture = Fixture::with("{}");
    for _ in 0..2_000 {
        fixture.exchange(clean());
    }
    let warm = fixture.vm.memory_bytes();
    for _ in 0..20_000 {
        fixture.exchange(clean());
    }
    assert_eq!(fixture.vm.memory_bytes(), warm, "values that the host copies into memory are freed");
}

#[test]
fn a_warm_filter_needs_no_more_memory() {
    let mut fixture = Fixture::with(r#"{"summary_every":"10s"}"#);
    let mut run = |seconds: std::ops::Range<u64>, starved: bool| {
        if starved {
            fixture.vm.refuse_all_growth();
        }
        for second in seconds {
            fixture.proxy.set_clock_us((1_795_423_550 + second) * 1_000_000);
            for upstream in ["cart", "search", "ledger"] {
                for _ in 0..10 {
                    fixture.exchange(clean());
                    fixture.exchange(
                        Stream::ok(upstream).with_response_header("cache-status", "x; hit; ttl=-9"),
                    );
                    fixture.exchange(retried(upstream));
                }
            }
            fixture.vm.tick(fixture.root).unwrap_or_else(|failure| panic!("{failure}"));
        }
        fixture.assert_alive();
    };
    run(0..600, false);
    run(600..1_200, true);
}
