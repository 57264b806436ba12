//! Cost of merging summaries of many proxies, all of one upstream and one minute: the case that could be worse than linear.

use std::time::Instant;

use nearmiss::merge::Merger;
use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Timestamp};

use super::{Row, Selection, count, interleaved};

const MINUTE: Micros = Micros::from_seconds(60);
/// Number of summaries to merge.
const FLEETS: [u32; 4] = [1_000, 2_500, 5_000, 10_000];
/// Rounds per size.
const ROUNDS: usize = 9;

/// Measures microseconds per summary for growing fleets.
pub fn run(selection: &Selection) {
    if !selection.wants("merge") {
        return;
    }
    let one = summary();
    let mut fleets = FLEETS.map(|fleet| {
        let proxy = |proxy| one.replace("proxy/1/1795423550", &format!("proxy-{proxy}/1/1795423550"));
        (0..fleet).map(proxy).collect::<Vec<_>>()
    });
    let samples = interleaved(ROUNDS, &mut fleets, |lines| {
        let start = Instant::now();
        merge(lines);
        start.elapsed().as_nanos() as f64 / 1_000.0 / lines.len() as f64
    });
    for (fleet, summaries) in FLEETS.iter().zip(&samples) {
        let name = format!("merge/{fleet}");
        let what = format!("reading, merging and writing a summary, summaries: {}", count(*fleet));
        Row::of(&name, &what, "µs", summaries.spread())
            .with_ratio("the smallest fleet", summaries.ratio_to(&samples[0]))
            .print();
    }
}

fn merge(lines: &[String]) {
    let mut merger = Merger::new(MINUTE, None);
    for line in lines {
        assert_eq!(merger.add_line(line), Ok(1));
    }
    merger.finish();
    assert!(merger.poll_record().is_some(), "a summary of the fleet");
}

/// Returns the summary of a busy proxy: eight hosts, durations over two decades.
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
