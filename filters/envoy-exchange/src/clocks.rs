//! The times of an exchange on the clocks of Envoy's limits.
//!
//! Envoy's timeouts start when the request is complete at the router, so neither a slow upload nor a filter before the router uses
//! them up. A per-try timeout ends with the response headers, so a long download does not use it up either. Which of the two limits
//! `x-envoy-expected-rq-timeout-ms` states is unknown; the time to the headers is a lower bound of both.

use crate::attributes::duration;
use crate::host::{Host, Number};
use nearmiss::{Exchange, Micros};

/// The times of an exchange, as far as Envoy shows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    /// From the end of the request at the router to the response headers, over all attempts.
    to_headers: Option<Micros>,
    /// From the first byte of the request that the host of the last attempt got to the last byte of its response.
    latency: Option<Micros>,
    is_single: bool,
}

/// Resolution of the time to the headers, which Envoy rounds down.
const RESOLUTION: Micros = Micros::from_millis(1);

impl Clocks {
    /// Reads the times. `to_headers` is the value of the header; the latency is read where that is missing or covers several attempts.
    pub fn read(envoy: &impl Host, exchange: &Exchange<'_>, to_headers: Option<Micros>) -> Self {
        let is_single = exchange.attempts.unwrap_or(1) <= 1;
        let needs_latency = !is_single || to_headers.is_none() && exchange.host.is_some();
        let latency = || duration(envoy.number(Number::BackendLatency));
        Self { to_headers, latency: needs_latency.then(latency).flatten(), is_single }
    }

    /// Returns the time that the timeout has run; `None` if that of the answering attempt is needed, or nothing is known.
    pub fn timeout_used(&self) -> Option<Micros> {
        self.to_headers.or(self.latency).filter(|_| self.is_single)
    }

    /// Returns the time that the upstream took to respond; `None` if it is the duration of the exchange.
    pub fn service(&self, exchange: Micros) -> Option<Micros> {
        let upper_bound = self.to_headers.map(|time| time.saturating_add(RESOLUTION)).or(self.latency);
        upper_bound.filter(|time| self.is_single && *time < exchange)
    }

    /// Returns the time of the last attempt, the smaller of its bounds.
    pub fn last_attempt(&self) -> Option<Micros> {
        match (self.latency, self.to_headers) {
            (Some(latency), Some(to_headers)) => Some(latency.min(to_headers.saturating_add(RESOLUTION))),
            (latency, _) => latency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Micros = Micros::from_millis;

    #[test]
    fn a_slow_upload_and_a_long_download_use_no_timeout() {
        let clocks = Clocks { to_headers: Some(MS(3)), latency: None, is_single: true };
        assert_eq!(clocks.timeout_used(), Some(MS(3)));
        assert_eq!(clocks.service(MS(900)), Some(MS(4)), "the header is rounded down");
        assert_eq!(clocks.service(Micros::new(3_200)), None, "the duration is more exact");
    }

    #[test]
    fn without_the_header_the_latency_of_the_host_bounds_both() {
        let clocks = Clocks { to_headers: None, latency: Some(MS(20)), is_single: true };
        assert_eq!((clocks.timeout_used(), clocks.service(MS(900))), (Some(MS(20)), Some(MS(20))));
        assert_eq!(Clocks::default().timeout_used(), None);
    }

    #[test]
    fn of_several_attempts_only_the_last_is_judged() {
        let clocks = Clocks { to_headers: Some(MS(700)), latency: Some(MS(90)), is_single: false };
        assert_eq!((clocks.timeout_used(), clocks.service(MS(900))), (None, None));
        assert_eq!(clocks.last_attempt(), Some(MS(90)));
        let streamed = Clocks { to_headers: Some(MS(30)), latency: Some(MS(600)), is_single: false };
        assert_eq!(streamed.last_attempt(), Some(MS(31)));
    }
}
