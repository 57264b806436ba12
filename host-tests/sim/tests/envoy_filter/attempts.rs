//! Attempts that the upstream filter sees.

use sim::proxy_wasm::{RootId, Status, Stream};

use crate::harness::{Fixture, fate_counts};

/// An HTTP filter with an upstream filter in its VM.
struct Filters {
    fixture: Fixture,
    upstream: RootId,
}

impl Filters {
    fn new() -> Self {
        let mut fixture = Fixture::with("{}");
        let upstream = fixture.vm.configure(r#"{"envoy":{"attach":"upstream"}}"#).expect("a configuration");
        Self { fixture, upstream }
    }

    /// Runs an exchange whose only attempt gets the response of `stream`; the caller gets `status`, or no response for 0.
    fn exchange(&mut self, stream: Stream, status: u16) -> String {
        let vm = &mut self.fixture.vm;
        let key = vm.add_stream(first_attempt(stream));
        let exchange = vm.request_headers(self.fixture.root, key).expect("it passes");
        let attempt = vm.request_headers(self.upstream, key).expect("it passes");
        if vm.stream(key).response_headers.is_some() {
            vm.response_headers(attempt).expect("it passes");
        }
        vm.end_stream(attempt).expect("it passes");
        let answered = vm.stream(key).clone().with_status(status);
        *vm.stream(key) = answered;
        vm.response_headers(exchange).expect("it passes");
        vm.end_stream(exchange).expect("it passes");
        self.fixture.proxy.take_records().pop().unwrap_or_default()
    }
}

/// Makes the number of the attempt known from its beginning, as Envoy does for upstream filters.
fn first_attempt(stream: Stream) -> Stream {
    stream.with_property("upstream.request_attempt_count", Ok(&1u64.to_le_bytes()))
}

#[test]
fn a_response_that_replaces_a_failed_attempt_is_a_fallback() {
    let mut filters = Filters::new();
    let record = filters.exchange(Stream::ok("cart").with_status(503), 200);
    assert!(record.contains(r#""fate":"fallback""#) && record.contains(r#""status":503"#), "{record}");
    filters.fixture.proxy.set_clock_us(filters.fixture.proxy.clock_us() + 5_000_000);
    assert_eq!(filters.exchange(Stream::ok("cart"), 200), "");
    assert_eq!(filters.fixture.fates("cart"), fate_counts(&[("clean", 1), ("fallback", 1)]));
}

#[test]
fn the_leg_before_an_internal_redirect_counts_on_its_own_cluster() {
    let mut filters = Filters::new();
    let mut redirect = first_attempt(Stream::ok("first").with_status(302));
    redirect.code_details = Some("internal_redirect".to_owned());
    let vm = &mut filters.fixture.vm;
    let key = vm.add_stream(redirect);
    let exchange = vm.request_headers(filters.fixture.root, key).expect("it passes");
    let attempt = vm.request_headers(filters.upstream, key).expect("it passes");
    vm.response_headers(attempt).expect("it passes");
    vm.end_stream(attempt).expect("it passes");
    vm.stream(key).cluster = Some("second".to_owned());
    vm.end_stream(exchange).expect("it passes");
    assert_eq!(filters.fixture.fates("first"), fate_counts(&[("clean", 1)]));
    assert_eq!(filters.fixture.fates("second"), fate_counts(&[]));
}

#[test]
fn without_an_upstream_filter_the_host_of_the_leg_tells_its_cluster() {
    let mut fixture = Fixture::with("{}");
    fixture.exchange(Stream::ok("first"));
    let mut redirect = Stream::ok("second").with_status(302);
    redirect.code_details = Some("internal_redirect".to_owned());
    fixture.exchange(redirect);
    assert_eq!(fixture.fates("first"), fate_counts(&[("clean", 2)]));
}

#[test]
fn a_response_of_a_filter_after_an_attempt_is_a_fallback_and_one_of_the_cache_is_not() {
    for (details, fate) in [
        ("via_upstream", "clean"),
        ("cache.response_from_cache_filter", "clean"),
        ("cache.insert_via_upstream", "clean"),
        ("", "fallback"),
        ("lua_response", "fallback"),
    ] {
        let mut fixture = Fixture::with("{}");
        fixture.exchange(Stream { code_details: Some(details.to_owned()), ..Stream::ok("cart") });
        assert_eq!(fixture.fates("cart"), fate_counts(&[(fate, 1)]), "{details}");
    }
    let mut fixture = Fixture::with("{}");
    let stream = Stream { code_details: Some(String::new()), ..Stream::ok("cart") };
    fixture.exchange(stream.with_response_header("x-envoy-upstream-service-time", "9"));
    assert_eq!(
        fixture.fates("cart"),
        fate_counts(&[("clean", 1)]),
        "the router notes the upstream's responses"
    );
}

#[test]
fn an_exchange_whose_log_never_comes_is_counted_once() {
    let mut fixture = Fixture::with("{}");
    let key =
        fixture.vm.add_stream(Stream::ok("cart").with_property("request.duration", Err(Status::NotFound)));
    let exchange = fixture.vm.request_headers(fixture.root, key).expect("it passes");
    fixture.vm.response_headers(exchange).expect("it passes");
    fixture.vm.end_without_log(exchange).expect("it passes");
    assert_eq!(fixture.fates("cart"), fate_counts(&[("clean", 1)]));
}
