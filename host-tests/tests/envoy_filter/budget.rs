//! What an exchange may cost: calls that return data make Envoy call back into the module to allocate.

use host_tests::sim::proxy_wasm::{BudgetedCalls, Status, Stream, Vm};

use crate::stage::{Stage, retried};

/// A clean exchange as Envoy shows it with everything on: routes, timeouts, a body.
fn clean() -> Stream {
    Stream::ok("cart")
        .with_request_header("x-envoy-expected-rq-timeout-ms", "15000")
        .with_request_header("x-request-id", "a2b4")
        .with_request_header("user-agent", "test")
        .with_response_header("content-type", "text/html")
        .with_response_header("x-envoy-upstream-service-time", "9")
}

/// The calls of one clean exchange, once the upstream is known; in an Envoy with or without its expression language.
fn cost(configuration: &str, expressions: bool) -> BudgetedCalls {
    let mut stage = Stage::with(configuration);
    if !expressions {
        stage.vm.inject("proxy_call_foreign_function", 0, Status::NotFound);
    }
    let pass = |vm: &mut Vm| match configuration.contains("log") {
        true => vm.logged(stage.root, clean()),
        false => vm.exchange(stage.root, clean()),
    };
    for _ in 0..10 {
        pass(&mut stage.vm);
    }
    stage.vm.take_calls();
    pass(&mut stage.vm);
    stage.vm.take_calls()
}

#[test]
fn a_clean_exchange_costs_at_most_7_calls_that_return_data() {
    // The header is the user's choice; only without Envoy's expression language it costs more than that.
    for (configuration, with_and_without) in [
        ("{}", [true, false].as_slice()),
        (r#"{"envoy":{"attach":"log"}}"#, &[true, false]),
        (r#"{"envoy":{"header":true}}"#, &[true]),
    ] {
        for &expressions in with_and_without {
            let calls = cost(configuration, expressions);
            assert!(calls.answers <= 7, "{configuration}, expressions {expressions}: {calls:?}");
            assert!(calls.questions() <= 20, "what is not there is cheap, not free: {calls:?}");
        }
    }
}

#[test]
fn in_lean_mode_at_most_4() {
    for configuration in [r#"{"envoy":{"mode":"lean"}}"#, r#"{"envoy":{"attach":"log","mode":"lean"}}"#] {
        for expressions in [true, false] {
            let calls = cost(configuration, expressions);
            assert!(calls.answers <= 4, "{configuration}, expressions {expressions}: {calls:?}");
            assert!(calls.questions() <= 8, "{calls:?}");
        }
    }
}

#[test]
fn an_attempt_past_the_upstream_filter_at_most_4() {
    for expressions in [true, false] {
        let mut stage = Stage::with("{}");
        let upstream = stage.vm.configure(r#"{"envoy":{"attach":"upstream"}}"#).expect("a configuration");
        if !expressions {
            stage.vm.inject("proxy_call_foreign_function", 0, Status::NotFound);
        }
        let key = stage.vm.arrive(clean());
        let exchange = stage.vm.request(stage.root, key).expect("it passes");
        for attempt in 1..=4 {
            stage.vm.stream(key).attempts = attempt;
            stage.vm.take_calls();
            let filter = stage.vm.request(upstream, key).expect("it passes");
            stage.vm.response(filter).expect("it passes");
            stage.vm.end(filter).expect("it passes");
            let calls = stage.vm.take_calls();
            assert!(calls.answers <= 4, "attempt {attempt}, expressions {expressions}: {calls:?}");
            assert!(calls.questions() <= 8, "{calls:?}");
            assert_eq!(calls.of("proxy_log"), 0, "{calls:?}");
        }
        stage.vm.response(exchange).expect("it passes");
        stage.vm.end(exchange).expect("it passes");
        let [record] = &stage.proxy.take_records()[..] else { panic!("one exchange, one record") };
        assert!(
            record.contains(r#""attempts":4,"attempt_log":[{"host":"10.0.0.1:80","status":200"#),
            "{record}"
        );
    }
}

#[test]
fn a_clean_exchange_is_neither_marked_nor_logged_and_defines_no_metric_anew() {
    let calls = cost(r#"{"envoy":{"header":true}}"#, true);
    for name in ["proxy_log", "proxy_define_metric", "proxy_add_header_map_value"] {
        assert_eq!(calls.of(name), 0, "{name} in {calls:?}");
    }
    let mut stage = Stage::with(r#"{"envoy":{"header":true}}"#);
    let after = stage.pass(clean());
    assert_eq!((after.annotation(), after.response_header("near-miss")), (None, None));
}

#[test]
fn memory_does_not_grow_with_exchanges() {
    let mut stage = Stage::with("{}");
    for _ in 0..2_000 {
        stage.pass(clean());
    }
    let warm = stage.vm.memory_bytes();
    for _ in 0..20_000 {
        stage.pass(clean());
    }
    assert_eq!(stage.vm.memory_bytes(), warm, "whatever the host puts into memory is freed");
}

#[test]
fn a_filter_that_is_warm_lives_without_another_byte() {
    let mut stage = Stage::with(r#"{"summary_every":"10s"}"#);
    let mut run = |seconds: std::ops::Range<u64>, starved: bool| {
        if starved {
            stage.vm.starve();
        }
        for second in seconds {
            stage.proxy.set_clock_us((1_795_423_550 + second) * 1_000_000);
            for upstream in ["cart", "search", "ledger"] {
                for _ in 0..10 {
                    stage.pass(clean());
                    stage.pass(Stream::ok(upstream).with_response_header("cache-status", "x; hit; ttl=-9"));
                    stage.pass(retried(upstream));
                }
            }
            stage.vm.tick(stage.root).unwrap_or_else(|failure| panic!("{failure}"));
        }
        stage.assert_alive();
    };
    run(0..600, false);
    run(600..1_200, true);
}
