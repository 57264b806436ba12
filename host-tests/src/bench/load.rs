//! A load on an Envoy, and the processor time that it takes there.

use std::thread;

use crate::real::{Client, Envoy, Request};

/// Connections that send at the same time.
const CLIENTS: usize = 8;
/// Not measured: code is compiled as it is used, caches are cold.
const WARM_UP: usize = 6_000;
/// Exchanges that are measured.
const EXCHANGES: usize = 8_000;
/// All that are sent.
pub(super) const SENT: usize = WARM_UP + EXCHANGES;

/// Microseconds of processor time an exchange takes in a warm Envoy.
pub(super) fn micros_an_exchange(envoy: &Envoy) -> f64 {
    send(envoy.port, WARM_UP);
    let before = envoy.cpu_time();
    send(envoy.port, EXCHANGES);
    (envoy.cpu_time() - before).as_secs_f64() * 1e6 / EXCHANGES as f64
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

/// What a browser or a service sends, about.
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
