//! Host failures: each call fails once at each point where the scenario makes it, and memory at each growth. Every
//! record must still pass.

use std::collections::BTreeMap;

use serde_json::Value;
use sim::fluent_bit::{FilterInstance, FilterModule, MEMORY_GROW, RecordOutcome, WasiEnv};

const START: u64 = 1_795_423_550;
/// Emits summaries every ten seconds, and hashes hosts, which shows that the configuration was read.
const CONFIGURATION: &str = r#"{"hosts":"hashed","hosts_key":"of the tests","summary_every":"10s"}"#;
/// WASI's I/O error.
const IO: u32 = 29;
/// Number of failures that never end.
const FOREVER: u64 = u64::MAX;

/// Generates near misses, failures, unreadable lines, invalid JSON, and more and more upstreams.
fn scenario() -> impl Iterator<Item = (u64, String)> {
    (0..900_u64).map(|number| {
        let (ts, upstream) = (START + number / 10, number / 3);
        let record = match number % 20 {
            3 => r#"{"log":"10.0.0.9 - nobody can read this"}"#.to_owned(),
            7 => format!(r#"{{"worker":{number},"load":nan}}"#),
            _ => format!(
                r#"{{"ts":{ts}.{},"upstream":"shop-{upstream}","host":"10.0.0.{}:80","route":"r{}","status":{},"duration_ms":{},"attempts":{}}}"#,
                number % 10,
                number % 7,
                number % 5,
                if number % 97 == 5 { 503 } else { 200 },
                10 + number * 7919 % 90,
                1 + u64::from(number % 4 == 1),
            ),
        };
        (ts * 1_000_000, record)
    })
}

fn wasi_env() -> WasiEnv {
    let mut wasi_env = WasiEnv::with_file("nearmiss.json", CONFIGURATION.as_bytes());
    wasi_env.folders.insert(0, BTreeMap::new());
    (wasi_env.random, wasi_env.clock_ns) = (7, START * 1_000_000_000);
    wasi_env
}

/// Filters all records. Each must come back as one object that begins with the original, if that was JSON.
fn filter_all(filter: &mut FilterInstance, what: &str) -> Vec<String> {
    let pass = |(at, record): (u64, String)| {
        let RecordOutcome::Kept(kept) = filter.record_at(at, &record) else {
            panic!("{what}: {record} is lost")
        };
        let head = record.strip_suffix('}').expect("an object");
        assert!(kept.starts_with(head) || head.contains("nan"), "{what}: {record} became {kept}");
        kept
    };
    scenario().map(pass).collect()
}

/// Returns exchanges by fate, from summaries that are attached to replies or still queued.
fn reported(replies: &[String], queued: &[String]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let mut add = |summary: &Value| {
        for (fate, count) in summary["fates"].as_object().into_iter().flatten() {
            *counts.entry(fate.clone()).or_default() += count.as_u64().expect("a count");
        }
    };
    for reply in replies {
        let reply: Value = serde_json::from_str(reply).expect("JSON");
        reply["near_miss_summaries"].as_array().into_iter().flatten().for_each(&mut add);
    }
    queued.iter().map(|line| serde_json::from_str(line).expect("JSON")).for_each(|line: Value| add(&line));
    counts
}

/// Returns the verdict of each reply, if there is one.
fn verdicts(replies: &[String]) -> Vec<Option<Value>> {
    let verdict =
        |reply: &String| serde_json::from_str::<Value>(reply).expect("JSON").get("near_miss").cloned();
    replies.iter().map(verdict).collect()
}

fn notes(replies: &[String]) -> usize {
    replies.iter().filter(|reply| reply.contains("the configuration is invalid")).count()
}

#[test]
fn failures_outside_the_configuration_change_no_verdict() {
    let mut healthy = FilterModule::shipped().start_with(wasi_env());
    let expected = verdicts(&filter_all(&mut healthy, "no failure"));
    assert!(expected.iter().flatten().any(|verdict| verdict["fate"] == "retried"));
    for call in ["clock_time_get", "fd_close", "fd_write", "random_get"] {
        let times = healthy.wasi().calls()[call];
        for (nth, times) in (1..=times).map(|nth| (nth, 1)).chain([(1, FOREVER)]) {
            let what = format!("{call} {nth}, {times} times");
            let replies = filter_all(
                &mut FilterModule::shipped().start_with(wasi_env().failing(call, nth, times, IO)),
                &what,
            );
            assert!(verdicts(&replies) == expected && notes(&replies) == 0, "{what}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_noted_in_every_record() {
    let calls = FilterModule::shipped().start_with(wasi_env()).wasi().calls().clone();
    for call in ["fd_prestat_get", "path_open", "fd_read"] {
        assert!(calls[call] >= 2, "{calls:?}");
        for nth in 1..=calls[call] {
            let what = format!("{call} {nth}");
            let mut filter = FilterModule::shipped().start_with(wasi_env().failing(call, nth, 1, IO));
            assert!(filter.take_stderr().contains("WASI error 29"), "{what} is logged at start");
            let replies = filter_all(&mut filter, &what);
            assert_eq!(notes(&replies), replies.len(), "{what}");
        }
    }
}

#[test]
fn a_record_lost_for_lack_of_memory_loses_no_other() {
    let run = |lost: Option<usize>| {
        let mut filter = FilterModule::shipped().start_with(wasi_env());
        let pass = |(number, (at, record)): (usize, (u64, String))| {
            let size = record.len() as u32;
            if lost == Some(number) { filter.null_record(size) } else { filter.record_at(at, record) }.kept()
        };
        let replies: Vec<_> = scenario().enumerate().map(pass).collect();
        reported(&replies, &filter.finish()).values().sum::<u64>()
    };
    let expected = run(None);
    assert!(expected > 700, "{expected} exchanges are reported");
    for lost in (0..900).step_by(37) {
        assert!(expected - run(Some(lost)) <= 1, "record {lost}");
    }
}

#[test]
fn a_memory_growth_that_fails_once_costs_at_most_one_verdict() {
    let mut healthy = FilterModule::shipped().start_with(wasi_env());
    let first = growths(&mut healthy) + 1;
    let expected = reported(&filter_all(&mut healthy, "no failure"), &healthy.finish());
    let last = growths(&mut healthy);
    assert!(last > first + 10, "memory grew only {} times", last - first);
    for nth in first..=last {
        let what = format!("growth {nth}");
        let mut filter = FilterModule::shipped().start_with(wasi_env().failing(MEMORY_GROW, nth, 1, 0));
        let reported = reported(&filter_all(&mut filter, &what), &filter.finish());
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        assert!(sum(&expected) - sum(&reported) <= 1, "{what}: {expected:?} became {reported:?}");
    }
}

#[test]
fn without_further_memory_every_record_passes_unchanged() {
    let mut healthy = FilterModule::shipped().start_with(wasi_env());
    let first = growths(&mut healthy) + 1;
    filter_all(&mut healthy, "no failure");
    for nth in first..=growths(&mut healthy) {
        let mut filter = FilterModule::shipped().start_with(wasi_env().failing(MEMORY_GROW, nth, FOREVER, 0));
        filter_all(&mut filter, &format!("growth {nth} and later"));
        let logged = filter.take_stderr();
        assert!(logged.contains("out of memory"), "growth {nth}: {logged}");
    }
}

fn growths(filter: &mut FilterInstance) -> u64 {
    filter.wasi().calls().get(MEMORY_GROW).copied().unwrap_or_default()
}

#[test]
fn every_exchange_is_reported_when_the_clock_stands_still_jumps_or_goes_back() {
    const HOUR: u64 = 3_600;
    let clocks: [fn(u64) -> u64; 5] = [
        |_| START,
        |number| START + number * HOUR,
        |number| START - number * HOUR,
        |number| START + number % 2 * HOUR,
        |number| if number < 100 { START } else { 4_000_000_000 },
    ];
    for (which, clock) in clocks.into_iter().enumerate() {
        let mut filter = FilterModule::shipped().start_with(wasi_env());
        let replies: Vec<_> = (0..200)
            .map(|number| {
                let seconds = clock(number);
                let line = format!(r#"{{"ts":{seconds},"upstream":"cart","status":200,"duration_ms":9}}"#);
                filter.record_at(seconds * 1_000_000, line).kept()
            })
            .collect();
        let reported = reported(&replies, &filter.finish()).values().sum::<u64>();
        assert_eq!(reported, 200, "clock {which}");
    }
}
