use super::bucket::{Bucket, BucketCounts};
use super::evidence::{Cause, Evidence};
use super::excursion::Excursion;
use super::hosts::OutlierHost;
use super::periodicity::Periodicity;
use super::residual::BINS;
use super::{Detector, OpenEpisode, Pattern};
use crate::config::Config;
use crate::exchange::{Attempt, Exchange};
use crate::monitor::Monitor;
use crate::timeline::Feed;
use crate::units::{Micros, Timestamp};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use proptest::prelude::*;
use serde_json::Value;

/// A Monday, 0:00.
const T0: u64 = 1_795_392_000;
const HOUR: u64 = 3_600;

/// Pseudo-random numbers, the same in every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Returns a number from 0 to 1.
    fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Returns a nearly normal number: mean 0, sigma 1.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.share()).sum::<f32>() - 6.0
    }
}

/// Behaviour of an upstream in one second.
#[derive(Clone, Copy)]
struct Traffic {
    per_second: f32,
    /// Typical duration in milliseconds.
    typical: f32,
    /// Factor by which host 0 is slower.
    host_0: f32,
    /// Share of attempts that fail.
    errors: f32,
    /// Additional share on host 0.
    errors_0: f32,
    /// Share of exchanges on a route that takes fourteen times as long.
    slow_route: f32,
    /// Share of exchanges with a client error.
    not_found: f32,
}

const QUIET: Traffic = Traffic {
    per_second: 6.0,
    typical: 40.0,
    host_0: 1.0,
    errors: 0.001,
    errors_0: 0.0,
    slow_route: 0.01,
    not_found: 0.005,
};

/// One exchange, owned.
#[derive(Clone, Debug)]
struct Line {
    ts: u64,
    upstream: usize,
    route: &'static str,
    status: u16,
    took: u64,
    log: Vec<(usize, bool, u64)>,
}

const UPSTREAMS: [&str; 4] = ["cart", "orders", "users", "ledger"];
const HOSTS: [&str; 14] = [
    "10.0.0.1:80",
    "10.0.0.2:80",
    "10.0.0.3:80",
    "10.0.0.4:80",
    "10.0.0.5:80",
    "10.0.0.6:80",
    "10.0.0.7:80",
    "10.0.0.8:80",
    "10.0.0.9:80",
    "10.0.0.10:80",
    "10.0.0.11:80",
    "10.0.0.12:80",
    "10.0.0.13:80",
    "10.0.0.14:80",
];
/// Hosts of an upstream, unless a test has more.
const SIBLINGS: usize = 5;

/// Returns the lines of `seconds` of traffic, in order of time; `at` gives the behaviour of an upstream in each second.
fn lines(seconds: u64, upstreams: usize, at: impl Fn(u64, usize) -> Traffic) -> Vec<Line> {
    let mut chance = Chance(7);
    let mut lines = Vec::new();
    for second in 0..seconds {
        for upstream in 0..upstreams {
            let t = at(second, upstream);
            let mut due = t.per_second + chance.share();
            while due >= 1.0 {
                due -= 1.0;
                let is_slow = chance.share() < t.slow_route;
                let mut log = Vec::new();
                for _ in 0..3 {
                    let host = (chance.next() % SIBLINGS as u64) as usize;
                    let factor = if host == 0 { t.host_0 } else { 1.0 } * if is_slow { 14.0 } else { 1.0 };
                    let took = t.typical * factor * libm::expf(0.4 * chance.normal());
                    let errors = t.errors + if host == 0 { t.errors_0 } else { 0.0 };
                    let failed = chance.share() < errors;
                    log.push((host, failed, (took * 1_000.0) as u64));
                    if !failed {
                        break;
                    }
                }
                let failed = log.last().is_some_and(|(_, failed, _)| *failed);
                let status = if failed {
                    502
                } else if chance.share() < t.not_found {
                    404
                } else {
                    200
                };
                lines.push(Line {
                    ts: (T0 + second) * 1_000_000 + chance.next() % 1_000_000,
                    upstream,
                    route: if is_slow { "/report" } else { "/item" },
                    status,
                    took: log.iter().map(|(_, _, took)| took).sum(),
                    log,
                });
            }
        }
    }
    lines.sort_by_key(|line| line.ts);
    lines
}

fn observe(monitor: &mut Monitor, line: &Line) {
    let attempts: Vec<Attempt<'_>> = line
        .log
        .iter()
        .map(|(host, failed, took)| Attempt {
            host: Some(HOSTS[*host]),
            status: Some(if *failed { 502 } else { 200 }),
            duration: Some(Micros::new(*took)),
            ..Attempt::default()
        })
        .collect();
    monitor.observe(&Exchange {
        ts: Timestamp::from_micros(line.ts),
        upstream: UPSTREAMS[line.upstream],
        host: attempts.last().and_then(|attempt| attempt.host),
        route: Some(line.route),
        status: line.status,
        duration: Micros::new(line.took),
        attempts: Some(attempts.len() as u32),
        timeout: Some(Micros::from_seconds(2)),
        attempt_log: if attempts.len() > 1 { &attempts } else { &[] },
        ..Exchange::default()
    });
}

