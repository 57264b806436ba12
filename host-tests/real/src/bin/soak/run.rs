//! Runs a real Envoy for half an hour at full load, with faults and configuration updates. Memory must stay flat, no
//! request that an upstream answered may fail, and the counts must equal those of the upstreams.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use real::{
    ArrivalLog, Bootstrap, Client, Envoy, EnvoyCommand, Origin, Request, Stats, cluster, eventually, route,
    wasm_filter, wasm_upstream_filter,
};

/// Connections, each of which sends the next request after the response.
const CLIENTS: usize = 8;
/// Exchanges per connection: short-lived connections spread over all workers and pick up updates soon.
const PER_CONNECTION: usize = 500;
/// Interval between samples of the memory.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// Interval between configuration updates.
const UPDATE_EVERY: Duration = Duration::from_secs(120);
/// Drain time of connections after an update, longer than their exchanges take.
const DRAIN_S: u32 = 90;
/// Allowed growth of memory from the second to the last quarter of the run, in KiB.
const ALLOWED_GROWTH_KIB: u64 = 2_048;

/// One kind of exchange.
#[derive(Debug)]
struct ExchangeKind {
    path: &'static str,
    script: &'static str,
    respond: &'static str,
    status: u16,
    attempts: u64,
    fate: &'static str,
}

const fn kind(path: &'static str, script: &'static str, attempts: u64, fate: &'static str) -> ExchangeKind {
    ExchangeKind { path, script, respond: "x-kind: plain", status: 200, attempts, fate }
}

/// The exchanges to send, in turn; most of them are clean.
const KINDS: [ExchangeKind; 12] = [
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "503,200", 2, "retried"),
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "reset,503,200", 3, "retried"),
    kind("/cart", "200", 1, "clean"),
    ExchangeKind { respond: "cache-status: edge; hit; ttl=-30", ..kind("/cart", "200", 1, "stale") },
    kind("/cart", "200", 1, "clean"),
    ExchangeKind { status: 503, ..kind("/plain", "503", 1, "failed") },
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "late:20,200", 1, "clean"),
    ExchangeKind { status: 503, ..kind("/cart", "503", 4, "failed") },
];

/// Exchanges sent by kind, and responses with a wrong status.
#[derive(Default)]
struct SentCounts {
    by_kind: [AtomicU64; KINDS.len()],
    wrong: AtomicU64,
    stop: AtomicBool,
}

/// Runs for `length`, prints progress after every update and the comparison at the end.
///
/// # Errors
///
/// All deviations, one per line.
pub fn run(length: Duration) -> Result<(), String> {
    let ledger = ArrivalLog::counting_only();
    let origins: Vec<_> = (0..3).map(|_| Origin::with_log(ledger.clone())).collect();
    let ports: Vec<_> = origins.iter().map(|origin| origin.port).collect();
    let envoy = EnvoyCommand::new().workers(2).updatable().drain_s(DRAIN_S).run(&bootstrap(&ports, 0));
    let (sent, mut memory) = (SentCounts::default(), Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (sent, ledger, port) = (&sent, &ledger, envoy.port);
            scope.spawn(move || send(client, port, sent, ledger));
        }
        memory = sample_memory(&envoy, &ports, length, &sent);
        sent.stop.store(true, Relaxed);
    });
    verify(&envoy, &ledger, &sent, &memory)
}

