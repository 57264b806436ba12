//! An exchange as Envoy shows it to a native module.

use std::time::Duration;

use sim::proxy_wasm::{Headers, Stream};

/// The part of an exchange that has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    Request,
    Response,
    Ended,
}

/// One exchange.
pub(crate) struct Exchange {
    pub(crate) stream: Stream,
    pub(crate) phase: Phase,
    /// When it began, in nanoseconds since the Unix epoch.
    pub(crate) start_ns: i64,
}

impl Exchange {
    /// Takes an exchange that ends at this time. Its number makes its beginning its own, as in Envoy.
    pub(crate) fn new(stream: Stream, end_us: u64, number: i64) -> Self {
        let end_ns = i64::try_from(end_us * 1_000).expect("a time of this century");
        let start_ns = end_ns - nanoseconds(stream.duration) + number % 1_000;
        Self { stream, phase: Phase::Request, start_ns }
    }

    /// Returns a text attribute.
    pub(crate) fn text(&self, attribute: u32) -> Option<&str> {
        let stream = &self.stream;
        let responded = self.phase > Phase::Request;
        match attribute {
            16 => stream.code_details.as_deref().filter(|_| responded),
            41 => stream.host.as_deref().filter(|_| responded),
            52 => Some(&*stream.transport_failure).filter(|reason| !reason.is_empty()),
            61 => Some(&stream.route),
            _ => panic!("no text attribute {attribute}"),
        }
    }

    /// Returns an integer attribute.
    pub(crate) fn integer(&self, attribute: u32) -> Option<u64> {
        let stream = &self.stream;
        let responded = self.phase > Phase::Request;
        match attribute {
            15 => stream.response_header(":status")?.parse().ok(),
            17 => Some(if responded { stream.flags } else { 0 }),
            21 => Some(stream.response_bytes),
            53 => Some(if responded { stream.attempts } else { 0 }),
            _ => panic!("no integer attribute {attribute}"),
        }
    }

    /// Returns a header map.
    pub(crate) fn headers(&self, map: u32) -> Option<&Headers> {
        let stream = &self.stream;
        match map {
            0 => Some(&stream.request_headers),
            2 => stream.response_headers.as_ref().filter(|_| self.phase > Phase::Request),
            3 => stream.response_trailers.as_ref().filter(|_| self.phase > Phase::Request),
            _ => panic!("no header map {map}"),
        }
    }

    /// Returns the time from the first byte of the request that the upstream got to the last byte of its response.
    pub(crate) fn backend_latency_ns(&self) -> Option<i64> {
        self.stream.backend_latency.map(nanoseconds)
    }

    /// Returns the time from beginning to end.
    pub(crate) fn duration_ns(&self) -> i64 {
        nanoseconds(self.stream.duration)
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
