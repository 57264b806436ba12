//! Cost of leader election between VMs: ticks of the leader and of followers, and the size of shared data.

use std::time::Instant;

use bench::{Row, Samples, Selection, Spread, count};
use sim::proxy_wasm::{Proxy, RootId, Stream, Vm};

/// Measured seconds; every tenth ends a bucket.
const SECONDS: u64 = 60;
/// Seconds before the measurement.
const WARM_UP: u64 = 30;
/// Workers, besides the VM of the main thread.
const FOLLOWERS: usize = 2;

/// Measures the selected rows.
pub(crate) fn run(selection: &Selection) {
    if !selection.wants("leader-election") {
        return;
    }
    let loaded = Proxy::load(&artifact::envoy_module());
    for upstreams in [1, 100, 1_000] {
        measure(&loaded.new_process(), upstreams).iter().for_each(Row::print);
    }
}

/// The most ticks that follow one second's tick: the timer of a second fires again after it.
const MAX_SLICES: u64 = 99;

/// A VM with the durations of its ticks in microseconds.
struct TimedVm {
    vm: Vm,
    root: RootId,
    /// Durations of the ticks, by second: a leader that reports ticks again, after a shorter period.
    seconds: Vec<Vec<f64>>,
}

impl TimedVm {
    fn start(proxy: &Proxy) -> Self {
        let mut vm = proxy.worker();
        let root = vm.configure("{}").unwrap_or_else(|failure| panic!("{failure}"));
        Self { vm, root, seconds: Vec::new() }
    }

    /// Fires the timer, and again while its period is less than a second.
    fn tick(&mut self, proxy: &Proxy) {
        let mut ticks = Vec::new();
        for _ in 0..=MAX_SLICES {
            let start = Instant::now();
            self.vm.tick(self.root).unwrap_or_else(|failure| panic!("{failure}"));
            ticks.push(start.elapsed().as_nanos() as f64 / 1_000.0);
            let period_us = u64::from(self.vm.tick_period_ms(self.root)) * 1_000;
            if period_us >= 1_000_000 {
                break;
            }
            proxy.set_clock_us(proxy.clock_us() + period_us);
        }
        self.seconds.push(ticks);
    }

    /// Returns rows for the median of the ticks of a second, for the longest tick, which ends a bucket or reports it, and for all ticks of
    /// the busiest second together.
    fn rows(&self, role: &str, upstreams: u64) -> [Row; 3] {
        let longest = |ticks: &mut dyn Iterator<Item = f64>| Spread::exact(ticks.fold(0.0, f64::max));
        let row = |kind: &str, what: &str, ticks| {
            let name = format!("leader-election/{role}{kind}/{upstreams}");
            Row::of(&name, &format!("{what} of a {role}, upstreams: {}", count(upstreams)), "µs", ticks)
        };
        let median = Samples::of(self.seconds.iter().filter_map(|ticks| ticks.first().copied())).spread();
        let sums = longest(&mut self.seconds.iter().map(|ticks| ticks.iter().sum()));
        [
            row("", "a tick", median),
            row("-longest", "the longest tick", longest(&mut self.seconds.iter().flatten().copied())),
            row("-second", "all ticks of the busiest second", sums),
        ]
    }
}

fn measure(proxy: &Proxy, upstreams: u64) -> Vec<Row> {
    let start = proxy.clock_us() / 10_000_000 * 10 + 10;
    let mut leader = TimedVm::start(proxy);
    let mut followers: Vec<_> = (0..FOLLOWERS).map(|_| TimedVm::start(proxy)).collect();
    let streams: Vec<_> =
        (0..upstreams).map(|number| Stream::ok(&format!("service-{number}.shop.svc"))).collect();
    let mut shared = 0;
    for second in 0..WARM_UP + SECONDS {
        proxy.set_clock_us((start + second) * 1_000_000);
        if second == WARM_UP {
            followers.iter_mut().chain([&mut leader]).for_each(|vm| vm.seconds.clear());
        }
        leader.tick(proxy);
        followers.iter_mut().for_each(|vm| vm.tick(proxy));
        shared = shared.max(proxy.shared_bytes());
        // Each upstream gets one exchange per second, on alternating workers.
        for (number, stream) in streams.iter().enumerate() {
            let follower = &mut followers[(number + second as usize) % FOLLOWERS];
            follower.vm.exchange(follower.root, stream.clone());
        }
        proxy.take_log();
    }
    let what = format!("peak size of shared data, upstreams: {}", count(upstreams));
    let shared = Row::of(
        &format!("leader-election/shared/{upstreams}"),
        &what,
        "KiB",
        Spread::exact(shared as f64 / 1024.0),
    );
    [followers[0].rows("follower", upstreams), leader.rows("leader", upstreams)]
        .into_iter()
        .flatten()
        .chain([shared])
        .collect()
}
