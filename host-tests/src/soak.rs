//! Half an hour of a real Envoy at full load, with faults and updates: memory stays flat, nobody is failed whom an upstream had
//! answered, and the counts are the upstreams' own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::real::{
    Client, Envoy, Ledger, Origin, Request, Site, Start, Stats, cluster, eventually, route, wasm_filter,
    wasm_upstream_filter,
};

/// Connections that send as fast as they get answers.
const CLIENTS: usize = 8;
/// Exchanges on one connection: each worker gets its share, and no update is far away.
const PER_CONNECTION: usize = 500;
/// From one look at the memory to the next, and from one new configuration to the next.
const LOOK: Duration = Duration::from_secs(5);
const UPDATE: Duration = Duration::from_secs(120);
/// How long a connection may live on after an update: longer than its exchanges take.
const DRAIN_S: u32 = 90;
/// What a quarter of the time may hold more than the one before, in KiB.
const FLAT: u64 = 2_048;

/// One kind of exchange.
#[derive(Debug)]
struct Kind {
    path: &'static str,
    script: &'static str,
    respond: &'static str,
    status: u16,
    attempts: u64,
    fate: &'static str,
}

const fn kind(path: &'static str, script: &'static str, attempts: u64, fate: &'static str) -> Kind {
    Kind { path, script, respond: "x-kind: plain", status: 200, attempts, fate }
}

/// What is sent, in turn; mostly nothing happens.
const KINDS: [Kind; 12] = [
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "503,200", 2, "retried"),
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "reset,503,200", 3, "retried"),
    kind("/cart", "200", 1, "clean"),
    Kind { respond: "cache-status: edge; hit; ttl=-30", ..kind("/cart", "200", 1, "stale") },
    kind("/cart", "200", 1, "clean"),
    Kind { status: 503, ..kind("/plain", "503", 1, "failed") },
    kind("/cart", "200", 1, "clean"),
    kind("/cart", "late:20,200", 1, "clean"),
    Kind { status: 503, ..kind("/cart", "503", 4, "failed") },
];

/// What was sent, and what came back wrong.
#[derive(Default)]
struct Sent {
    by_kind: [AtomicU64; KINDS.len()],
    wrong: AtomicU64,
    enough: AtomicBool,
}

/// Runs for so long; says every minute how it goes, and in the end whether all is well.
///
/// # Errors
///
/// What was not as it should be, a line each.
pub fn run(length: Duration) -> Result<(), String> {
    let ledger = Ledger::forgetful();
    let origins: Vec<_> = (0..3).map(|_| Origin::with(ledger.clone())).collect();
    let ports: Vec<_> = origins.iter().map(|origin| origin.port).collect();
    let envoy = Start::new().workers(2).updatable().drain_s(DRAIN_S).run(&site(&ports, 0));
    let (sent, mut memory) = (Sent::default(), Vec::new());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (sent, ledger, port) = (&sent, &ledger, envoy.port);
            scope.spawn(move || send(client, port, sent, ledger));
        }
        memory = attend(&envoy, &ports, length, &sent);
        sent.enough.store(true, Relaxed);
    });
    judge(&envoy, &ledger, &sent, &memory)
}

/// The site; its listener stays where it is through all updates.
fn site(ports: &[u16], version: usize) -> Site {
    let config = format!(r#"{{"tight_margin":"{}%","summary_every":"10s"}}"#, 10 + version % 2);
    let retries = json!({"timeout": "40s", "retry_policy": {
        "retry_on": "5xx,reset", "num_retries": 3, "retry_back_off": {"base_interval": "0.001s"}}});
    Site::new()
        .without_access_log()
        .filter(wasm_filter(&config))
        .upstream_filter(wasm_upstream_filter())
        .cluster(cluster("cart", ports))
        .route(route("/cart", "cart", &retries))
        .route(route("/plain", "cart", &json!({"timeout": "40s"})))
}

fn send(client: usize, port: u16, sent: &Sent, ledger: &Ledger) {
    let (id, mut place) = (format!("client-{client}"), client);
    while !sent.enough.load(Relaxed) {
        let mut connection = Client::new(port);
        for _ in 0..PER_CONNECTION {
            place = (place + 1) % KINDS.len();
            let kind = &KINDS[place];
            let request = Request::get(kind.path).script(&id, kind.script).respond(kind.respond);
            let response = connection.send(&request);
            ledger.forget(&id);
            sent.by_kind[place].fetch_add(1, Relaxed);
            if response.status != kind.status {
                sent.wrong.fetch_add(1, Relaxed);
            }
        }
    }
}

/// Looks at the memory and brings new configurations until the time is over.
fn attend(envoy: &Envoy, ports: &[u16], length: Duration, sent: &Sent) -> Vec<u64> {
    let (start, mut updates, mut memory) = (Instant::now(), 0, Vec::new());
    while start.elapsed() < length {
        thread::sleep(LOOK.min(length));
        memory.push(envoy.resident_kib());
        let due = usize::try_from(start.elapsed().as_secs() / UPDATE.as_secs()).unwrap_or(0);
        if due > updates {
            updates = due;
            assert!(envoy.update(&site(ports, updates)), "a good configuration is taken");
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

fn total(sent: &Sent) -> u64 {
    sent.by_kind.iter().map(|count| count.load(Relaxed)).sum()
}

fn judge(envoy: &Envoy, ledger: &Ledger, sent: &Sent, memory: &[u64]) -> Result<(), String> {
    let mut faults = Vec::new();
    let mut expect = |what: &str, wanted: u64, got: u64| {
        println!("{what:<52} {got:>12} of {wanted}");
        if wanted != got {
            faults.push(format!("{what}: {got} instead of {wanted}"));
        }
    };
    let (all, stats) = (total(sent), settled(envoy, total(sent)));
    expect("exchanges counted", all, stats.exchanges());
    expect("answers with another status than the upstream's", 0, sent.wrong.load(Relaxed));
    let (mut attempts, mut fates) = (0, BTreeMap::new());
    for (kind, count) in KINDS.iter().zip(&sent.by_kind) {
        attempts += kind.attempts * count.load(Relaxed);
        *fates.entry(kind.fate).or_insert(0) += count.load(Relaxed);
    }
    expect("attempts that the upstreams saw", attempts, ledger.count() as u64);
    expect("attempts counted", attempts, stats.attempts("cart"));
    let counted = stats.fates("cart");
    let of = |fate: &str| counted.get(fate).copied().unwrap_or(0);
    // A loaded machine makes some of them slow.
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
        && *last > second + FLAT
    {
        faults.push(format!("memory grew from {second} to {last} KiB"));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// The statistics once everything that was sent is counted; an exchange is counted when its stream has ended.
fn settled(envoy: &Envoy, all: u64) -> Stats {
    eventually("the count of all exchanges", || {
        let stats = envoy.near_misses();
        (stats.exchanges() >= all).then_some(stats)
    })
}
