//! Timeouts are measured on their own clocks: neither the client's time nor that of other filters nor the size of a body uses them up.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use real::{Bootstrap, EnvoyCommand, Request, route};
use serde_json::json;

use crate::form::{filter, logger};
use crate::harness::{Harness, Origins, counts, fate, lua};

/// A margin below 90 % is thin, so an exchange that uses a tenth of its timeout is `tight`.
const HTTP: &str = r#"{"tight_margin":"90%","envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"tight_margin":"90%","envoy":{"attach":"log"}}"#;

/// Starts Envoy with a route `/limited` whose attempts have 20 s to send their headers, and a route `/whole` with 20 s in all.
fn start(attach: impl FnOnce(Bootstrap) -> Bootstrap) -> Harness {
    let origins = Origins::start();
    let limited = json!({"timeout": "40s", "retry_policy": {"retry_on": "5xx", "num_retries": 2, "per_try_timeout": "20s"}});
    let bootstrap = attach(origins.bootstrap()).route(route("/limited", "cart", &limited)).route(route(
        "/whole",
        "cart",
        &json!({"timeout": "20s"}),
    ));
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

#[test]
fn a_long_download_uses_no_timeout() {
    for attached in
        [(|bootstrap: Bootstrap| bootstrap.filter(filter(HTTP))) as fn(Bootstrap) -> Bootstrap, |bootstrap| {
            bootstrap.logger(logger(LOG))
        }]
    {
        let mut harness = start(attached);
        for path in ["/limited", "/whole"] {
            let outcome = harness.get(path, &format!("one{path}"), "stream:3000");
            assert_eq!(outcome.near_miss, None, "{}", outcome.line);
        }
        assert_eq!(harness.fates("cart"), counts(&[("clean", 2)]));
        harness.finish();
    }
}

#[test]
fn a_slow_response_still_uses_its_timeout() {
    let mut harness = start(|bootstrap| bootstrap.filter(filter(HTTP)));
    for path in ["/limited", "/whole"] {
        let outcome = harness.get(path, &format!("one{path}"), "late:3000");
        assert_eq!(fate(outcome.near_miss.as_deref()), "tight", "{}", outcome.line);
        let margin = harness.next_record()["margin_bp"].as_u64().expect("a margin");
        assert!(margin <= 8_500, "3 s of 20 s were used: {margin}");
    }
    harness.finish();
}

#[test]
fn without_the_headers_of_envoy_a_configured_timeout_is_measured_on_the_latency_of_the_host() {
    const CONFIG: &str =
        r#"{"tight_margin":"90%","upstreams":{"cart":{"timeout":"20s"}},"envoy":{"attach":"http"}}"#;
    let mut harness = start(|bootstrap| {
        bootstrap.filter(slow_filter()).filter(filter(CONFIG)).router(json!({"suppress_envoy_headers": true}))
    });
    assert_eq!(harness.get("/whole", "one", "200").near_miss, None, "the filter before took 3 s");
    let outcome = harness.get("/whole", "two", "late:3000");
    assert_eq!(fate(outcome.near_miss.as_deref()), "tight", "{}", outcome.line);
    harness.next_record();
    harness.finish();
}

#[test]
fn a_slow_upload_uses_no_timeout() {
    let harness = start(|bootstrap| bootstrap.filter(filter(HTTP)));
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, harness.envoy.port)).unwrap();
    let head =
        "POST /whole HTTP/1.1\r\nhost: a\r\nx-exchange: one\r\nx-script: 200\r\ncontent-length: 4\r\n\r\n";
    connection.write_all(head.as_bytes()).unwrap();
    // The time of the client is what the test is about.
    thread::sleep(Duration::from_secs(3));
    connection.write_all(b"body").unwrap();
    let mut response = [0; 12];
    connection.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 200");
    let line = harness.envoy.access_log_entry("one");
    assert!(line["duration_ms"].as_u64() >= Some(2_500) && line["near_miss"].is_null(), "{line}");
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1)]));
    harness.finish();
}

#[test]
fn a_filter_before_the_router_uses_no_timeout() {
    let mut harness = start(|bootstrap| bootstrap.filter(filter(HTTP)).filter(slow_filter()));
    let outcome = harness.get("/whole", "one", "200");
    assert!(outcome.line["duration_ms"].as_u64() >= Some(2_500), "{}", outcome.line);
    assert_eq!(outcome.near_miss, None, "{}", outcome.line);
    harness.finish();
}

/// Returns a fault filter that delays every request by three seconds.
fn slow_filter() -> serde_json::Value {
    json!({
        "name": "envoy.filters.http.fault",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
            "delay": {"fixed_delay": "3s", "percentage": {"numerator": 100}},
        },
    })
}

#[test]
fn a_deadline_counts_only_with_grpc() {
    let mut harness = start(|bootstrap| bootstrap.filter(filter(HTTP)));
    let request = Request::get("/plain").script("one", "200").header("grpc-timeout", "1m");
    assert_eq!(harness.send("one", &request).near_miss, None);
    harness.finish();
}

#[test]
fn a_grpc_response_without_a_status_or_cut_off_by_its_deadline_is_partial() {
    let harness = start(|bootstrap| bootstrap.filter(filter(HTTP)));
    let (_, line) = harness.grpc_call("one", "no-status");
    assert_eq!(fate(line["near_miss"].as_str()), "partial", "{line}");
    harness.stop();
}

#[test]
fn a_grpc_web_call_has_the_status_of_the_upstream_where_the_filter_comes_after_that_of_grpc_web() {
    let grpc_web = json!({
        "name": "envoy.filters.http.grpc_web",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"},
    });
    let harness = start(|bootstrap| bootstrap.filter(grpc_web).filter(filter(HTTP)));
    for (exchange, script, expected) in [
        ("one", "trailers:14", "partial"),
        ("two", "trailers-only:14", "failed"),
        ("three", "trailers:0", "clean"),
    ] {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, harness.envoy.port)).unwrap();
        let head = format!(
            "POST /ledger.Ledger/Post HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc-web+proto\r\n\
             x-exchange: {exchange}\r\nx-script: {script}\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&[0; 5]).unwrap();
        connection.read_to_end(&mut Vec::new()).unwrap();
        let line = harness.envoy.access_log_entry(exchange);
        assert_eq!(fate(line["near_miss"].as_str()), expected, "{line}");
    }
    harness.stop();
}

#[test]
fn a_response_that_the_maximum_stream_duration_cuts_off_is_partial() {
    let origins = Origins::start();
    let bounded = json!({"timeout": "0s", "max_stream_duration": {"max_stream_duration": "2s"}});
    let bootstrap =
        origins.bootstrap().route(route("/bounded", "cart", &bounded)).filter(filter(HTTP)).filter(lua(""));
    let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    let outcome = harness.get("/bounded", "one", "stream:8000");
    assert!(!outcome.response.complete);
    assert_eq!(fate(outcome.near_miss.as_deref()), "partial", "{}", outcome.line);
    harness.next_record();
    harness.finish();
}
