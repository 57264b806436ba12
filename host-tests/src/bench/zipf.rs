//! Exchanges as Envoy shows them, of many upstreams, one in a hundred retried.

use crate::sim::proxy_wasm::Stream;

/// As many upstreams as a big gateway has; the n-th has a share of 1/n.
const UPSTREAMS: u32 = 1_000;

/// What is drawn next.
pub(super) struct Zipf {
    streams: Vec<Stream>,
    cumulated: Vec<f64>,
    dice: u64,
}

impl Zipf {
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
        Self { streams: (0..UPSTREAMS).map(stream).collect(), cumulated, dice: 0x9E37_79B9_7F4A_7C15 }
    }

    pub(super) fn next(&mut self) -> Stream {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        let share = (self.dice >> 11) as f64 / (1_u64 << 53) as f64;
        let drawn = share * self.cumulated.last().copied().unwrap_or(1.0);
        let place = self.cumulated.partition_point(|sum| *sum < drawn).min(self.streams.len() - 1);
        let mut stream = self.streams[place].clone();
        stream.attempts = if self.dice.is_multiple_of(100) { 2 } else { 1 };
        stream
    }
}