/// Returns the bootstrap; its listener keeps its port through all updates.
fn bootstrap(ports: &[u16], version: usize) -> Bootstrap {
    let config = format!(r#"{{"tight_margin":"{}%","summary_every":"10s"}}"#, 10 + version % 2);
    let retries = json!({"timeout": "40s", "retry_policy": {
        "retry_on": "5xx,reset", "num_retries": 3, "retry_back_off": {"base_interval": "0.001s"}}});
    Bootstrap::new()
        .without_access_log()
        .filter(wasm_filter(&config))
        .upstream_filter(wasm_upstream_filter())
        .cluster(cluster("cart", ports))
        .route(route("/cart", "cart", &retries))
        .route(route("/plain", "cart", &json!({"timeout": "40s"})))
}

fn send(client: usize, port: u16, sent: &SentCounts, ledger: &ArrivalLog) {
    let (id, mut index) = (format!("client-{client}"), client);
    while !sent.stop.load(Relaxed) {
        let mut connection = Client::new(port);
        for _ in 0..PER_CONNECTION {
            index = (index + 1) % KINDS.len();
            let kind = &KINDS[index];
            let request = Request::get(kind.path).script(&id, kind.script).respond(kind.respond);
            let response = connection.send(&request);
            ledger.restart_script(&id);
            sent.by_kind[index].fetch_add(1, Relaxed);
            if response.status != kind.status {
                sent.wrong.fetch_add(1, Relaxed);
            }
        }
    }
}

/// Samples the memory and updates the configuration until the time is over.
fn sample_memory(envoy: &Envoy, ports: &[u16], length: Duration, sent: &SentCounts) -> Vec<u64> {
    let (start, mut updates, mut memory) = (Instant::now(), 0, Vec::new());
    while start.elapsed() < length {
        thread::sleep(SAMPLE_EVERY.min(length));
        memory.push(envoy.resident_bytes() / 1_024);
        let due = usize::try_from(start.elapsed().as_secs() / UPDATE_EVERY.as_secs()).unwrap_or(0);
        if due > updates {
            updates = due;
            assert!(envoy.update(&bootstrap(ports, updates)), "a valid configuration is accepted");
            eprintln!(
                "{:>3} min: {} exchanges, {} KiB, {updates} updates",
                start.elapsed().as_secs() / 60,
                total(sent),
                memory.last().copied().unwrap_or(0),
            );
        }
    }
    memory
}

fn total(sent: &SentCounts) -> u64 {
    sent.by_kind.iter().map(|count| count.load(Relaxed)).sum()
}

fn verify(envoy: &Envoy, ledger: &ArrivalLog, sent: &SentCounts, memory: &[u64]) -> Result<(), String> {
    let mut faults = Vec::new();
    let mut expect = |what: &str, wanted: u64, got: u64| {
        println!("{what:<52} {got:>12} of {wanted}");
        if wanted != got {
            faults.push(format!("{what}: {got} instead of {wanted}"));
        }
    };
    let (all, stats) = (total(sent), settled(envoy, total(sent)));
    expect("exchanges counted", all, stats.exchanges());
    expect("responses with another status than the upstream's", 0, sent.wrong.load(Relaxed));
    let (mut attempts, mut fates) = (0, BTreeMap::new());
    for (kind, count) in KINDS.iter().zip(&sent.by_kind) {
        attempts += kind.attempts * count.load(Relaxed);
        *fates.entry(kind.fate).or_insert(0) += count.load(Relaxed);
    }
    expect("attempts that the upstreams saw", attempts, ledger.count() as u64);
    expect("attempts counted", attempts, stats.attempts("cart"));
    let counted = stats.fates("cart");
    let of = |fate: &str| counted.get(fate).copied().unwrap_or(0);
    // On a loaded machine some clean exchanges are slow.
    expect("clean or slow", fates["clean"], of("clean") + of("slow"));
    for fate in ["retried", "stale", "failed"] {
        expect(fate, fates[fate], of(fate));
    }
    let quarters: Vec<u64> = memory
        .chunks((memory.len() / 4).max(1))
        .map(|quarter| quarter.iter().copied().max().unwrap_or(0))
        .collect();
    println!("resident memory, the most of each quarter of the time: {quarters:?} KiB");
    if let [_, second, .., last] = quarters.as_slice()
        && *last > second + ALLOWED_GROWTH_KIB
    {
        faults.push(format!("memory grew from {second} to {last} KiB"));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// Returns the statistics once every exchange is counted, which happens when its stream ends.
fn settled(envoy: &Envoy, all: u64) -> Stats {
    eventually("the count of all exchanges", || {
        let stats = envoy.nearmiss_stats();
        (stats.exchanges() >= all).then_some(stats)
    })
}
