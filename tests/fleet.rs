//! Merging the summaries of two hundred proxies, which arrive out of order, some twice and some late.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use nearmiss::merge::Merger;
use nearmiss::{Config, Exchange, Fate, Feed, Head, Micros, Monitor, Timestamp};
use std::collections::BTreeMap;

const PROXIES: u64 = 200;
/// Exchanges per proxy over five minutes.
const EXCHANGES: u64 = 1_000;
const UPSTREAMS: [&str; 3] = ["cart", "ledger", "search"];
const MINUTE: Micros = Micros::from_seconds(60);

/// The exact counts of one upstream over the whole fleet.
#[derive(Debug, Default)]
struct ExactCounts {
    fates: [u64; Fate::COUNT],
    attempts: u64,
    durations: Vec<u64>,
}

/// Runs the fleet; returns every summary, and the exact counts.
fn fleet() -> (Vec<String>, BTreeMap<&'static str, ExactCounts>) {
    let (mut random, mut sent, mut truth) = (Random(7), Vec::new(), BTreeMap::<_, ExactCounts>::new());
    for proxy in 0..PROXIES {
        let config = Config::parse(r#"{"reorder":"0s"}"#).unwrap();
        let mut monitor = Monitor::new(config, Feed::Live, &format!("proxy-{proxy}/1/1795423550"));
        // Every proxy has its own latency and its own clock skew.
        let (base_ms, skew) = (random.below(40) + 5, random.below(10_000_000));
        for n in 0..EXCHANGES {
            let upstream = UPSTREAMS[random.below(3) as usize];
            let exponent = random.below(4_000) + random.below(4_000);
            let micros = base_ms * 1_000 * (1 << (exponent / 1_000)) + random.below(1_000);
            let attempts = 1 + u32::from(random.below(50) == 0) + u32::from(random.below(200) == 0);
            let ts = Timestamp::from_micros(1_795_423_550_000_000 + skew + n * 300_000_000 / EXCHANGES);
            let observed = monitor.observe(&Exchange {
                ts,
                upstream,
                status: if random.below(300) == 0 { 503 } else { 200 },
                duration: Micros::new(micros),
                attempts: Some(attempts),
                ..Exchange::default()
            });
            let truth = truth.entry(upstream).or_default();
            truth.fates[observed.verdict.fate as usize] += 1;
            truth.attempts += u64::from(attempts);
            truth.durations.push(micros);
            drain(&mut monitor, &mut sent);
        }
        monitor.finish();
        drain(&mut monitor, &mut sent);
    }
    truth.values_mut().for_each(|truth| truth.durations.sort_unstable());
    (sent, truth)
}

fn drain(monitor: &mut Monitor, sent: &mut Vec<String>) {
    while let Some(record) = monitor.poll_record() {
        if matches!(record.head, Head::Summary { .. }) {
            sent.push(record.json.to_owned());
        }
    }
}

/// Shuffles the summaries, a tenth of them repeated and a tenth after all others.
fn shuffled(sent: &[String], seed: u64) -> Vec<&str> {
    let mut random = Random(seed);
    let (mut timely, mut late) = (Vec::new(), Vec::new());
    for summary in sent {
        let queue = if random.below(10) == 0 { &mut late } else { &mut timely };
        queue.push(summary.as_str());
        if random.below(10) == 0 {
            let queue = if random.below(2) == 0 { &mut late } else { &mut timely };
            queue.push(summary);
        }
    }
    for queue in [&mut timely, &mut late] {
        (1..queue.len()).for_each(|index| queue.swap(index, random.below(index as u64 + 1) as usize));
    }
    [timely, late].concat()
}

/// Merges lines and returns the records.
fn merge(wait: Option<Micros>, lines: &[&str]) -> (Vec<String>, Merger) {
    let (mut merger, mut records) = (Merger::new(MINUTE, wait), Vec::new());
    let mut poll = |merger: &mut Merger| {
        while let Some(record) = merger.poll_record() {
            records.push(record.json.to_owned());
        }
    };
    for line in lines {
        merger.add_line(line).unwrap();
        poll(&mut merger);
    }
    merger.finish();
    poll(&mut merger);
    (records, merger)
}

fn check(merger: &Merger, truth: &BTreeMap<&'static str, ExactCounts>) {
    let mut known = 0;
    for (name, counts, sources) in merger.totals() {
        let truth = &truth[name];
        assert_eq!(counts.totals.fates, truth.fates, "{name}");
        assert_eq!(counts.totals.attempts, truth.attempts, "{name}");
        assert_eq!(sources as u64, PROXIES);
        for per_mille in [500, 900, 990, 999] {
            let rank = (truth.durations.len() * per_mille).div_ceil(1_000);
            let exact = truth.durations[rank - 1] as f64;
            let reported = counts.latency.quantile(per_mille as u64).expect("durations").get() as f64;
            assert!(
                (reported / exact - 1.0).abs() < 0.05,
                "{name} p{per_mille}: {reported} instead of {exact}"
            );
        }
        known += 1;
    }
    assert_eq!(known, UPSTREAMS.len());
}

#[test]
fn merged_counters_are_exact_and_quantiles_within_five_percent() {
    let (sent, truth) = fleet();
    assert!(sent.len() >= 200 * 3 * 5, "{} summaries", sent.len());
    let in_order: Vec<&str> = sent.iter().map(String::as_str).collect();
    let (expected, merger) = merge(None, &in_order);
    check(&merger, &truth);
    for seed in 1..=3 {
        let lines = shuffled(&sent, seed);
        let (records, merger) = merge(None, &lines);
        assert_eq!(records, expected, "byte for byte, in any order");
        assert_eq!(merger.stats().repeated as usize, lines.len() - sent.len());
        // Like an aggregator: an interval is emitted after a minute, and late summaries in a further record.
        let (pieces, merger) = merge(Some(MINUTE), &lines);
        check(&merger, &truth);
        assert!(pieces.len() > expected.len(), "late summaries are emitted in further records");
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        assert_eq!(merge(None, &pieces).0, expected, "the pieces merge to the same records");
    }
}

/// A deterministic pseudo-random generator (Knuth's MMIX generator, the upper bits).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
