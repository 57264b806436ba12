//! A collector that accepts, rejects, stalls, closes its connections or sends an invalid response, under load.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use real::{Behaviour, Client, Collector, EnvoyCommand, Origin, Request, cluster, eventually, wasm_filter};

use crate::bootstrap::bootstrap;

/// Number of connections, each with one request at a time; every other exchange is retried, so that it has a record.
const CLIENTS: usize = 4;
const CONFIG: &str = r#"{"records_per_second":1000000,"records_per_second_total":1000000,"envoy":{"collector":{"cluster":"otel","timeout":"1s","queue":500,"log":"none"}}}"#;
/// Behaviours and their durations in seconds; the last one is longer than any timeout.
const BEHAVIOURS: [(Behaviour, u64); 7] = [
    (Behaviour::Accept, 4),
    (Behaviour::Close, 4),
    (Behaviour::Reject(500), 4),
    (Behaviour::Reject(429), 4),
    (Behaviour::Garbage, 4),
    (Behaviour::LargeResponse(8 << 20), 4),
    (Behaviour::Stall(Duration::from_secs(30)), 32),
];

#[test]
fn no_request_fails_and_every_record_is_delivered_or_counted_as_dropped() {
    let (hosts, collector) = (Origin::several(2), Collector::start());
    let bootstrap = bootstrap(&hosts).filter(wasm_filter(CONFIG)).cluster(cluster("otel", &[collector.port]));
    let envoy = EnvoyCommand::new().workers(2).run(&bootstrap);
    let (port, stop) = (envoy.port, AtomicBool::new(false));
    let (sent, memory) = thread::scope(|scope| {
        let stop = &stop;
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || send(port, client, stop))).collect();
        let mut memory = Vec::new();
        for (behaviour, seconds) in BEHAVIOURS {
            collector.set(behaviour);
            thread::sleep(Duration::from_secs(seconds));
            memory.push(envoy.resident_bytes());
        }
        stop.store(true, Ordering::Relaxed);
        let sent: usize =
            clients.into_iter().map(|client| client.join().expect("every request succeeds")).sum();
        (sent, memory)
    });
    envoy.wait_for_exchanges(sent);
    let fates = envoy.nearmiss_stats().fates("cart");
    // Every exchange that is not clean has a record.
    let emitted = fates.values().sum::<u64>() - fates["clean"];
    collector.set(Behaviour::Accept);
    let dropped = || envoy.nearmiss_stats().value("wasmcustom.nearmiss.dropped_total");
    assert!(dropped() > 0, "the queue is bounded");
    // A batch whose response was lost is sent again, and its records keep their ids.
    eventually("the queues to drain", || {
        (exchanges(&collector.batches()) + dropped() >= emitted).then_some(())
    });
    let peak = memory.iter().max().copied().unwrap_or(0);
    assert!(peak < memory[0] + (96 << 20), "memory by behaviour: {memory:?}");
    // A batch without an answer would be logged at the end.
    envoy.wait_for_answers("otel");
    let (delivered, dropped) = (exchanges(&collector.batches()), dropped());
    eprintln!(
        "{sent} exchanges, {emitted} records: {delivered} delivered, {dropped} dropped; memory {memory:?}"
    );
    assert!(delivered > 500, "{delivered} were delivered");
    // Some of the dropped records may be summaries.
    assert!((emitted..emitted + 20).contains(&(delivered + dropped)), "{delivered} + {dropped} of {emitted}");
    let log = envoy.stop();
    assert!(!log.iter().any(|line| line.contains(r#""type":"exchange""#)), "no record was queued at the end");
}

/// Counts the exchange records in batches.
fn exchanges(batches: &[Vec<u8>]) -> u64 {
    parsed(batches).iter().filter(|name| name.starts_with("nearmiss.exchange ")).count() as u64
}

/// Sends requests until `stop`, and returns their number; every one must succeed.
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

/// Returns the event name and id of every record, parsed with OpenTelemetry's protobuf definitions.
fn parsed(batches: &[Vec<u8>]) -> BTreeSet<String> {
    let python = artifact::root().join("target/venv-otlp/bin/python3");
    let script = artifact::root().join("host-tests/e2e/tests/e2e_leader_election/parse.py");
    let child = Command::new(&python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child =
        child.unwrap_or_else(|error| panic!("{}: {error}; `make otlp` installs it", python.display()));
    let mut lines = batches.join(&b'\n');
    lines.push(b'\n');
    let mut input = child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || input.write_all(&lines));
    let output = child.wait_with_output().expect("the parser ends");
    writer.join().expect("a thread").expect("the parser reads all input");
    assert!(output.status.success(), "a batch is not an ExportLogsServiceRequest");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
