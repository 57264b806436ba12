//! What merging costs: summaries of as many proxies, all of one upstream and one minute, the case that could be worse than
//! linear.

use nearmiss::merge::Merger;
use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Timestamp};
use std::time::Instant;

const MINUTE: Micros = Micros::from_seconds(60);
/// How often each size is merged; the median counts.
const ROUNDS: usize = 9;

/// Prints microseconds a summary, for growing fleets.
pub(crate) fn print() {
    let one = summary();
    for fleet in [1_000, 2_500, 5_000, 10_000] {
        let lines: Vec<String> = (0..fleet)
            .map(|proxy| one.replace("proxy/1/1795423550", &format!("proxy-{proxy}/1/1795423550")))
            .collect();
        let mut runs: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                merge(&lines);
                start.elapsed().as_nanos() as f64 / 1_000.0 / f64::from(fleet)
            })
            .collect();
        runs.sort_by(f64::total_cmp);
        println!(
            "µs per merged summary of {} bytes, {fleet} proxies: median {:.1}, {:.1} to {:.1}",
            one.len(),
            runs[ROUNDS / 2],
            runs[0],
            runs[ROUNDS - 1]
        );
    }
}

fn merge(lines: &[String]) {
    let mut merger = Merger::new(MINUTE, None);
    for line in lines {
        assert_eq!(merger.take(line), Ok(1));
    }
    merger.finish();
    assert!(merger.poll_record().is_some(), "a summary of the fleet");
}

/// The summary of a busy proxy: eight hosts, durations over two decades.
fn summary() -> String {
    let mut monitor = Monitor::new(Config::default(), Feed::Live, "proxy/1/1795423550");
    let hosts: Vec<String> = (0..8).map(|host| format!("10.0.0.{host}:8080")).collect();
    for n in 0..10_000u64 {
        monitor.observe(&Exchange {
            ts: Timestamp::from_micros(1_795_423_550_000_000 + n * 500),
            upstream: "cart",
            host: hosts.get((n % 8) as usize).map(String::as_str),
            status: 200,
            duration: Micros::new(5_000 + 1_000_000 / (n % 1_000 + 1)),
            attempts: Some(1 + u32::from(n % 100 == 0)),
            ..Exchange::default()
        });
    }
    monitor.finish();
    let mut last = String::new();
    while let Some(record) = monitor.poll_record() {
        last.replace_range(.., record.json);
    }
    last
}
