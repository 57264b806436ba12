//! Clocks that stand still, jump and go backwards.

use std::time::Duration;

use sim::proxy_wasm::Stream;

use crate::harness::{Fixture, fate_counts, retried};

const SECOND: u64 = 1_000_000;
const START: u64 = 1_795_423_550 * SECOND;

#[test]
fn everything_is_counted_while_the_clock_stands_still() {
    let mut fixture = Fixture::with("{}");
    fixture.proxy.set_clock_us(START);
    for _ in 0..100 {
        fixture.exchange(Stream::ok("cart"));
        fixture.vm.tick(fixture.root).unwrap();
    }
    assert_eq!(fixture.fates("cart"), fate_counts(&[("clean", 100)]));
}

#[test]
fn a_clock_that_jumps_or_goes_backwards_loses_no_exchange() {
    let mut fixture = Fixture::with(r#"{"summary_every":"10s"}"#);
    let hour = 3_600 * SECOND;
    for now in
        [START, START + hour, START, START - hour, START + 48 * hour, START + 1, 0, START, u64::MAX / 1_000]
    {
        fixture.proxy.set_clock_us(now);
        fixture.exchange(retried("cart"));
        fixture.vm.tick(fixture.root).unwrap();
    }
    assert_eq!(fixture.fates("cart"), fate_counts(&[("retried", 9)]));
    fixture.proxy.set_clock_us(START);
    fixture.assert_alive();
}

#[test]
fn an_invalid_duration_is_survived() {
    let mut fixture = Fixture::with("{}");
    for duration in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1 << 33)] {
        fixture.exchange(Stream { duration, backend_latency: Some(duration), ..Stream::ok("cart") });
    }
    let negative = (-5_000_000_i64).to_le_bytes();
    fixture.exchange(Stream::ok("cart").with_property("request.duration", Ok(&negative)));
    assert_eq!(fixture.fates("cart").values().sum::<u64>(), 4);
    fixture.assert_alive();
}

#[test]
fn the_heartbeat_log_has_at_most_one_line_a_minute() {
    let mut fixture = Fixture::with("{}");
    fixture.proxy.take_log();
    let mut lines = 0;
    for second in 0..180 {
        fixture.proxy.set_clock_us(START + second * SECOND);
        fixture.exchange(Stream::ok("cart"));
        fixture.vm.tick(fixture.root).unwrap();
        lines += fixture.proxy.take_log().iter().filter(|line| !line.text.starts_with("nearmiss {")).count();
    }
    assert!((1..=4).contains(&lines), "{lines} lines in three minutes");
}
