//! A load on an Envoy, and the CPU time it costs there.

use std::thread;

use real::{Client, Envoy, Request};

/// Concurrent connections.
const CLIENTS: usize = 8;
/// Exchanges before the measurement: code is compiled on first use and caches are cold.
const WARM_UP: usize = 6_000;
/// Exchanges of one measurement.
const EXCHANGES: usize = 8_000;
/// Total number of exchanges.
pub(super) const SENT: usize = WARM_UP + EXCHANGES;

/// Returns the CPU time per exchange of a new Envoy, once warm, in microseconds.
pub(super) fn micros_per_exchange(envoy: &Envoy) -> f64 {
    warm_up(envoy);
    micros_per_exchange_of(envoy, EXCHANGES)
}

/// Sends the exchanges after which code is compiled and caches are warm.
pub(super) fn warm_up(envoy: &Envoy) {
    send(envoy.port, WARM_UP);
}

/// Returns the CPU time per exchange, in microseconds, while an Envoy handles `exchanges`.
pub(super) fn micros_per_exchange_of(envoy: &Envoy, exchanges: usize) -> f64 {
    let before = envoy.cpu_time();
    send(envoy.port, exchanges);
    (envoy.cpu_time() - before).as_secs_f64() * 1e6 / exchanges as f64
}

fn send(port: u16, exchanges: usize) {
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(move || {
                let mut client = Client::new(port);
                let request = request();
                for _ in 0..exchanges / CLIENTS {
                    client.send(&request);
                }
            });
        }
    });
}

/// Returns a request like one of a browser or service.
pub(super) fn request() -> Request {
    Request::get("/api/v1/carts/4711")
        .header("user-agent", "bench/1.0")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip, br")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .respond("content-type: application/json")
        .respond("cache-control: max-age=60")
        .respond("date: Mon, 23 Nov 2026 08:00:00 GMT")
}
