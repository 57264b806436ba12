//! What one voice costs: ticks of a worker and of the desk, and how much is shared.

use std::time::Instant;

use super::{Row, Samples, Selection, Spread, count};
use crate::artifact;
use crate::sim::proxy_wasm::{Proxy, Root, Stream, Vm};

/// Seconds that are measured; every tenth ends a bucket.
const SECONDS: u64 = 60;
/// Seconds before that.
const WARM_UP: u64 = 30;
/// Workers beside the main thread's VM.
const WORKERS: usize = 2;

/// Measures what is wanted.
pub fn run(selection: &Selection) {
    if !selection.wants("voice") {
        return;
    }
    let loaded = Proxy::load(&artifact::envoy_module());
    for upstreams in [1, 100, 1_000] {
        measure(&loaded.fresh(), upstreams).iter().for_each(Row::tell);
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

    /// The usual tick, and the longest: that of a bucket's end.
    fn told(&self, who: &str, upstreams: u64) -> [Row; 2] {
        let longest = self.ticks.iter().copied().fold(0.0, f64::max);
        let row = |kind: &str, what: &str, ticks| {
            let name = format!("voice/{who}{kind}/{upstreams}");
            Row::of(&name, &format!("{what} of a {who}, upstreams: {}", count(upstreams)), "µs", ticks)
        };
        let usual = Samples::of(self.ticks.iter().copied()).spread();
        [row("", "a tick", usual), row("-longest", "the longest tick", Spread::exact(longest))]
    }
}

fn measure(proxy: &Proxy, upstreams: u64) -> Vec<Row> {
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
    let what = format!("shared data at most, upstreams: {}", count(upstreams));
    let shared =
        Row::of(&format!("voice/shared/{upstreams}"), &what, "KiB", Spread::exact(shared as f64 / 1024.0));
    [workers[0].told("worker", upstreams), desk.told("desk", upstreams)]
        .into_iter()
        .flatten()
        .chain([shared])
        .collect()
}
