//! Fuzzes the results of hostcalls: the module must survive and let traffic pass.

use std::cell::RefCell;

use crate::proxy_wasm::{Proxy, RootId, Status, Stream, Vm};

/// Properties that the module reads during an exchange.
const PROPERTIES: [&str; 10] = [
    "xds.cluster_name",
    "xds.route_name",
    "upstream.address",
    "upstream.request_attempt_count",
    "response.flags",
    "request.duration",
    "response.code",
    "response.backend_latency",
    "xds.upstream_host_metadata.filter_metadata.nearmiss.tier",
    "nearmiss_attempts",
];

/// A process with its filters: VM, root context, and true for an access logger.
type Fixture = (Proxy, Vec<(Vm, RootId, bool)>);

thread_local! {
    static FIXTURE: RefCell<Fixture> = RefCell::new(fixture());
}

/// Starts one VM per way to attach the module. The VMs are reused for all inputs, as in a proxy.
fn fixture() -> Fixture {
    let proxy = Proxy::shipped();
    let start = |(config, logs): (&str, bool)| {
        let mut vm = proxy.worker();
        let root = vm.configure(config).unwrap_or_else(|failure| panic!("{failure}"));
        (vm, root, logs)
    };
    let filters = [
        (r#"{"envoy":{"header":true}}"#, false),
        (r#"{"envoy":{"mode":"lean"}}"#, false),
        (r#"{"envoy":{"attach":"log"}}"#, true),
    ];
    let filters = filters.map(start).into();
    (proxy, filters)
}

/// Splits the input into properties, headers and trailers that no real proxy sends.
///
/// # Panics
///
/// If the module traps, pauses a stream, or makes a call that our filters must never make.
pub fn hostcalls(bytes: &[u8]) {
    FIXTURE.with_borrow_mut(|(proxy, filters)| {
        for (vm, root, logs) in filters {
            let stream = stream(&mut ByteSource(bytes));
            let passed = match logs {
                true => vm.try_exchange(None, Some(*root), stream),
                false => vm.try_exchange(Some(*root), None, stream),
            };
            passed.and_then(|_| vm.tick(*root)).unwrap_or_else(|failure| panic!("{failure}"));
        }
        proxy.take_log();
    });
}

fn stream(source: &mut ByteSource<'_>) -> Stream {
    let mut stream = Stream::ok("cart");
    for property in PROPERTIES {
        let result = match source.byte() {
            0..64 => continue,
            pick @ 64..96 => Err(Status::FAILURES[usize::from(pick) % Status::FAILURES.len()]),
            _ => Ok(source.slice().to_vec()),
        };
        stream.property_overrides.insert(property.to_owned(), result);
    }
    stream.request_headers.extend(source.pairs());
    if let Some(headers) = &mut stream.response_headers {
        headers.extend(source.pairs());
    }
    let trailers = source.pairs();
    stream.response_trailers = (!trailers.is_empty()).then_some(trailers);
    stream
}

/// Takes slices off the input; empty once it is used up.
struct ByteSource<'a>(&'a [u8]);

/// Names of headers that the module reads.
const NAMES: [&str; 14] = [
    ":status",
    "content-type",
    "grpc-status",
    "grpc-timeout",
    "grpc-previous-rpc-attempts",
    "amz-sdk-request",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "cache-status",
    "proxy-status",
    "warning",
    "ratelimit",
    "ratelimit-policy",
    "x-ratelimit-remaining",
];

impl<'a> ByteSource<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Takes as many bytes as the next byte says.
    fn slice(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (slice, rest) = self.0.split_at(length);
        self.0 = rest;
        slice
    }

    fn pairs(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let count = self.byte() % 8;
        (0..count).map(|_| (self.name(), self.slice().to_vec())).collect()
    }

    fn name(&mut self) -> Vec<u8> {
        let pick = usize::from(self.byte());
        NAMES.get(pick).map_or_else(|| self.slice().to_vec(), |name| name.as_bytes().to_vec())
    }
}
