//! Holds the mapping of records to OpenTelemetry logs to a golden file.
//!
//! `BLESS=1 cargo test --test otlp` writes the file again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use nearmiss::{Attempt, Config, Exchange, Feed, Head, Micros, Monitor, Timestamp, otlp};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const START: u64 = 1_795_423_550;
const NOW: Timestamp = Timestamp::from_seconds(START + 10_000);
const SOURCE: &str = "node/1/1795423550";

static ATTEMPTS: [Attempt<'static>; 2] = [
    Attempt {
        host: Some("[2001:db8::2]:80"),
        status: Some(503),
        duration: Some(Micros::new(12_100)),
        reason: None,
    },
    Attempt {
        host: Some("10.0.0.1:80"),
        status: Some(200),
        duration: Some(Micros::from_millis(18)),
        reason: None,
    },
];

fn exchange(second: u64) -> Exchange<'static> {
    Exchange {
        ts: Timestamp::from_micros((START + second) * 1_000_000 + 513_000),
        upstream: "cart",
        status: 200,
        duration: Micros::from_millis(42),
        attempts: Some(1),
        max_attempts: Some(4),
        host: Some("10.0.0.1:80"),
        ..Exchange::default()
    }
}

/// Returns every record of some traffic with its log record.
fn pairs() -> Vec<Value> {
    let retried = |second| Exchange { attempts: Some(2), attempt_log: &ATTEMPTS, ..exchange(second) };
    let mut monitor =
        Monitor::new(Config::parse(r#"{"reorder":"0s","summary_every":"1h"}"#).unwrap(), Feed::Log, SOURCE);
    monitor.note_tokens();
    let odd = [
        Exchange { route: Some("a\"},b"), trace_id: Some("0123456789abcdef0123456789abcdef"), ..retried(0) },
        Exchange { duration: Micros::new(42_460), host: Some("[2001:db8::1]:443"), ..retried(0) },
        Exchange { host: Some("2001:db8::1"), ..retried(0) },
        Exchange { host: Some("cart.internal"), ..retried(0) },
        Exchange { host: Some("a\""), ..retried(0) },
        Exchange { host: Some("unix:/run/cart.sock"), ..retried(0) },
        Exchange { host: None, status: 503, ..exchange(0) },
        Exchange { status: 0, ..exchange(0) },
    ];
    let odd_count = odd.len();
    let quiet = (1..3_000).map(exchange);
    let retries = (3_000..3_060).map(retried);
    for exchange in odd.into_iter().chain(quiet).chain(retries) {
        monitor.observe(&exchange);
    }
    monitor.finish();
    let mut pairs = Vec::new();
    while let Some(record) = monitor.poll_record() {
        // Of the many like exchanges in the episode one is enough.
        if matches!(record.head, Head::Exchange { .. }) && pairs.len() > odd_count {
            continue;
        }
        let mut log = String::new();
        otlp::push(&mut log, &record, (SOURCE, pairs.len() as u64), NOW);
        pairs.push(json!({"record": record.json, "log": serde_json::from_str::<Value>(&log).expect("JSON")}));
    }
    pairs
}

#[test]
fn records_map_to_the_golden_log_records() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/otlp.golden.json");
    let pairs = pairs();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&pairs).unwrap() + "\n").unwrap();
    }
    let golden: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(&path).expect("the golden file")).expect("JSON");
    assert_eq!(golden.len(), pairs.len());
    for (golden, pair) in golden.iter().zip(&pairs) {
        assert_eq!(golden, pair);
    }
    let kinds =
        |kind: &str| pairs.iter().filter(|pair| pair["record"].as_str().unwrap().contains(kind)).count();
    assert!(kinds(r#""type":"episode""#) > 0 && kinds(r#""type":"summary""#) > 0, "all kinds are there");
}
