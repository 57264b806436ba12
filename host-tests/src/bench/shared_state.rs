//! What one voice costs: ticks of a worker and of the desk, and how much is shared.

use std::path::Path;
use std::time::Instant;

use super::Middle;
use crate::envoy::{Proxy, Root, Stream, Vm};

/// Seconds that are measured; every tenth ends a bucket.
const SECONDS: u64 = 60;
/// Seconds before that.
const WARM_UP: u64 = 30;
/// Workers beside the main thread's VM.
const WORKERS: usize = 2;

/// Measures, and prints a line for each number of upstreams.
pub fn run(module: &Path) {
    let loaded = Proxy::load(module);
    for upstreams in [1, 100, 1_000] {
        measure(&loaded.fresh(), upstreams);
    }
}

/// One VM and the microseconds its ticks took.
struct Member {
    vm: Vm,
    root: Root,
    ticks: Vec<f64>,
}

impl Member {
    fn start(proxy: &Proxy) -> Self {
        let mut vm = proxy.worker();
        let root = vm.configure("{}").unwrap_or_else(|failure| panic!("{failure}"));
        Self { vm, root, ticks: Vec::new() }
    }

    fn tick(&mut self) {
        let start = Instant::now();
        self.vm.tick(self.root).unwrap_or_else(|failure| panic!("{failure}"));
        self.ticks.push(start.elapsed().as_nanos() as f64 / 1_000.0);
    }

    /// The median, and the longest: that of a bucket's end.
    fn told(&self) -> String {
        let longest = self.ticks.iter().copied().fold(0.0, f64::max);
        format!("{:.1} µs, {longest:.0} at most", Middle::of(self.ticks.clone()).median)
    }
}

fn measure(proxy: &Proxy, upstreams: u64) {
    let start = proxy.clock_us() / 10_000_000 * 10 + 10;
    let mut desk = Member::start(proxy);
    let mut workers: Vec<_> = (0..WORKERS).map(|_| Member::start(proxy)).collect();
    let streams: Vec<_> =
        (0..upstreams).map(|number| Stream::ok(&format!("service-{number}.shop.svc"))).collect();
    let mut shared = 0;
    for second in 0..WARM_UP + SECONDS {
        proxy.set_clock_us((start + second) * 1_000_000);
        if second == WARM_UP {
            workers.iter_mut().chain([&mut desk]).for_each(|member| member.ticks.clear());
        }
        desk.tick();
        workers.iter_mut().for_each(Member::tick);
        shared = shared.max(proxy.shared_bytes());
        // Each upstream once in every second, by one worker or the other.
        for (number, stream) in streams.iter().enumerate() {
            let worker = &mut workers[(number + second as usize) % WORKERS];
            worker.vm.exchange(worker.root, stream.clone());
        }
        proxy.take_log();
    }
    println!(
        "one voice, {upstreams} upstreams, {WORKERS} workers: a worker's tick {}; the desk's {}; {:.1} KiB shared at most",
        workers[0].told(),
        desk.told(),
        shared as f64 / 1024.0,
    );
}
