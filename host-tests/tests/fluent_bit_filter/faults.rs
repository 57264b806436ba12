//! Each call of the host is refused at each place where a story makes it, and memory at each growth: every record passes.

use std::collections::BTreeMap;

use crate::stage::PROGRAM;
use host_tests::sim::fluent_bit::{GROW, Instance, Outcome, World};
use serde_json::Value;

const START: u64 = 1_795_423_550;
/// Small enough that clean exchanges of a minute open with a summary, and that hosts show whether it was read.
const CONFIGURATION: &str = r#"{"hosts":"hashed","summary_every":"10s"}"#;
/// An error of input or output.
const IO: u32 = 29;
/// From one refusal on, for good.
const FOREVER: u64 = u64::MAX;

/// Near misses, failures, lines that cannot be read, what is no JSON, and ever more upstreams.
fn story() -> impl Iterator<Item = (u64, String)> {
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

fn world() -> World {
    let mut world = World::with_file("nearmiss.json", CONFIGURATION.as_bytes());
    world.folders.insert(0, BTreeMap::new());
    (world.random, world.clock_ns) = (7, START * 1_000_000_000);
    world
}

/// Every record has come back as one object, which begins with what it was, if that was JSON.
fn hand_over(filter: &mut Instance, what: &str) -> Vec<String> {
    let pass = |(at, record): (u64, String)| {
        let Outcome::Kept(kept) = filter.record_at(at, &record) else { panic!("{what}: {record} is lost") };
        let head = record.strip_suffix('}').expect("an object");
        assert!(kept.starts_with(head) || head.contains("nan"), "{what}: {record} became {kept}");
        kept
    };
    story().map(pass).collect()
}

/// How many exchanges were told, by fate: in summaries that rode along or still wait.
fn told(replies: &[String], waiting: &[String]) -> BTreeMap<String, u64> {
    let mut told = BTreeMap::new();
    let mut add = |summary: &Value| {
        for (fate, count) in summary["fates"].as_object().into_iter().flatten() {
            *told.entry(fate.clone()).or_default() += count.as_u64().expect("a count");
        }
    };
    for reply in replies {
        let reply: Value = serde_json::from_str(reply).expect("JSON");
        reply["near_miss_summaries"].as_array().into_iter().flatten().for_each(&mut add);
    }
    waiting.iter().map(|line| serde_json::from_str(line).expect("JSON")).for_each(|line: Value| add(&line));
    told
}

/// The verdict in each reply, if there is one.
fn verdicts(replies: &[String]) -> Vec<Option<Value>> {
    let verdict =
        |reply: &String| serde_json::from_str::<Value>(reply).expect("JSON").get("near_miss").cloned();
    replies.iter().map(verdict).collect()
}

fn notes(replies: &[String]) -> usize {
    replies.iter().filter(|reply| reply.contains("the configuration is broken")).count()
}

#[test]
fn what_the_host_refuses_beside_the_configuration_changes_no_verdict() {
    let mut well = PROGRAM.start_in(world());
    let expected = verdicts(&hand_over(&mut well, "nothing is refused"));
    assert!(expected.iter().flatten().any(|verdict| verdict["fate"] == "retried"));
    for call in ["clock_time_get", "fd_close", "fd_write", "random_get"] {
        let times = well.world().calls()[call];
        for (nth, times) in (1..=times).map(|nth| (nth, 1)).chain([(1, FOREVER)]) {
            let what = format!("{call} {nth}, {times} times");
            let replies = hand_over(&mut PROGRAM.start_in(world().refusing(call, nth, times, IO)), &what);
            assert!(verdicts(&replies) == expected && notes(&replies) == 0, "{what}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_had_is_told_in_every_record() {
    let calls = PROGRAM.start_in(world()).world().calls().clone();
    for call in ["fd_prestat_get", "path_open", "fd_read"] {
        assert!(calls[call] >= 2, "{calls:?}");
        for nth in 1..=calls[call] {
            let what = format!("{call} {nth}");
            let mut filter = PROGRAM.start_in(world().refusing(call, nth, 1, IO));
            assert!(filter.take_said().contains("WASI error 29"), "{what} is said when the filter starts");
            let replies = hand_over(&mut filter, &what);
            assert_eq!(notes(&replies), replies.len(), "{what}");
        }
    }
}

#[test]
fn a_record_for_which_there_was_no_room_costs_no_other() {
    let play = |lost: Option<usize>| {
        let mut filter = PROGRAM.start_in(world());
        let pass = |(number, (at, record)): (usize, (u64, String))| {
            let size = record.len() as u32;
            if lost == Some(number) { filter.missing(size) } else { filter.record_at(at, record) }.kept()
        };
        let replies: Vec<_> = story().enumerate().map(pass).collect();
        told(&replies, &filter.finish()).values().sum::<u64>()
    };
    let expected = play(None);
    assert!(expected > 700, "{expected} exchanges are told");
    for lost in (0..900).step_by(37) {
        assert!(expected - play(Some(lost)) <= 1, "record {lost}");
    }
}

#[test]
fn a_growth_of_memory_that_is_refused_once_costs_no_more_than_one_verdict() {
    let mut well = PROGRAM.start_in(world());
    let first = growths(&mut well) + 1;
    let expected = told(&hand_over(&mut well, "nothing is refused"), &well.finish());
    let last = growths(&mut well);
    assert!(last > first + 10, "the story makes memory grow {} times", last - first);
    for nth in first..=last {
        let what = format!("growth {nth}");
        let mut filter = PROGRAM.start_in(world().refusing(GROW, nth, 1, 0));
        let told = told(&hand_over(&mut filter, &what), &filter.finish());
        let sum = |told: &BTreeMap<String, u64>| told.values().sum::<u64>();
        assert!(sum(&expected) - sum(&told) <= 1, "{what}: {expected:?} became {told:?}");
    }
}

#[test]
fn memory_that_cannot_be_had_any_more_leaves_every_record_as_it_came() {
    let mut well = PROGRAM.start_in(world());
    let first = growths(&mut well) + 1;
    hand_over(&mut well, "nothing is refused");
    for nth in first..=growths(&mut well) {
        let mut filter = PROGRAM.start_in(world().refusing(GROW, nth, FOREVER, 0));
        hand_over(&mut filter, &format!("growth {nth} and later"));
        let said = filter.take_said();
        assert!(said.contains("no memory"), "growth {nth}: {said}");
    }
}

fn growths(filter: &mut Instance) -> u64 {
    filter.world().calls().get(GROW).copied().unwrap_or_default()
}

#[test]
fn the_clock_stands_still_jumps_and_goes_back_and_every_exchange_is_told() {
    const HOUR: u64 = 3_600;
    let clocks: [fn(u64) -> u64; 5] = [
        |_| START,
        |number| START + number * HOUR,
        |number| START - number * HOUR,
        |number| START + number % 2 * HOUR,
        |number| if number < 100 { START } else { 4_000_000_000 },
    ];
    for (which, clock) in clocks.into_iter().enumerate() {
        let mut filter = PROGRAM.start_in(world());
        let replies: Vec<_> = (0..200)
            .map(|number| {
                let seconds = clock(number);
                let line = format!(r#"{{"ts":{seconds},"upstream":"cart","status":200,"duration_ms":9}}"#);
                filter.record_at(seconds * 1_000_000, line).kept()
            })
            .collect();
        let told = told(&replies, &filter.finish()).values().sum::<u64>();
        assert_eq!(told, 200, "clock {which}");
    }
}
