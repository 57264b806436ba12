//! Malformed header values, properties and responses.

use sim::proxy_wasm::{Status, Stream};

use crate::harness::{Fixture, fate_counts, retried};

const CONFIG: &str = r#"{"envoy":{"header":true}}"#;

/// All headers that the filter reads; true for request headers.
const READ: [(&str, bool); 16] = [
    ("x-envoy-expected-rq-timeout-ms", true),
    ("x-envoy-attempt-count", true),
    ("grpc-previous-rpc-attempts", true),
    ("amz-sdk-request", true),
    ("x-stainless-retry-count", true),
    ("grpc-timeout", true),
    ("traceparent", true),
    ("content-type", false),
    ("cache-status", false),
    ("proxy-status", false),
    ("warning", false),
    ("ratelimit", false),
    ("ratelimit-policy", false),
    ("x-ratelimit-remaining", false),
    ("x-ratelimit-limit", false),
    ("grpc-status", false),
];

fn with_header(stream: Stream, (name, in_request): (&str, bool), value: &[u8]) -> Stream {
    if in_request {
        stream.with_request_header(name, value)
    } else {
        stream.with_response_header(name, value)
    }
}

#[test]
fn header_values_of_64_kib_are_survived() {
    check_every_header(&vec![b'9'; 64 * 1024]);
    check_every_header(&b"hit; ttl=-".repeat(6_554));
    check_every_header(&vec![b'('; 64 * 1024]);
}

#[test]
fn header_values_that_are_not_utf_8_are_survived() {
    check_every_header(&[0xff, 0xfe, 0x00, 0xc3, 0x28]);
    check_every_header(b"attempt=\xff\xff; max=\xc0");
}

#[test]
fn header_values_with_nul_are_survived() {
    check_every_header(b"\0");
    check_every_header(b"3\0; hit\0\0");
}

#[test]
fn empty_and_invalid_header_values_are_survived() {
    for value in
        ["", " ", "-1", "+", "NaN", "1e400", "18446744073709551616", ";;;,,,===", "\"", "edge; hit; ttl=-"]
    {
        check_every_header(value.as_bytes());
    }
}

fn check_every_header(value: &[u8]) {
    let mut fixture = Fixture::with(CONFIG);
    for header in READ {
        fixture.exchange(with_header(Stream::ok("cart"), header, value));
        fixture.exchange(with_header(retried("cart"), header, value));
    }
    let all: u64 = fixture.fates("cart").values().sum();
    assert_eq!(all, 2 * READ.len() as u64, "each is counted once");
    fixture.assert_alive();
}

#[test]
fn duplicate_headers_are_survived() {
    let mut fixture = Fixture::with(CONFIG);
    for header in READ {
        let stream = with_header(Stream::ok("cart"), header, b"1");
        fixture.exchange(with_header(with_header(stream, header, b"2"), header, b"rubbish"));
    }
    assert_eq!(fixture.fates("cart").values().sum::<u64>(), READ.len() as u64);
    fixture.assert_alive();
}

#[test]
fn a_stale_entry_in_the_second_cache_status_field_is_found() {
    let mut fixture = Fixture::with("{}");
    let stream = Stream::ok("cart").with_response_header("cache-status", "origin; fwd=miss");
    fixture.exchange(stream.with_response_header("cache-status", "edge; hit; ttl=-9"));
    assert_eq!(fixture.fates("cart"), fate_counts(&[("stale", 1)]));
}

#[test]
fn a_thousand_headers_are_survived() {
    let mut fixture = Fixture::with(CONFIG);
    let mut stream = retried("cart");
    for number in 0..1_000 {
        stream = stream.with_request_header(&format!("x-{number}"), "v").with_response_header("x-more", "v");
    }
    fixture.exchange(stream);
    assert_eq!(fixture.fates("cart"), fate_counts(&[("retried", 1)]));
    fixture.assert_alive();
}

#[test]
fn invalid_attempt_counts_are_survived() {
    const COUNT: &str = "upstream.request_attempt_count";
    let minus_one = (-1_i64).to_le_bytes();
    let huge = 1_000_000_000_000_u64.to_le_bytes();
    let values: [&[u8]; 6] = [&[0; 8], &minus_one, &huge, b"abc", b"", &[2; 64]];
    for value in values {
        let mut fixture = Fixture::with(CONFIG);
        fixture.exchange(Stream::ok("cart").with_property(COUNT, Ok(value)));
        assert_eq!(fixture.fates("cart").values().sum::<u64>(), 1, "{value:?}");
        fixture.assert_alive();
    }
}

#[test]
fn any_property_may_return_any_value_or_status() {
    let huge = vec![b'x'; 64 * 1024];
    let results: [Result<&[u8], Status>; 8] = [
        Ok(b""),
        Ok(b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        Ok(b"\0\0\0\0\0\0\xf0\x7f"),
        Ok(&huge),
        Err(Status::SerializationFailure),
        Err(Status::InternalFailure),
        Err(Status::BadArgument),
        Err(Status::NotFound),
    ];
    for path in PROPERTIES {
        for result in results {
            let mut fixture = Fixture::with(CONFIG);
            fixture.exchange(retried("cart").with_property(path, result));
            fixture.exchange(Stream::ok("cart").with_status(503).with_property(path, result));
            fixture.assert_alive();
        }
    }
}

/// All properties that our filters may read.
pub(crate) const PROPERTIES: [&str; 13] = [
    "upstream.request_attempt_count",
    "response.flags",
    "xds.cluster_name",
    "xds.route_name",
    "upstream.address",
    "response.backend_latency",
    "request.duration",
    "xds.upstream_host_metadata.filter_metadata.nearmiss.tier",
    "xds.route_metadata.filter_metadata.nearmiss.max_attempts",
    "response.grpc_status",
    "response.code_details",
    "connection.termination_details",
    "upstream.transport_failure_reason",
];

#[test]
fn a_failing_property_does_not_change_the_rest_of_the_verdict() {
    let mut fixture = Fixture::with("{}");
    for path in PROPERTIES.iter().filter(|path| !path.contains("attempt_count") && !path.contains("cluster"))
    {
        fixture.exchange(retried("cart").with_property(path, Err(Status::SerializationFailure)));
    }
    assert_eq!(fixture.fates("cart"), fate_counts(&[("retried", PROPERTIES.len() as u64 - 2)]));
}

#[test]
fn an_invalid_http_status_is_survived() {
    for status in ["", "abc", "-200", "99999", "2OO", "20", "\u{0}"] {
        let mut fixture = Fixture::with(CONFIG);
        let mut stream = Stream::ok("cart");
        stream.response_headers = Some(vec![(b":status".to_vec(), status.as_bytes().to_vec())]);
        fixture.exchange(stream);
        assert_eq!(fixture.fates("cart").values().sum::<u64>(), 1, "{status:?}");
        fixture.assert_alive();
    }
}
