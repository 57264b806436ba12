//! Whatever a proxy answers: the module lives and lets traffic pass.

use std::cell::RefCell;

use crate::artifact;
use crate::sim::proxy_wasm::{Proxy, Root, Status, Stream, Vm};

/// What the module asks for while an exchange passes.
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
    "filter_state.wasm.nearmiss_attempts",
];

/// A process, and filters in it: each with its root, and whether it is an access logger.
type Stage = (Proxy, Vec<(Vm, Root, bool)>);

thread_local! {
    static STAGE: RefCell<Stage> = RefCell::new(stage());
}

/// One VM for each way the module is attached; they live on from input to input, as they do in a proxy.
fn stage() -> Stage {
    let proxy = Proxy::load(&artifact::envoy_module());
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

/// The bytes are cut into answers: properties, headers and trailers that no proxy has ever given.
///
/// # Panics
///
/// If the module traps, holds traffic up, or calls what it has no business calling.
pub fn hostcalls(bytes: &[u8]) {
    STAGE.with_borrow_mut(|(proxy, filters)| {
        for (vm, root, logs) in filters {
            let stream = stream(&mut Answers(bytes));
            let passed = match logs {
                true => vm.pass(None, Some(*root), stream),
                false => vm.pass(Some(*root), None, stream),
            };
            passed.and_then(|_| vm.tick(*root)).unwrap_or_else(|failure| panic!("{failure}"));
        }
        proxy.take_log();
    });
}

fn stream(answers: &mut Answers<'_>) -> Stream {
    let mut stream = Stream::ok("cart");
    for property in PROPERTIES {
        let answer = match answers.byte() {
            0..64 => continue,
            pick @ 64..96 => Err(Status::FAILURES[usize::from(pick) % Status::FAILURES.len()]),
            _ => Ok(answers.piece().to_vec()),
        };
        stream.answers.insert(property.to_owned(), answer);
    }
    stream.request_headers.extend(answers.pairs());
    if let Some(headers) = &mut stream.response_headers {
        headers.extend(answers.pairs());
    }
    let trailers = answers.pairs();
    stream.response_trailers = (!trailers.is_empty()).then_some(trailers);
    stream
}

/// Bytes, piece by piece; empty once they are used up.
struct Answers<'a>(&'a [u8]);

/// Names of headers that mean something.
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

impl<'a> Answers<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// As many bytes as the next one says.
    fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        piece
    }

    fn pairs(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let count = self.byte() % 8;
        (0..count).map(|_| (self.name(), self.piece().to_vec())).collect()
    }

    fn name(&mut self) -> Vec<u8> {
        let pick = usize::from(self.byte());
        NAMES.get(pick).map_or_else(|| self.piece().to_vec(), |name| name.as_bytes().to_vec())
    }
}
