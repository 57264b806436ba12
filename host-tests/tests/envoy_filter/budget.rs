//! What an exchange may cost: calls that return data make Envoy call back into the module to allocate.

use host_tests::envoy::{BudgetedCalls, Stream};

use crate::stage::Stage;

/// A clean exchange as Envoy shows it with everything on: routes, timeouts, a body.
fn clean() -> Stream {
    Stream::ok("cart")
        .with_request_header("x-envoy-expected-rq-timeout-ms", "15000")
        .with_request_header("x-request-id", "a2b4")
        .with_request_header("user-agent", "test")
        .with_response_header("content-type", "text/html")
        .with_response_header("x-envoy-upstream-service-time", "9")
}

/// The calls of one clean exchange, once the upstream is known.
fn cost(configuration: &str) -> BudgetedCalls {
    let mut stage = Stage::with(configuration);
    for _ in 0..10 {
        stage.pass(clean());
    }
    stage.vm.take_calls();
    stage.pass(clean());
    stage.vm.take_calls()
}

#[test]
fn a_clean_exchange_costs_at_most_7_calls_that_return_data() {
    let calls = cost("{}");
    assert!(calls.returning_data() <= 7, "{calls:?}");
}

#[test]
fn with_the_header_on_too() {
    let calls = cost(r#"{"envoy":{"header":true}}"#);
    assert!(calls.returning_data() <= 7, "{calls:?}");
}

#[test]
fn in_lean_mode_at_most_4() {
    let calls = cost(r#"{"envoy":{"mode":"lean"}}"#);
    assert!(calls.returning_data() <= 4, "{calls:?}");
}

#[test]
fn a_clean_exchange_is_neither_marked_nor_logged_and_defines_no_metric_anew() {
    let calls = cost(r#"{"envoy":{"header":true}}"#);
    for name in ["proxy_set_property", "proxy_log", "proxy_define_metric", "proxy_add_header_map_value"] {
        assert_eq!(calls.of(name), 0, "{name} in {calls:?}");
    }
}

#[test]
fn an_access_logger_costs_at_most_as_much() {
    for (configuration, budget) in
        [(r#"{"envoy":{"attach":"log"}}"#, 7), (r#"{"envoy":{"attach":"log","mode":"lean"}}"#, 4)]
    {
        let mut stage = Stage::with(configuration);
        for _ in 0..10 {
            stage.vm.logged(stage.root, clean());
        }
        stage.vm.take_calls();
        stage.vm.logged(stage.root, clean());
        let calls = stage.vm.take_calls();
        assert!(calls.returning_data() <= budget, "{configuration}: {calls:?}");
    }
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