fn drain(monitor: &mut Monitor, kind: &str, out: &mut Vec<String>) {
    while let Some(record) = monitor.poll_record() {
        if record.json.contains(&format!(r#""type":"{kind}""#)) {
            out.push(record.json.to_string());
        }
    }
}

/// Returns the records of one type for these lines.
fn records(lines: &[Line], kind: &str, config: &str) -> Vec<String> {
    let mut monitor = Monitor::new(Config::parse(config).unwrap(), Feed::Log, "test");
    let mut out = Vec::new();
    for line in lines {
        observe(&mut monitor, line);
        drain(&mut monitor, kind, &mut out);
    }
    monitor.finish();
    drain(&mut monitor, kind, &mut out);
    out
}

fn episodes(lines: &[Line]) -> Vec<Value> {
    records(lines, "episode", "{}").iter().map(|json| serde_json::from_str(json).unwrap()).collect()
}

fn time(second: u64) -> String {
    let mut out = String::new();
    crate::json::write::push_time(&mut out, Timestamp::from_seconds(T0 + second));
    out
}

#[test]
fn one_bad_route_is_named_although_the_upstream_as_a_whole_looks_healthy() {
    let mut all = lines(8_000, 1, |_, _| QUIET);
    let mut chance = Chance(11);
    for line in &mut all {
        let second = line.ts / 1_000_000 - T0;
        // A third of the exchanges are checkouts; for ten minutes every fifth of those needs a second attempt.
        if line.route == "/item" && chance.share() < 0.33 {
            line.route = "/checkout";
            if (5_000..5_600).contains(&second) && chance.share() < 0.2 {
                let host = (chance.next() % SIBLINGS as u64) as usize;
                line.log.insert(0, (host, true, 2_000));
            }
        }
    }
    let found = episodes(&all);
    let close = found.iter().find(|record| record["phase"] == "close").expect("an episode");
    assert_eq!(close["pattern"], "concentrated", "{close:#}");
    assert_eq!(close["routes"][0]["route"], "/checkout");
    assert!(close["routes"][0]["share_bp"].as_u64() >= Some(8_500), "{close:#}");
    assert!(close["explain"].as_str().unwrap().ends_with("; look at route /checkout."), "{close:#}");
}

#[test]
fn a_fault_on_all_routes_is_blamed_on_none() {
    let mut all = lines(6_000, 1, |second, _| Traffic {
        errors: if (4_000..4_600).contains(&second) { 0.1 } else { 0.001 },
        ..QUIET
    });
    let mut chance = Chance(12);
    for line in all.iter_mut().filter(|line| line.route == "/item") {
        line.route = ["/item", "/cart", "/checkout"][(chance.next() % 3) as usize];
    }
    for record in episodes(&all) {
        assert_eq!(record.get("routes"), None, "{record:#}");
    }
}

#[test]
fn a_burst_that_retries_hide_opens_once_and_closes_once() {
    let burst =
        |second, _| Traffic { errors: if (4_000..4_030).contains(&second) { 0.25 } else { 0.001 }, ..QUIET };
    let found = episodes(&lines(6_000, 1, burst));
    assert_eq!(found.len(), 2, "{found:#?}");
    let (open, close) = (&found[0], &found[1]);
    assert_eq!((open["phase"].as_str(), close["phase"].as_str()), (Some("open"), Some("close")));
    assert_eq!(open["id"], close["id"]);
    assert_eq!(open["id"], format!("cart-{}", T0 + 4_000));
    assert_eq!(close["pattern"], "burst");
    assert_eq!(close["outcome"], "contained");
    assert_eq!(close["start"], time(4_000));
    assert_eq!(open["detected"], time(4_010), "the end of the bucket that raised the alarm");
    assert_eq!(close["end"], time(4_030), "the end of the last bucket with evidence");
    let near = close["near_misses"].as_u64().unwrap();
    assert!((25..90).contains(&near), "{near}");
    assert!(close["exchanges"].as_u64().unwrap() < 240, "what came after the end is not counted");
    assert!(close["first_try_success_bp"].as_u64() < Some(8_500));
}

#[test]
fn attempts_missing_from_a_log_are_evidence_too() {
    let mut monitor = Monitor::new(Config::default(), Feed::Live, "test");
    let mut opened = Vec::new();
    for i in 0..900 * 8 {
        let is_bad = (600 * 8..660 * 8).contains(&i) && i % 4 == 0;
        let answer = [Attempt {
            host: Some(HOSTS[0]),
            status: Some(200),
            duration: Some(Micros::from_millis(9)),
            ..Attempt::default()
        }];
        monitor.observe(&Exchange {
            ts: Timestamp::from_micros(T0 * 1_000_000 + i * 125_000),
            upstream: "cart",
            host: Some(HOSTS[0]),
            status: 200,
            duration: Micros::from_millis(10),
            attempts: Some(1 + u32::from(is_bad)),
            attempt_log: if is_bad { &answer } else { &[] },
            ..Exchange::default()
        });
        drain(&mut monitor, "episode", &mut opened);
    }
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert!(opened[0].contains("attempts failed more often than before"), "{opened:?}");
}

#[test]
fn nothing_normal_is_an_episode() {
    let changed = HOUR;
    type Modify = fn(Traffic) -> Traffic;
    let cases: [(&str, Modify); 6] = [
        ("traffic doubles", |t| Traffic { per_second: 12.0, ..t }),
        ("traffic all but ends", |t| Traffic { per_second: 0.05, ..t }),
        ("clients ask for what is not there", |t| Traffic { not_found: 0.3, ..t }),
        ("more go to the slow route", |t| Traffic { slow_route: 0.1, ..t }),
        ("a deploy made all a little slower", |t| Traffic { typical: 46.0, ..t }),
        ("nothing at all", |t| t),
    ];
    for (what, change) in cases {
        let traffic = lines(3 * HOUR, 1, |second, _| if second < changed { QUIET } else { change(QUIET) });
        let found = episodes(&traffic);
        assert!(found.is_empty(), "{what}: {found:#?}");
    }
}

#[test]
fn one_request_a_minute_is_an_upstream_too() {
    let rare = lines(24 * HOUR, 1, |second, _| Traffic {
        per_second: if second % 60 == 0 { 0.99 } else { 0.0 },
        ..QUIET
    });
    let found = episodes(&rare);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_persistent_step_is_the_new_baseline_after_half_an_hour() {
    let step = lines(6 * HOUR, 1, |second, _| Traffic {
        typical: if second < 2 * HOUR { 40.0 } else { 90.0 },
        ..QUIET
    });
    let found = episodes(&step);
    assert!(found.len() <= 2, "{found:#?}");
    for close in found.iter().filter(|record| record["phase"] == "close") {
        assert!(close["end"].as_str() < Some(&*time(3 * HOUR)), "{close:#?}");
        assert!(close.get("truncated").is_none());
    }
}

#[test]
fn one_bad_host_is_named() {
    let bad = lines(3 * HOUR, 1, |second, _| Traffic {
        errors_0: if second > 2 * HOUR { 0.3 } else { 0.0 },
        ..QUIET
    });
    let found = episodes(&bad);
    let close = found.last().unwrap();
    assert_eq!(close["pattern"], "concentrated", "{close:#?}");
    assert_eq!(close["hosts"][0]["host"], HOSTS[0]);
    assert!(close["hosts"][0]["share_bp"].as_u64() > Some(7_000));
    assert!(close["explain"].as_str().unwrap().ends_with("look at host 10.0.0.1:80."));
}

#[test]
fn weak_evidence_on_several_upstreams_is_strong_together() {
    let dependency = |second, upstream| {
        let is_hit = upstream < 3 && (2 * HOUR..2 * HOUR + 120).contains(&second);
        // A few attempts fail, too: slowness alone is no harm while it is small.
        Traffic {
            typical: if is_hit { 50.0 } else { 40.0 },
            errors: if is_hit { 0.01 } else { 0.001 },
            ..QUIET
        }
    };
    let found = episodes(&lines(3 * HOUR, 4, dependency));
    let open = found.first().expect("an episode");
    assert_eq!(open["pattern"], "correlated", "{open:#?}");
    assert_eq!(open["related"].as_array().map(Vec::len), Some(2));
    assert!(!open["related"].as_array().unwrap().contains(&"ledger".into()));
}

/// Returns the final pattern of the episode on `cart` if attempts fail on the first three upstreams for these seconds, all
/// from one moment on; on `cart` only those of one host if `one_host`.
fn pattern_of_cart(seconds: [u64; 3], one_host: bool) -> Value {
    let faults = lines(9_600, 3, |second, upstream| {
        let fails = (7_200..7_200 + seconds[upstream]).contains(&second);
        let on_one_host = one_host && upstream == 0;
        Traffic {
            errors: if fails && !on_one_host { 0.2 } else { 0.0005 },
            errors_0: if fails && on_one_host { 0.4 } else { 0.0 },
            ..QUIET
        }
    });
    let found = episodes(&faults);
    let close = found.iter().find(|record| record["phase"] == "close" && record["upstream"] == "cart");
    close.expect("an episode")["pattern"].clone()
}

#[test]
fn faults_with_one_cause_begin_and_end_together() {
    assert_eq!(pattern_of_cart([80, 80, 80], false), "correlated");
    assert_eq!(pattern_of_cart([80, 600, 1_200], false), "burst");
}

#[test]
fn a_bad_host_is_named_although_other_upstreams_fail_at_the_same_time() {
    assert_eq!(pattern_of_cart([600, 600, 600], true), "concentrated");
}

#[test]
fn a_short_period_counts_only_if_it_raised_the_alarm() {
    let interval = |cause, interval| {
        let mut evidence = Evidence::new(BucketCounts::default(), [0; BINS]);
        evidence.periodicity = Some(Periodicity { nats: 12.0, interval, visits: 5 });
        OpenEpisode::new(Excursion { start: 100, ..Excursion::default() }, 100, cause, &evidence).interval()
    };
    assert_eq!(interval(Cause::Errors, 10), None, "a fault that lasts has many peaks");
    assert_eq!(interval(Cause::Periodicity, 10), Some(10));
    assert_eq!(interval(Cause::Errors, 30), Some(30));
}

/// Returns an episode of some buckets in which the first host stands out every minute, with these bad attempts of each host.
fn standing_out(bad_attempts: [u16; 8], cause: Cause, buckets: u32) -> OpenEpisode {
    let counts = BucketCounts { bad_attempts, ..BucketCounts::default() };
    let mut evidence = Evidence::new(counts, [0; BINS]);
    evidence.is_alive = true;
    evidence.outlier = Some(OutlierHost { slot: 0, nats: 9.0, is_rising: true });
    let excursion = Excursion { start: 100, counts: evidence.counts.clone(), ..Excursion::default() };
    let mut open = OpenEpisode::new(excursion, 100, cause, &evidence);
    (101..100 + buckets).for_each(|now| open.add(now, &evidence));
    open
}

#[test]
fn a_host_with_no_more_than_its_share_is_not_blamed() {
    let blamed = |first: u16| standing_out([first, 5, 5, 5, 5, 5, 0, 0], Cause::Errors, 10).host();
    assert_eq!((blamed(6), blamed(8)), (None, Some(0)));
    let of_four = standing_out([27, 24, 24, 22, 1, 1, 1, 0], Cause::Errors, 10);
    assert_eq!(of_four.host(), None, "hosts with a failure or two make the share of the others no larger");
}

#[test]
fn an_alarm_of_a_host_is_concentrated_only_if_the_host_has_more_than_its_share() {
    let pattern = |bad: [u16; 8]| standing_out(bad, Cause::Host, 1).pattern();
    assert_eq!(pattern([27, 24, 24, 22, 1, 1, 1, 0]), Pattern::Burst);
    assert_eq!(pattern([27, 5, 5, 5, 1, 1, 1, 0]), Pattern::Concentrated);
}

#[test]
fn periodic_blips_are_reported_with_their_interval() {
    let periodic = |second, _| {
        let is_blip = second > 2 * HOUR && second % 300 < 3;
        Traffic { errors: if is_blip { 0.2 } else { 0.0005 }, ..QUIET }
    };
    let found = episodes(&lines(4 * HOUR, 1, periodic));
    let recurring = found.iter().rfind(|record| record["pattern"] == "recurring").expect("a periodicity");
    assert_eq!(recurring["interval_s"], 300, "{recurring:#?}");
}

#[test]
fn a_recurring_cause_is_one_episode_with_a_count() {
    // Every fifteen minutes, which is longer than a quiet time that ends other episodes.
    let periodic = |second, _| {
        let is_blip = second > 2 * HOUR && second % 900 < 20;
        Traffic { errors: if is_blip { 0.3 } else { 0.0005 }, ..QUIET }
    };
    let found = episodes(&lines(6 * HOUR, 1, periodic));
    let recurring: Vec<&Value> = found.iter().filter(|record| record["interval_s"] == 900).collect();
    let close = recurring.last().expect("a recurrence");
    assert_eq!(close["phase"], "close", "{close:#}");
    assert!(close["count"].as_u64() >= Some(12), "{close:#}");
    let after = found
        .iter()
        .filter(|record| record["phase"] == "open" && record["start"].as_str() > close["start"].as_str());
    assert_eq!(after.count(), 0, "{found:#?}");
}

#[test]
fn slowness_that_nobody_felt_is_no_episode_and_a_large_one_says_by_how_much() {
    let slower = |factor: f32| {
        lines(2 * HOUR, 1, move |second, _| {
            let is_slow = (4_000..4_300).contains(&second);
            Traffic {
                typical: if is_slow { 40.0 * factor } else { 40.0 },
                errors: 0.0,
                slow_route: 0.0,
                ..QUIET
            }
        })
    };
    assert_eq!(episodes(&slower(1.4)), Vec::<Value>::new());
    let found = episodes(&slower(3.0));
    let shift = found.first().expect("an episode")["shift_bp"].as_u64().unwrap();
    assert!((20_000..40_000).contains(&shift), "{shift}");
}

#[test]
fn the_larger_of_two_simultaneous_shifts_is_the_episode_and_the_smaller_is_related() {
    let both = |second, upstream| {
        let is_slow = (4_000..4_300).contains(&second);
        let factor: f32 = [8.0, 1.6][upstream];
        Traffic { typical: if is_slow { 40.0 * factor } else { 40.0 }, errors: 0.0, slow_route: 0.0, ..QUIET }
    };
    let found = episodes(&lines(2 * HOUR, 2, both));
    assert_eq!(found[0]["upstream"], "cart", "{found:#?}");
    let close =
        found.iter().find(|record| record["phase"] == "close" && record["upstream"] == "cart").unwrap();
    assert_eq!(close["related"], serde_json::json!(["orders"]), "{found:#?}");
}

#[test]
fn the_smaller_of_two_shifts_waits_for_the_larger_one_which_comes_first() {
    let two = |second, upstream| {
        let (per_second, factor) = if upstream == 0 { (6.0, 2.0) } else { (0.6, 4.0) };
        let start = if upstream == 0 { 6_000 } else { 6_010 };
        let factor = if (start..6_300).contains(&second) { factor } else { 1.0 };
        Traffic { per_second, typical: 200.0 * factor, errors: 0.0, slow_route: 0.0, ..QUIET }
    };
    let found = episodes(&lines(2 * HOUR, 2, two));
    let opens: Vec<&Value> = found.iter().filter(|record| record["phase"] == "open").collect();
    let upstreams: Vec<&Value> = opens.iter().map(|open| &open["upstream"]).collect();
    assert_eq!(upstreams, [UPSTREAMS[1], UPSTREAMS[0]], "{opens:#?}");
    assert_eq!(opens[0]["detected"], opens[1]["detected"]);
}

#[test]
fn slowness_at_its_limit_is_sustained_and_not_creeping() {
    let pattern = |late: f32| {
        let mut evidence = Evidence::new(BucketCounts::default(), [0; BINS]);
        evidence.is_alive = true;
        evidence.record(Cause::Tail, 12.0);
        evidence.record(Cause::Late, late);
        let excursion = Excursion { start: 100, ..Excursion::default() };
        let mut open = OpenEpisode::new(excursion, 100, Cause::Tail, &evidence);
        (101..140).for_each(|now| open.add(now, &evidence));
        open.pattern()
    };
    assert_eq!((pattern(0.0), pattern(9.0)), (Pattern::Creeping, Pattern::Sustained));
}

#[test]
fn an_episode_ends_by_the_clock_also_at_a_low_rate() {
    let rare = |second, _| Traffic {
        per_second: if second % 20 == 0 { 0.99 } else { 0.0 },
        typical: if (20_000..20_400).contains(&second) { 400.0 } else { 40.0 },
        slow_route: 0.0,
        ..QUIET
    };
    let found = episodes(&lines(21_300, 1, rare));
    let close = found.iter().find(|record| record["phase"] == "close").expect("an episode");
    assert_eq!(close.get("truncated"), None, "{close:#}");
}

#[test]
fn a_second_slowdown_after_a_pause_is_an_episode_of_its_own() {
    let twice = |second, _| {
        let factor = match second {
            6_000..6_200 => 3.0,
            6_500..6_700 => 8.0,
            _ => 1.0,
        };
        Traffic { typical: 40.0 * factor, errors: 0.0, slow_route: 0.0, ..QUIET }
    };
    let found = episodes(&lines(2 * HOUR, 1, twice));
    let opens: Vec<&Value> = found.iter().filter(|record| record["phase"] == "open").collect();
    assert_eq!(opens.len(), 2, "{found:#?}");
    assert_eq!(opens[1]["start"], time(6_500));
    assert!(opens[1]["shift_bp"].as_u64() > opens[0]["shift_bp"].as_u64(), "{opens:#?}");
}

#[test]
fn another_fault_starts_with_its_own_bucket_and_counts_it() {
    let mut detector = Detector::new(1);
    detector.end_excursion();
    let counts = BucketCounts { exchanges: 60, near_misses: 7, ..BucketCounts::default() };
    detector.restart_excursion(42, &Evidence::new(counts, [1; BINS]));
    let excursion = detector.excursion();
    assert_eq!((excursion.start, excursion.counts.exchanges), (42, 60));
    assert!(excursion.is_harmful(&Evidence::new(BucketCounts::default(), [0; BINS]), Cause::Errors));
}

#[test]
fn a_few_slow_answers_in_one_bucket_are_no_episode_and_a_few_in_two_are() {
    let slow_for = |seconds: u64| {
        let traffic = lines(6_000, 1, move |second, _| Traffic {
            per_second: 0.7,
            typical: if (4_000..4_000 + seconds).contains(&second) { 400.0 } else { 40.0 },
            errors: 0.0,
            slow_route: 0.0,
            ..QUIET
        });
        episodes(&traffic).len()
    };
    assert_eq!((slow_for(10), slow_for(20)), (0, 2));
}

#[test]
fn blips_at_shrinking_intervals_are_neither_recurring_nor_sustained() {
    let blips = [7_200, 7_760, 8_240, 8_640, 8_970, 9_240, 9_440, 9_590];
    let run_up = move |second, _| {
        let is_blip = blips.iter().any(|blip| (*blip..blip + 20).contains(&second));
        Traffic { errors: if is_blip { 0.3 } else { 0.0005 }, ..QUIET }
    };
    let found = episodes(&lines(3 * HOUR, 1, run_up));
    let close = found.iter().find(|record| record["phase"] == "close").expect("an episode");
    assert_eq!(close["pattern"], "burst", "{close:#}");
    assert_eq!((close.get("interval_s"), close.get("count")), (None, None), "{close:#}");
}

#[test]
fn slowness_that_grows_is_creeping_although_it_comes_in_regular_runs() {
    let slow = |nats: f32| {
        let mut evidence = Evidence::new(BucketCounts::default(), [0; BINS]);
        evidence.record(Cause::Tail, nats);
        evidence
    };
    let mut open =
        OpenEpisode::new(Excursion { start: 100, ..Excursion::default() }, 100, Cause::Tail, &slow(8.0));
    for run in 1..8_u32 {
        open.add(100 + 10 * run, &slow(8.0 + run as f32));
    }
    assert_eq!(open.interval(), Some(10));
    assert_eq!(open.pattern(), Pattern::Creeping);
}

#[test]
fn three_late_answers_in_one_bucket_are_no_episode() {
    let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
    let mut found = Vec::new();
    for i in 0..4_000_u64 {
        let is_late = (3_000..3_003).contains(&i);
        monitor.observe(&Exchange {
            ts: Timestamp::from_micros(T0 * 1_000_000 + i * 1_000_000),
            upstream: "cart",
            status: 200,
            duration: Micros::from_millis(if is_late { 800 } else { 40 + i * 7 % 20 }),
            timeout: Some(Micros::from_seconds(1)),
            attempts: Some(1),
            ..Exchange::default()
        });
        drain(&mut monitor, "episode", &mut found);
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn silence_closes_with_the_end_of_the_last_near_miss() {
    let burst = |second, _| Traffic { errors: if second >= 4_000 { 0.3 } else { 0.001 }, ..QUIET };
    let mut traffic = lines(4_040, 1, burst);
    let mut later = traffic[0].clone();
    later.ts = (T0 + 4_040 + 2 * HOUR) * 1_000_000;
    for i in 0..20 {
        traffic.push(Line { ts: later.ts + i * 1_000_000, ..later.clone() });
    }
    let found = episodes(&traffic);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[1]["end"], time(4_040));
    assert!(found[1].get("truncated").is_none());
}

#[test]
fn the_end_of_input_truncates_an_open_episode() {
    let found = episodes(&lines(4_060, 1, |second, _| Traffic {
        errors: if second >= 4_000 { 0.3 } else { 0.001 },
        ..QUIET
    }));
    assert_eq!(found.last().unwrap()["truncated"], true);
}

#[test]
fn an_outage_after_a_run_up_is_escalated_with_its_lead_time() {
    let run_up = |second, _| {
        let errors = match second {
            0..6_000 => 0.001,
            6_000..6_900 => 0.08,
            6_900..7_100 => 0.95,
            _ => 0.001,
        };
        Traffic { errors, ..QUIET }
    };
    let found = episodes(&lines(3 * HOUR, 1, run_up));
    let close = found.iter().find(|record| record["phase"] == "close").unwrap();
    assert_eq!(close["outcome"], "escalated");
    let lead = close["lead_s"].as_u64().unwrap();
    assert!((840..=960).contains(&lead), "{lead}");
}

#[test]
fn summaries_report_burn_rates() {
    let all = records(
        &lines(2 * HOUR, 1, |_, _| Traffic { errors: 0.05, ..QUIET }),
        "summary",
        r#"{"budget":"1%"}"#,
    );
    let last: Value = serde_json::from_str(all.last().unwrap()).unwrap();
    for window in ["5m", "30m", "1h", "6h"] {
        let burn = last["burn_bp"][window].as_u64().unwrap();
        assert!((30_000..70_000).contains(&burn), "five in a hundred of a budget of one: {window} {burn}");
    }
}

#[test]
fn an_unreported_timeout_is_learned_from_its_spike_and_marked() {
    let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
    let mut summaries = Vec::new();
    for second in 0..1_200 {
        let timed_out = second % 40 == 0;
        monitor.observe(&Exchange {
            ts: Timestamp::from_seconds(T0 + second),
            upstream: "cart",
            status: if timed_out { 504 } else { 200 },
            duration: Micros::from_millis(if timed_out { 3_000 + second % 7 } else { 30 + second % 11 }),
            attempts: Some(1),
            ..Exchange::default()
        });
        drain(&mut monitor, "summary", &mut summaries);
    }
    let last: Value = serde_json::from_str(summaries.last().unwrap()).unwrap();
    let learned = last["timeout_ms_learned"].as_f64().unwrap();
    assert!((2_950.0..3_050.0).contains(&learned), "{learned}");
    let reported = records(&lines(1_200, 1, |_, _| Traffic { errors: 0.05, ..QUIET }), "summary", "{}");
    assert!(!reported.last().unwrap().contains("timeout_ms_learned"));
}

/// Returns days of sparse traffic, slower from `slow_from` on.
fn days(count: u64, slow_from: u64) -> Vec<Line> {
    lines(count * 24 * HOUR, 1, |second, _| Traffic {
        per_second: if second % 20 == 0 { 1.0 } else { 0.0 },
        typical: if second / (24 * HOUR) >= slow_from { 60.0 } else { 40.0 },
        ..QUIET
    })
}

#[test]
fn a_new_normal_is_deviant_once_a_day_and_never_on_the_first_day() {
    let found = records(&days(5, 2), "episode", "{}");
    let deviant: Vec<Value> = found
        .iter()
        .map(|json| serde_json::from_str(json).unwrap())
        .filter(|record: &Value| record["pattern"] == "deviant" && record["phase"] == "open")
        .collect();
    assert_eq!(deviant.len(), 2, "the second day ends slow, the third and fourth are: {deviant:#?}");
    assert!(deviant[0]["start"].as_str() >= Some(&*time(24 * HOUR)));
}

#[test]
fn a_configured_reference_is_restored_and_written_to_summaries() {
    let config = r#"{"reference":{"cart":{"since":"2026-11-01","near_miss_bp":20,"typical_ms":20.5}}}"#;
    let summary: Value =
        serde_json::from_str(records(&days(1, 9), "summary", config).last().unwrap()).unwrap();
    assert_eq!(summary["reference"]["since"], "2026-11-01T00:00:00.000Z");
    assert_eq!(summary["reference"]["near_miss_bp"], 20);
    let found = records(&days(3, 9), "episode", config);
    assert!(
        found.iter().any(|json| json.contains(r#""pattern":"deviant""#)),
        "twice as slow as the reference"
    );
}

#[test]
fn an_accepted_reference_has_a_reason_until_it_expires_and_a_new_day_replaces_it() {
    let config = r#"{"reference":{"cart":{"since":"2026-11-01","near_miss_bp":20,"typical_ms":20.5,
        "expires":"2026-11-24T12:00:00.000Z","reason":"a slower disk until it is replaced"}}}"#;
    let summaries: Vec<Value> = records(&days(4, 9), "summary", config)
        .iter()
        .map(|json| serde_json::from_str(json).unwrap())
        .filter(|summary: &Value| summary["reference"].is_object())
        .collect();
    let (first, last) = (&summaries[0]["reference"], &summaries.last().unwrap()["reference"]);
    assert_eq!(first["reason"], "a slower disk until it is replaced");
    assert_eq!(first["expires"], "2026-11-24T12:00:00.000Z");
    assert_eq!((last.get("reason"), last.get("expires")), (None, None), "{last}");
    assert!(last["since"].as_str() > Some("2026-11-23"), "a new reference: {last}");
}

#[test]
fn an_upstream_stays_small() {
    let detector = size_of::<Detector>();
    let bucket = size_of::<Bucket>();
    assert!(detector <= 1_700, "{detector}");
    assert!(bucket <= 400, "{bucket}");
    assert!(size_of::<OpenEpisode>() <= 448, "only while an episode is open: {}", size_of::<OpenEpisode>());
}

/// Host of [`crowded`] that fails.
const BAD: usize = 9;

/// Returns half an hour of two upstreams with nine to fourteen hosts, nine routes and a gap of three minutes; then one host
/// fails.
fn crowded(seed: u64) -> Vec<Line> {
    const ROUTES: [&str; 9] = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"];
    let mut all = lines(1_900, 2, |_, _| Traffic { errors: 0.01, ..QUIET });
    let mut chance = Chance(seed);
    let hosts = BAD as u64 + 1 + chance.next() % (HOSTS.len() - BAD) as u64;
    for line in &mut all {
        line.route = ROUTES[(chance.next() % 9 * (chance.next() % 9) / 8) as usize];
        line.log.iter_mut().for_each(|(host, ..)| *host = (chance.next() % hosts) as usize);
        let is_bad = line.upstream == 1 && line.ts > (T0 + 1_400) * 1_000_000;
        if is_bad && line.log[0].0 == BAD {
            line.log.insert(0, (BAD, true, 2_000));
        }
    }
    all.retain(|line| !(700..880).contains(&(line.ts / 1_000_000 - T0)));
    all
}

/// Returns the lines as they arrive if each may be ten seconds late.
fn shuffled(sorted: &[Line], seed: u64) -> Vec<Line> {
    let mut chance = Chance(seed);
    let late = |line: &Line| (line.ts + chance.next() % 9_900_000, line.clone());
    let mut shuffled: Vec<(u64, Line)> = sorted.iter().map(late).collect();
    shuffled.sort_by_key(|(arrival, _)| *arrival);
    shuffled.into_iter().map(|(_, line)| line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn the_order_of_lines_within_reorder_changes_no_episode(seed in 0..u64::MAX) {
        let burst = |second, upstream| Traffic {
            errors: if upstream == 0 && (1_000..1_040).contains(&second) { 0.3 } else { 0.002 },
            host_0: if upstream == 1 && second > 1_200 { 2.5 } else { 1.0 },
            ..QUIET
        };
        let sorted = lines(2_400, 2, burst);
        let shuffled = shuffled(&sorted, seed);
        prop_assert_eq!(records(&sorted, "episode", "{}"), records(&shuffled, "episode", "{}"));
    }

    #[test]
    fn with_more_hosts_and_routes_than_slots_the_order_within_reorder_changes_no_record(seed in 0..u64::MAX) {
        let sorted = crowded(seed);
        let shuffled = shuffled(&sorted, !seed);
        let episodes = records(&sorted, "episode", "{}");
        prop_assert_eq!(&episodes, &records(&shuffled, "episode", "{}"));
        // The host fails until the end; chance may have opened an episode before.
        let close = episodes.iter().rfind(|json| json.contains(r#""phase":"close""#)).expect("an episode");
        let close: Value = serde_json::from_str(close).unwrap();
        prop_assert_eq!(&close["hosts"][0]["host"], HOSTS[BAD], "{}", close);
        let exchanges = |lines: &[Line]| {
            let mut records = records(lines, "exchange", "{}");
            records.sort_unstable();
            records
        };
        prop_assert_eq!(exchanges(&sorted), exchanges(&shuffled));
    }

    #[test]
    fn no_time_panics(times in prop::collection::vec(any::<u64>(), 1..60), jump in any::<u64>()) {
        let mut monitor = Monitor::new(Config::default(), Feed::Live, "test");
        for ts in times.into_iter().chain((0..12).map(|i| jump.saturating_add(i * 9_000_000))) {
            monitor.observe(&Exchange {
                ts: Timestamp::from_micros(ts),
                upstream: "cart",
                status: 502,
                duration: Micros::new(ts),
                ..Exchange::default()
            });
            monitor.wake(Timestamp::from_micros(ts));
        }
        monitor.finish();
        while monitor.poll_record().is_some() {}
    }

    #[test]
    fn no_exchange_panics(raw in prop::collection::vec(
        (0..20_000_u64, 0..4_usize, 0..700_u16, any::<u64>(), 0..5_usize, 0..12_u32), 1..400)
    ) {
        let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
        for (i, (ts, upstream, status, took, tries, attempts)) in raw.into_iter().enumerate() {
            let log = vec![Attempt { host: Some(HOSTS[tries]), status: None, duration: Some(Micros::new(took)), ..Attempt::default() }; tries];
            monitor.observe(&Exchange {
                ts: Timestamp::from_seconds(T0 + ts + 37 * i as u64),
                upstream: UPSTREAMS[upstream],
                status,
                duration: Micros::new(took),
                attempts: Some(attempts),
                timeout: Some(Micros::new(took / 2)),
                attempt_log: &log,
                ..Exchange::default()
            });
        }
        monitor.finish();
        while monitor.poll_record().is_some() {}
    }
}
