//! Counters beside the fates: failures by reason, aborted exchanges, and exchanges that are left out.

use sim::proxy_wasm::Stream;

use crate::harness::{Fixture, fate_counts};

/// `LH`, `UF` and `UO` in Envoy's numbers.
const LH: u64 = 1;
const UF: u64 = 1 << 5;
const UO: u64 = 1 << 7;

#[test]
fn failures_count_by_reason_and_aborted_exchanges_apart() {
    let mut fixture = Fixture::with("{}");
    for (status, flags) in [(503, UF), (503, UO), (500, 0), (429, 0), (200, 0)] {
        fixture.exchange(Stream { flags, ..Stream::ok("cart").with_status(status) });
    }
    fixture.exchange(Stream { response_headers: None, ..Stream::ok("cart") });
    let count = |reason: &str| {
        fixture.proxy.counter(&format!("nearmiss.upstream=.=cart;.;reason=.={reason};.;failed_total"))
    };
    let counts = ["connect", "overload", "status", "rate_limit", "timeout"].map(count);
    assert_eq!(counts, [1, 1, 1, 1, 0]);
    assert_eq!(fixture.proxy.counter("nearmiss.upstream=.=cart;.;aborted_total"), 1);
    assert_eq!(fixture.fates("cart"), fate_counts(&[("clean", 2), ("failed", 4)]));
}

#[test]
fn health_checks_mirrored_requests_and_connections_are_counted_and_not_judged() {
    let mut fixture = Fixture::with(r#"{"ignore":{"user_agents":["my-probe/"],"paths":["/healthz"]}}"#);
    let with_path = |path: &str| {
        let mut stream = Stream::ok("cart").with_status(503);
        stream.request_headers.retain(|(name, _)| name != b":path");
        stream.with_request_header(":path", path)
    };
    fixture.exchange(Stream::ok("cart").with_request_header("user-agent", "my-probe/1").with_status(503));
    fixture.exchange(with_path("/healthz?full"));
    fixture.exchange(Stream { flags: LH, ..Stream::ok("cart").with_status(503) });
    let mut mirrored = Stream::ok("cart").with_status(503);
    mirrored.request_headers.retain(|(name, _)| name != b":authority");
    fixture.exchange(mirrored.with_request_header(":authority", "cart-shadow:8080"));
    fixture.exchange(Stream { request_headers: Vec::new(), response_headers: None, ..Stream::ok("db") });
    let left_out =
        |reason: &str| fixture.proxy.counter(&format!("nearmiss.reason=.={reason};.;left_out_total"));
    assert_eq!(["health_check", "mirrored", "not_http"].map(left_out), [3, 1, 1]);
    assert_eq!((fixture.fates("cart"), fixture.fates("db")), (fate_counts(&[]), fate_counts(&[])));
    fixture.exchange(with_path("/healthz/deep"));
    assert_eq!(fixture.fates("cart"), fate_counts(&[("failed", 1)]));
}

#[test]
fn an_upstream_that_is_configured_and_never_occurs_is_logged_once() {
    let mut fixture = Fixture::with(r#"{"upstreams":{"crat":{},"cart":{}}}"#);
    for minute in 0..30 {
        fixture.proxy.set_clock_us((1_795_423_550 + minute * 60) * 1_000_000);
        fixture.exchange(Stream::ok("cart"));
        fixture.vm.tick(fixture.root).unwrap();
    }
    let log = fixture.proxy.take_log();
    let warnings: Vec<_> = log.iter().filter(|line| line.text.contains("has matched no cluster")).collect();
    assert_eq!(warnings.len(), 1, "{log:?}");
    assert!(warnings[0].text.contains("`upstreams.crat`"), "{warnings:?}");
}
