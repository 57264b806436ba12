//! Statistics are exact, however many workers there are.

use std::thread;

use host_tests::real::{Client, Request, Start, wasm_filter, wasm_logger};

use crate::stage::{Cast, counts};

const CLIENTS: usize = 8;
const ROUNDS: usize = 25;
/// Path, script and the attempts it takes; one of each is sent per client and round.
const MIX: [(&str, &str, u64); 4] =
    [("/plain", "200", 1), ("/cart", "503,200", 2), ("/cart", "reset,503,200", 3), ("/plain", "503", 1)];

#[test]
fn with_one_worker_the_metrics_are_exact() {
    exact(1, true);
}

#[test]
fn with_two_workers_the_metrics_are_exact() {
    exact(2, true);
}

#[test]
fn with_four_workers_the_metrics_are_exact() {
    exact(4, true);
}

#[test]
fn with_four_workers_the_access_logger_is_as_exact() {
    exact(4, false);
}

fn exact(workers: u32, as_filter: bool) {
    let cast = Cast::gather();
    let site = if as_filter {
        cast.site().filter(wasm_filter("{}"))
    } else {
        cast.site().logger(wasm_logger(r#"{"envoy":{"attach":"log"}}"#))
    };
    let stage = cast.on_stage(&Start::new().workers(workers), &site);
    let port = stage.envoy.port;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || send(port, client));
        }
    });
    let lines = stage.envoy.wait_for_exchanges(CLIENTS * ROUNDS * MIX.len());
    let each = (CLIENTS * ROUNDS) as u64;
    assert_eq!(lines.len(), CLIENTS * ROUNDS * MIX.len());
    let wanted = counts(&[("clean", each), ("failed", each), ("retried", 2 * each)]);
    assert_eq!(stage.fates("cart"), wanted);
    let attempts: u64 = MIX.iter().map(|(_, _, attempts)| attempts * each).sum();
    let stats = stage.envoy.near_misses();
    assert_eq!(stats.attempts("cart"), attempts);
    assert_eq!(stage.hosts[0].ledger.count() as u64, attempts, "as the origins have it");
    assert_eq!(stats.of("wasmcustom.nearmiss.dropped_total"), 0);
}

/// A connection a round, so that every worker gets its share.
fn send(port: u16, client: usize) {
    for round in 0..ROUNDS {
        let mut connection = Client::new(port);
        for (step, (path, script, _)) in MIX.iter().enumerate() {
            let exchange = format!("{client}-{round}-{step}");
            connection.send(&Request::get(path).script(&exchange, script));
        }
    }
}
