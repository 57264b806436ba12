//! Runs a simulated day through the Envoy module to find memory that grows with time. `core-load` has the same test for
//! the core.

use sim::proxy_wasm::{Proxy, Stream};

/// Seconds between samples of the memory: a quarter of a day.
const QUARTER_S: usize = 6 * 3_600;

#[test]
fn the_module_holds_no_more_memory_after_a_day_than_after_its_first_quarter() {
    let proxy = Proxy::shipped();
    let mut vm = proxy.worker();
    let root = vm.configure("{}").unwrap_or_else(|failure| panic!("{failure}"));
    let streams = ["cart", "search", "ledger"].map(Stream::ok);
    let mut quarter = || {
        for second in 0..QUARTER_S {
            proxy.set_clock_us(proxy.clock_us() + 1_000_000);
            let mut stream = streams[second % streams.len()].clone();
            stream.attempts = if second.is_multiple_of(50) { 2 } else { 1 };
            vm.exchange(root, stream);
            vm.tick(root).unwrap_or_else(|failure| panic!("{failure}"));
            proxy.take_log();
        }
        vm.memory_bytes()
    };
    let held = [quarter(), quarter(), quarter(), quarter()];
    assert_eq!(held[0], held[3], "bytes of memory after each quarter: {held:?}");
}
