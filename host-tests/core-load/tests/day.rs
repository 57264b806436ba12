//! Runs a simulated day through the core to find memory that grows with time. The test has a process of its own, so
//! that only its own bytes are counted.

use core_load::{Load, bytes};
use nearmiss::Micros;

/// Exchanges per second, and seconds between samples of the memory.
const PACE: u32 = 5;
const SAMPLE_EVERY_S: u32 = 600;
/// Samples in a quarter of a day.
const QUARTER: usize = 36;
const UPSTREAMS: u32 = 10;
/// Bytes that an upstream holds while an episode is open, which may be at any time of the day.
const EPISODE: u64 = 288;

#[test]
fn the_core_holds_no_more_memory_after_a_day_than_in_its_first_quarter() {
    let mut load = Load::new(UPSTREAMS, Micros::new(1_000_000 / u64::from(PACE)));
    let held: Vec<_> = (0..4 * QUARTER)
        .map(|_| {
            load.run(SAMPLE_EVERY_S * PACE);
            bytes()
        })
        .collect();
    let most = |quarter: &[u64]| quarter.iter().copied().max().unwrap_or(0);
    let (first, last) = (most(&held[..QUARTER]), most(&held[held.len() - QUARTER..]));
    let episodes = EPISODE * u64::from(UPSTREAMS);
    assert!(last <= first + episodes, "{first} bytes in the first quarter, {last} in the last: {held:?}");
}
