//! Streams of many upstreams with Zipf-distributed load, one in a hundred retried.

use sim::proxy_wasm::Stream;

/// Upstreams of a large gateway; the n-th has a share of 1/n.
const UPSTREAMS: u32 = 1_000;

/// A generator of streams.
pub(super) struct ZipfStreams {
    streams: Vec<Stream>,
    cumulated: Vec<f64>,
    state: u64,
}

impl ZipfStreams {
    pub(super) fn new() -> Self {
        let mut total = 0.0;
        let share = |n: u32| {
            total += 1.0 / f64::from(n);
            total
        };
        let cumulated = (1..=UPSTREAMS).map(share).collect();
        let stream = |n| {
            Stream::ok(&format!("outbound|80||service-{n}.shop.svc.cluster.local"))
                .with_request_header("x-envoy-expected-rq-timeout-ms", "15000")
                .with_request_header("x-request-id", "0a1b2c3d")
                .with_request_header("user-agent", "bench/1.0")
                .with_response_header("content-type", "application/json")
                .with_response_header("x-envoy-upstream-service-time", "9")
        };
        Self { streams: (0..UPSTREAMS).map(stream).collect(), cumulated, state: 0x9E37_79B9_7F4A_7C15 }
    }

    pub(super) fn next(&mut self) -> Stream {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let share = (self.state >> 11) as f64 / (1_u64 << 53) as f64;
        let drawn = share * self.cumulated.last().copied().unwrap_or(1.0);
        let index = self.cumulated.partition_point(|sum| *sum < drawn).min(self.streams.len() - 1);
        let mut stream = self.streams[index].clone();
        stream.attempts = if self.state.is_multiple_of(100) { 2 } else { 1 };
        stream
    }
}
