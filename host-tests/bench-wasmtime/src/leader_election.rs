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

/// A VM with the durations of its ticks in microseconds.
struct TimedVm {
    vm: Vm,
    root: RootId,
    ticks: Vec<f64>,
}

impl TimedVm {
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

    /// Returns rows for the median tick and for the longest one, which ends a bucket.
    fn rows(&self, role: &str, upstreams: u64) -> [Row; 2] {
        let longest = self.ticks.iter().copied().fold(0.0, f64::max);
        let row = |kind: &str, what: &str, ticks| {
            let name = format!("leader-election/{role}{kind}/{upstreams}");
            Row::of(&name, &format!("{what} of a {role}, upstreams: {}", count(upstreams)), "µs", ticks)
        };
        let median = Samples::of(self.ticks.iter().copied()).spread();
        [row("", "a tick", median), row("-longest", "the longest tick", Spread::exact(longest))]
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
            followers.iter_mut().chain([&mut leader]).for_each(|vm| vm.ticks.clear());
        }
        leader.tick();
        followers.iter_mut().for_each(TimedVm::tick);
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
