//! What an exchange costs the whole module in wasmtime, with its hostcalls; `bench_core` measures the core alone.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Middle;
use crate::artifact;
use crate::envoy::{Proxy, Root, Stream, Vm};

/// As many upstreams as a big gateway has; the n-th has a share of 1/n.
const UPSTREAMS: u32 = 1_000;
/// Exchanges between two looks at the clock.
const EXCHANGES: u32 = 20_000;
/// Looks at the clock.
const RUNS: usize = 9;

/// Measures, and prints a line for each figure.
pub fn run() {
    let module = artifact::envoy_module();
    for (name, configuration) in [("full", "{}"), ("lean", r#"{"envoy":{"mode":"lean"}}"#)] {
        through_the_host(&module, name, configuration);
    }
    super::shared_state::run(&module);
    sizes(&module);
}

/// The module as it ships, every call and every byte copied as by a real host.
fn through_the_host(path: &Path, name: &str, configuration: &str) {
    let proxy = Proxy::load(path);
    let mut vm = proxy.worker();
    let root = vm.configure(configuration).unwrap_or_else(|failure| panic!("{failure}"));
    let mut load = Zipf::new();
    let mut now = proxy.clock_us();
    let mut run = |vm: &mut Vm, root: Root| {
        let start = Instant::now();
        for _ in 0..EXCHANGES {
            now += 100;
            proxy.set_clock_us(now);
            vm.exchange(root, load.next());
        }
        start.elapsed()
    };
    run(&mut vm, root);
    vm.take_calls();
    let nanoseconds = Middle::of((0..RUNS).map(|_| per_exchange(run(&mut vm, root), EXCHANGES)).collect());
    let calls = vm.take_calls();
    let all = RUNS as f64 * f64::from(EXCHANGES);
    println!(
        "module in wasmtime, {name}: {:.0} ns an exchange with the host's own work, {:.2} calls that return data",
        nanoseconds.median,
        calls.answers as f64 / all,
    );
    for (call, count) in &calls.by_name {
        println!("    {call}: {:.3}", *count as f64 / all);
    }
}

fn per_exchange(elapsed: Duration, exchanges: u32) -> f64 {
    elapsed.as_nanos() as f64 / f64::from(exchanges)
}

/// Raw, and as a registry would send it.
fn sizes(path: &Path) {
    let raw = std::fs::metadata(path).map_or(0, |meta| meta.len());
    let packed = Command::new("gzip").args(["-9", "-c"]).arg(path).stderr(Stdio::null()).output();
    let packed = packed.map_or(0, |output| output.stdout.len());
    println!("module: {:.1} KiB raw, {:.1} KiB gzipped", raw as f64 / 1024.0, packed as f64 / 1024.0);
}

/// Clean exchanges, one in a hundred retried.
struct Zipf {
    streams: Vec<Stream>,
    cumulated: Vec<f64>,
    dice: u64,
}

impl Zipf {
    fn new() -> Self {
        let mut total = 0.0;
        let share = |n: u32| {
            total += 1.0 / f64::from(n);
            total
        };
        let cumulated = (1..=UPSTREAMS).map(share).collect();
        let stream = |n| {
            Stream::ok(&format!("outbound|80||service-{n}.shop.svc.cluster.local"))
                .with_request_header("x-envoy-expected-rq-timeout-ms", "15000")
                .with_request_header("x-request-id", "0a1b2c3d")
                .with_request_header("user-agent", "bench/1.0")
                .with_response_header("content-type", "application/json")
                .with_response_header("x-envoy-upstream-service-time", "9")
        };
        Self { streams: (0..UPSTREAMS).map(stream).collect(), cumulated, dice: 0x9E37_79B9_7F4A_7C15 }
    }

    fn next(&mut self) -> Stream {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        let share = (self.dice >> 11) as f64 / (1_u64 << 53) as f64;
        let drawn = share * self.cumulated.last().copied().unwrap_or(1.0);
        let place = self.cumulated.partition_point(|sum| *sum < drawn).min(self.streams.len() - 1);
        let mut stream = self.streams[place].clone();
        stream.attempts = if self.dice.is_multiple_of(100) { 2 } else { 1 };
        stream
    }
}
