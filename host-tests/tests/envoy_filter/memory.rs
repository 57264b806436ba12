//! Memory that cannot be had: the VM lives, or it ends and takes no count along.

use host_tests::sim::proxy_wasm::{Failure, Proxy, Root, Stream, Vm};

use crate::stage::proxy;

const SENT: u64 = 900;

/// What became of the story in one Envoy.
struct After {
    counted: u64,
    /// VMs that ended; each is replaced by a new one.
    ended: u64,
    growths: u64,
}

/// Ever more upstreams, near misses, and a tick now and then, in a VM whose `nth` growth of memory and so many more fail.
fn play(nth: u64, times: u64) -> After {
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
        let passed = vm.pass(Some(root), None, stream).map(drop);
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
    After { counted: exchanges.map(|(_, metric)| metric.value).sum(), ended, growths }
}

fn start(proxy: &Proxy) -> (Vm, Root) {
    let mut vm = proxy.worker();
    let root = vm.configure(r#"{"summary_every":"10s"}"#).unwrap_or_else(|failure| panic!("{failure}"));
    (vm, root)
}

#[test]
fn a_growth_of_memory_that_is_refused_costs_no_more_than_the_vm_and_the_exchange_in_flight() {
    let well = play(0, 0);
    assert_eq!((well.counted, well.ended), (SENT, 0));
    assert!(well.growths > 10, "the story makes memory grow {} times", well.growths);
    for nth in 1..=well.growths {
        for times in [1, u64::MAX] {
            let after = play(nth, times);
            assert!(after.ended <= 1, "growth {nth}: {} VMs ended", after.ended);
            assert!(SENT - after.counted <= after.ended, "growth {nth}: {} are counted", after.counted);
        }
    }
}
