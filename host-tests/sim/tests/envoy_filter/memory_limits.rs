//! Memory limits: when memory cannot grow, the VM survives, or it ends and no count is lost.

use sim::proxy_wasm::{Failure, Proxy, RootId, Stream, Vm};

use crate::harness::proxy;

const SENT: u64 = 900;

/// The result of the scenario in one Envoy.
struct RunResult {
    counted: u64,
    /// Number of VMs that ended; each is replaced by a new one.
    ended: u64,
    growths: u64,
}

/// Runs near misses of more and more upstreams, with ticks, in a VM where `times` growths of memory fail, starting with
/// the `nth`.
fn run(nth: u64, times: u64) -> RunResult {
    let proxy = proxy();
    let (mut vm, mut root) = start(&proxy);
    let before = vm.growths();
    if times > 0 {
        vm.refuse_growth(nth, times);
    }
    let mut ended = 0;
    for number in 0..SENT {
        proxy.set_clock_us(1_795_423_560_000_000 + number * 100_000);
        let stream = Stream {
            attempts: 1 + number % 3,
            route: format!("route-{}", number % 7),
            ..Stream::ok(&format!("shop-{}", number / 3))
        };
        let passed = vm.try_exchange(Some(root), None, stream).map(drop);
        let ticked = if number % 10 == 9 { passed.and_then(|()| vm.tick(root)) } else { passed };
        match ticked {
            Ok(()) => {}
            Err(Failure::Trap(_)) => {
                ended += 1;
                (vm, root) = start(&proxy);
            }
            Err(other) => panic!("growth {nth}: {other}"),
        }
    }
    let growths = vm.growths() - before;
    let metrics = proxy.metrics();
    let exchanges = metrics.iter().filter(|(name, _)| name.ends_with(";.;exchanges_total"));
    RunResult { counted: exchanges.map(|(_, metric)| metric.value).sum(), ended, growths }
}

fn start(proxy: &Proxy) -> (Vm, RootId) {
    let mut vm = proxy.worker();
    let root = vm.configure(r#"{"summary_every":"10s"}"#).unwrap_or_else(|failure| panic!("{failure}"));
    (vm, root)
}

#[test]
fn a_refused_memory_growth_costs_at_most_the_vm_and_the_exchange_in_flight() {
    let healthy = run(0, 0);
    assert_eq!((healthy.counted, healthy.ended), (SENT, 0));
    assert!(healthy.growths > 10, "memory grew only {} times", healthy.growths);
    for nth in 1..=healthy.growths {
        for times in [1, u64::MAX] {
            let after = run(nth, times);
            assert!(after.ended <= 1, "growth {nth}: {} VMs ended", after.ended);
            assert!(SENT - after.counted <= after.ended, "growth {nth}: {} are counted", after.counted);
        }
    }
}
