//! Many exchanges count exactly, and memory stays in bounds.

use std::thread;

use real::{ArrivalLog, Bootstrap, Client, EnvoyCommand, Origin, Request, cluster, eventually, route};
use serde_json::json;

use crate::form::filter;
use crate::harness::counts;

const CLIENTS: usize = 4;
/// Number of exchanges, unless the variable `EXCHANGES` sets another: a multiple of [`CLIENTS`] times [`RETRIED`].
const EXCHANGES: usize = 100_000;
/// One in this many exchanges of a client fails once and is retried.
const RETRIED: usize = 50;

#[test]
fn a_hundred_thousand_exchanges_count_exactly() {
    let exchanges = std::env::var("EXCHANGES").map_or(EXCHANGES, |text| text.parse().expect("a number"));
    assert_eq!(
        exchanges % (CLIENTS * RETRIED),
        0,
        "each client sends as many, and as many of them are retried"
    );
    let origin = Origin::with_log(ArrivalLog::counting_only());
    let retries = json!({"retry_policy": {"retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}}});
    let bootstrap = Bootstrap::new()
        .filter(filter("{}"))
        .cluster(cluster("cart", &[origin.port]))
        .route(route("/", "cart", &retries))
        .without_access_log();
    let envoy = EnvoyCommand::new().workers(2).run(&bootstrap);
    let send = |client: usize, exchanges: usize| {
        let mut connection = Client::new(envoy.port);
        let plain = Request::get("/");
        for number in 0..exchanges {
            if number % RETRIED == 0 {
                connection.send(&Request::get("/").script(&format!("{client}-{number}"), "503,200"));
            } else {
                connection.send(&plain);
            }
        }
    };
    send(CLIENTS, 1_000);
    let before = envoy.resident_bytes();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || send(client, exchanges / CLIENTS));
        }
    });
    let sent = (exchanges + 1_000) as u64;
    let stats = eventually("all exchanges to be counted", || {
        Some(envoy.nearmiss_stats()).filter(|stats| stats.exchanges() >= sent)
    });
    let retried = sent / RETRIED as u64;
    let mut fates = stats.fates("cart");
    // On a busy machine some exchanges are slower than their history.
    let slow = fates.remove("slow").unwrap_or(0);
    assert_eq!(fates, counts(&[("clean", sent - retried - slow), ("retried", retried)]));
    assert_eq!(stats.attempts("cart"), sent + retried);
    let grown = envoy.resident_bytes().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes more than after a thousand exchanges");
    let summaries = crate::lifecycle::summaries(&envoy.stop());
    let reported: u64 = summaries
        .iter()
        .flat_map(|summary| {
            ["clean", "slow", "retried"].map(|fate| summary["fates"][fate].as_u64().unwrap_or(0))
        })
        .sum();
    assert_eq!(reported, sent, "every exchange is in a summary");
}
