//! A clock that stands still, jumps and goes backwards.

use std::time::Duration;

use host_tests::sim::proxy_wasm::Stream;

use crate::stage::{Stage, counts, retried};

const SECOND: u64 = 1_000_000;
const START: u64 = 1_795_423_550 * SECOND;

#[test]
fn on_a_clock_that_stands_still_everything_is_counted() {
    let mut stage = Stage::with("{}");
    stage.proxy.set_clock_us(START);
    for _ in 0..100 {
        stage.pass(Stream::ok("cart"));
        stage.vm.tick(stage.root).unwrap();
    }
    assert_eq!(stage.fates("cart"), counts(&[("clean", 100)]));
}

#[test]
fn a_clock_that_jumps_or_goes_backwards_loses_no_exchange() {
    let mut stage = Stage::with(r#"{"summary_every":"10s"}"#);
    let hour = 3_600 * SECOND;
    for now in
        [START, START + hour, START, START - hour, START + 48 * hour, START + 1, 0, START, u64::MAX / 1_000]
    {
        stage.proxy.set_clock_us(now);
        stage.pass(retried("cart"));
        stage.vm.tick(stage.root).unwrap();
    }
    assert_eq!(stage.fates("cart"), counts(&[("retried", 9)]));
    stage.proxy.set_clock_us(START);
    stage.assert_alive();
}

#[test]
fn a_duration_that_makes_no_sense_is_survived() {
    let mut stage = Stage::with("{}");
    for duration in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1 << 33)] {
        stage.pass(Stream { duration, backend_latency: Some(duration), ..Stream::ok("cart") });
    }
    let negative = (-5_000_000_i64).to_le_bytes();
    stage.pass(Stream::ok("cart").with_answer("request.duration", Ok(&negative)));
    assert_eq!(stage.fates("cart").values().sum::<u64>(), 4);
    stage.assert_alive();
}

#[test]
fn one_line_a_minute_at_most_says_that_the_filter_lives() {
    let mut stage = Stage::with("{}");
    stage.proxy.take_log();
    let mut lines = 0;
    for second in 0..180 {
        stage.proxy.set_clock_us(START + second * SECOND);
        stage.pass(Stream::ok("cart"));
        stage.vm.tick(stage.root).unwrap();
        lines += stage.proxy.take_log().iter().filter(|line| !line.text.starts_with("nearmiss {")).count();
    }
    assert!((1..=4).contains(&lines), "{lines} lines in three minutes");
}
