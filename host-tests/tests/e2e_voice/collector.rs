//! A collector that dies, stalls, lies or takes what it gets, while there is load.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use host_tests::artifact;
use host_tests::real::{Client, Collector, Mood, Origin, Request, Start, cluster, eventually, wasm_filter};

use crate::site::site;

/// Connections that send as fast as they are answered; every other exchange is retried, so that there is a record of it.
const CLIENTS: usize = 4;
const CONFIG: &str = r#"{"records_per_second":1000000,"envoy":{"collector":{"cluster":"otel","timeout":"1s","queue":500,"log":"none"}}}"#;
/// How long each mood lasts; the last one longer than any timeout.
const MOODS: [(Mood, u64); 7] = [
    (Mood::Willing, 4),
    (Mood::Dead, 4),
    (Mood::Refusing(500), 4),
    (Mood::Refusing(429), 4),
    (Mood::Garbage, 4),
    (Mood::Huge(8 << 20), 4),
    (Mood::Stalling(Duration::from_secs(30)), 32),
];

#[test]
fn whatever_the_collector_does_no_request_fails_and_every_record_is_delivered_or_counted() {
    let (hosts, collector) = (Origin::several(2), Collector::start());
    let site = site(&hosts).filter(wasm_filter(CONFIG)).cluster(cluster("otel", &[collector.port]));
    let envoy = Start::new().workers(2).run(&site);
    let (port, stop) = (envoy.port, AtomicBool::new(false));
    let (sent, memory) = thread::scope(|scope| {
        let stop = &stop;
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || send(port, client, stop))).collect();
        let mut memory = Vec::new();
        for (mood, seconds) in MOODS {
            collector.set(mood);
            thread::sleep(Duration::from_secs(seconds));
            memory.push(envoy.resident_bytes());
        }
        stop.store(true, Ordering::Relaxed);
        let sent: usize =
            clients.into_iter().map(|client| client.join().expect("every request is answered")).sum();
        (sent, memory)
    });
    envoy.wait_for_exchanges(sent);
    let fates = envoy.near_misses().fates("cart");
    // Every exchange that is not clean has a record.
    let emitted = fates.values().sum::<u64>() - fates["clean"];
    collector.set(Mood::Willing);
    let dropped = || envoy.near_misses().of("wasmcustom.nearmiss.dropped_total");
    assert!(dropped() > 0, "the queue has an end");
    // A batch whose answer was lost comes again, under the same names.
    eventually("the queues to drain", || {
        (exchanges(&collector.batches()) + dropped() >= emitted).then_some(())
    });
    let most = memory.iter().max().copied().unwrap_or(0);
    assert!(most < memory[0] + (96 << 20), "memory, mood by mood: {memory:?}");
    let (delivered, dropped) = (exchanges(&collector.batches()), dropped());
    eprintln!(
        "{sent} exchanges, {emitted} records: {delivered} delivered, {dropped} dropped; memory {memory:?}"
    );
    assert!(delivered > 500, "{delivered} were delivered");
    // Summaries are records, too: a few of those that were dropped.
    assert!((emitted..emitted + 20).contains(&(delivered + dropped)), "{delivered} + {dropped} of {emitted}");
    let log = envoy.stop();
    assert!(!log.iter().any(|line| line.contains(r#""type":"exchange""#)), "nothing was left");
}

/// How many records of exchanges there are.
fn exchanges(batches: &[Vec<u8>]) -> u64 {
    parsed(batches).iter().filter(|name| name.starts_with("nearmiss.exchange ")).count() as u64
}

/// Sends until it is told to stop, and returns how many were sent; every one must be answered well.
fn send(port: u16, client: usize, stop: &AtomicBool) -> usize {
    let (mut connection, mut sent) = (Client::new(port), 0);
    while !stop.load(Ordering::Relaxed) {
        let script = if sent % 2 == 0 { "503,200" } else { "200" };
        let request = Request::get("/").script(&format!("{client}-{sent}"), script);
        assert_eq!(connection.send(&request).status, 200);
        sent += 1;
        thread::sleep(Duration::from_millis(2));
    }
    sent
}

/// Event and name of every record, as OpenTelemetry's own definitions read them.
fn parsed(batches: &[Vec<u8>]) -> BTreeSet<String> {
    let python = artifact::root().join("target/venv-otlp/bin/python3");
    let script = artifact::root().join("host-tests/tests/e2e_voice/parse.py");
    let child = Command::new(&python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child =
        child.unwrap_or_else(|error| panic!("{}: {error}; `make otlp` installs it", python.display()));
    let mut lines = batches.join(&b'\n');
    lines.push(b'\n');
    let mut input = child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || input.write_all(&lines));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("a thread").expect("it reads to the end");
    assert!(output.status.success(), "a batch that is no ExportLogsServiceRequest");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
