//! Tests that statistics are exact with any number of workers.

use std::thread;

use real::{Client, EnvoyCommand, Request};

use crate::form::{filter, logger};
use crate::harness::{Origins, counts};

const CLIENTS: usize = 8;
const ROUNDS: usize = 25;
/// Requests that each client sends once per round: path, fault script and number of attempts.
const REQUESTS: [(&str, &str, u64); 4] =
    [("/plain", "200", 1), ("/cart", "503,200", 2), ("/cart", "reset,503,200", 3), ("/plain", "503", 1)];

#[test]
fn metrics_are_exact_with_one_worker() {
    assert_exact(1, true);
}

#[test]
fn metrics_are_exact_with_two_workers() {
    assert_exact(2, true);
}

#[test]
fn metrics_are_exact_with_four_workers() {
    assert_exact(4, true);
}

#[test]
fn metrics_of_the_access_logger_are_exact_with_four_workers() {
    assert_exact(4, false);
}

fn assert_exact(workers: u32, as_filter: bool) {
    let origins = Origins::start();
    let bootstrap = if as_filter {
        origins.bootstrap().filter(filter("{}"))
    } else {
        origins.bootstrap().logger(logger(r#"{"envoy":{"attach":"log"}}"#))
    };
    let harness = origins.start_envoy(&EnvoyCommand::new().workers(workers), &bootstrap);
    let port = harness.envoy.port;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || send(port, client));
        }
    });
    let lines = harness.envoy.wait_for_exchanges(CLIENTS * ROUNDS * REQUESTS.len());
    let each = (CLIENTS * ROUNDS) as u64;
    assert_eq!(lines.len(), CLIENTS * ROUNDS * REQUESTS.len());
    let mut fates = harness.fates("cart");
    // On a busy machine some exchanges are slower than their history.
    let slow = fates.remove("slow").unwrap_or(0);
    assert_eq!(fates, counts(&[("clean", each - slow), ("failed", each), ("retried", 2 * each)]));
    let attempts: u64 = REQUESTS.iter().map(|(_, _, attempts)| attempts * each).sum();
    let stats = harness.stats();
    assert_eq!(stats.attempts("cart"), attempts);
    assert_eq!(harness.hosts[0].arrivals.count() as u64, attempts, "as the origins count them");
    assert_eq!(stats.value("wasmcustom.nearmiss.dropped_total"), 0);
}

/// Opens a connection per round, so that every worker gets connections.
fn send(port: u16, client: usize) {
    for round in 0..ROUNDS {
        let mut connection = Client::new(port);
        for (step, (path, script, _)) in REQUESTS.iter().enumerate() {
            let exchange = format!("{client}-{round}-{step}");
            connection.send(&Request::get(path).script(&exchange, script));
        }
    }
}
