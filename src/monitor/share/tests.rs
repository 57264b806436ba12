use super::*;
use crate::config::Config;
use crate::exchange::{Attempt, Exchange};
use crate::hash;
use crate::timeline::{Feed, end_of};
use crate::units::Micros;
use crate::units::Timestamp;
use crate::verdict::Fate;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use proptest::prelude::*;
use serde_json::Value;

/// A multiple of a minute.
const T0: u64 = 1_795_423_560;

/// Some workers, and the one that reports for them.
struct Fleet {
    workers: Vec<Monitor>,
    reporter: Monitor,
    fates: [u64; Fate::COUNT],
    records: Vec<Value>,
    /// Steps of each call of the reporter.
    steps: fn() -> Steps,
}

impl Fleet {
    fn of(workers: usize) -> Self {
        let monitor = || Monitor::new(Config::default(), Feed::Live, "test");
        let mut reporter = monitor();
        reporter.become_reporter();
        let worker = || {
            let mut worker = monitor();
            worker.become_worker();
            worker
        };
        Self {
            workers: (0..workers).map(|_| worker()).collect(),
            reporter,
            fates: [0; Fate::COUNT],
            records: Vec::new(),
            steps: Steps::all,
        }
    }

    fn observe(&mut self, worker: usize, exchange: &Exchange<'_>) {
        let worker = &mut self.workers[worker];
        let fate = worker.observe(exchange).verdict.fate;
        self.fates[fate as usize] += 1;
        while worker.poll_record().is_some() {}
    }

    /// All that follows the end of a bucket; `turn` says who is heard first. Returns the bytes of all messages.
    fn end(&mut self, bucket: u64, turn: usize) -> Vec<u8> {
        let mut deltas = Vec::new();
        for worker in &mut self.workers {
            worker.wake(end_of(bucket));
            deltas.extend(core::iter::from_fn(|| worker.next_delta()));
        }
        let places = deltas.len().max(1);
        deltas.rotate_left(turn % places);
        let mut messages = Vec::new();
        for delta in deltas {
            assert_eq!(delta.bucket, bucket);
            let mut position = 0;
            while position < delta.bytes.len() {
                self.reporter.absorb_in_steps(&delta.bytes, &mut position, &mut (self.steps)()).unwrap();
            }
            messages.extend(delta.bytes);
        }
        while !self.reporter.wake_in_steps(end_of(bucket), &mut (self.steps)()) {}
        let (mut baselines, mut position) = (Vec::new(), 0);
        while !self.reporter.publish_in_steps(&mut baselines, &mut position, &mut (self.steps)()) {}
        self.workers.iter_mut().for_each(|worker| worker.apply_baseline(&baselines).unwrap());
        self.drain();
        messages.extend(baselines);
        messages
    }

    fn drain(&mut self) {
        while let Some(record) = self.reporter.poll_record() {
            self.records.push(serde_json::from_str(record.json).unwrap());
        }
    }

    fn finish(mut self) -> ([u64; Fate::COUNT], Vec<Value>) {
        self.reporter.finish();
        self.drain();
        (self.fates, self.records)
    }
}

/// A generator of numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = hash::mix(self.0.wrapping_add(0x9e37_79b9));
        self.0 % end
    }
}

/// Twenty minutes of an upstream with three hosts, of which one fails now and then from the eleventh to the thirteenth.
fn story(mut each: impl FnMut(u64, &Exchange<'_>), mut end: impl FnMut(u64)) {
    const HOSTS: [&str; 3] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
    let mut dice = Dice(7);
    for bucket in T0 / 10..T0 / 10 + 180 {
        for i in 0..60 {
            let ts = Timestamp::from_micros(bucket * 10_000_000 + i * 160_000 + dice.below(100_000));
            let host = HOSTS[dice.below(3) as usize];
            let span = Micros::new(18_000 + dice.below(6_000) + if dice.below(97) == 0 { 90_000 } else { 0 });
            let is_bad = (60..78).contains(&(bucket - T0 / 10)) && host == HOSTS[0] && dice.below(2) == 0;
            let log = [
                Attempt {
                    host: Some(host),
                    status: Some(503),
                    duration: Some(Micros::from_millis(5)),
                    ..Attempt::default()
                },
                Attempt {
                    host: Some(HOSTS[1]),
                    status: Some(200),
                    duration: Some(span),
                    ..Attempt::default()
                },
            ];
            each(
                dice.below(1_000),
                &Exchange {
                    ts,
                    upstream: "cart",
                    host: Some(if is_bad { HOSTS[1] } else { host }),
                    route: Some(if i % 3 == 0 { "list" } else { "item" }),
                    status: 200,
                    duration: span,
                    attempts: Some(1 + u32::from(is_bad)),
                    timeout: Some(Micros::from_millis(400)),
                    attempt_log: if is_bad { &log } else { &[] },
                    ..Exchange::default()
                },
            );
        }
        end(bucket);
    }
}

fn told(workers: usize) -> ([u64; Fate::COUNT], Vec<Value>) {
    let fleet = core::cell::RefCell::new(Fleet::of(workers));
    story(
        |who, exchange| fleet.borrow_mut().observe(who as usize % workers, exchange),
        |bucket| drop(fleet.borrow_mut().end(bucket, bucket as usize)),
    );
    fleet.into_inner().finish()
}

fn episodes(records: &[Value]) -> Vec<&Value> {
    records.iter().filter(|record| record["type"] == "episode").collect()
}

#[test]
fn any_number_of_workers_has_one_reporter_with_the_same_records() {
    let (fates, records) = told(1);
    assert!(fates[Fate::Slow as usize] > 0 && fates[Fate::Retried as usize] > 0, "{fates:?}");
    let [open, close] = episodes(&records)[..] else { panic!("one episode: {:?}", episodes(&records)) };
    assert_eq!((&open["phase"], &close["phase"]), (&"open".into(), &"close".into()));
    assert_eq!(close["hosts"][0]["host"], "10.0.0.1:80");
    let counted: u64 = records
        .iter()
        .filter(|record| record["type"] == "summary")
        .flat_map(|summary| summary["fates"].as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(counted, 180 * 60);
    for workers in [2, 4, 7] {
        let (same, others) = told(workers);
        assert_eq!(same, fates, "{workers} workers");
        assert_eq!(others, records, "{workers} workers");
    }
}

/// Returns the messages and records of twenty minutes of five upstreams that share a fault, with these steps in each call of the reporter.
fn in_steps(steps: fn() -> Steps) -> (Vec<u8>, Vec<Value>) {
    let mut fleet = Fleet::of(2);
    fleet.steps = steps;
    let fleet = core::cell::RefCell::new((fleet, Vec::new()));
    story(
        |who, exchange| {
            for upstream in ["cart", "ledger", "pay", "search", "stock"] {
                fleet.borrow_mut().0.observe(who as usize % 2, &Exchange { upstream, ..exchange.clone() });
            }
        },
        |bucket| {
            let (fleet, messages) = &mut *fleet.borrow_mut();
            messages.extend(fleet.end(bucket, 0));
        },
    );
    let (fleet, messages) = fleet.into_inner();
    (messages, fleet.finish().1)
}

#[test]
fn a_report_in_steps_is_the_report_as_a_whole() {
    let whole = in_steps(Steps::all);
    assert!(episodes(&whole.1).len() > 4, "{:?}", episodes(&whole.1));
    assert!(in_steps(|| Steps::new(1)) == whole);
    assert!(in_steps(|| Steps::new(3)) == whole);
}

#[test]
fn every_other_call_completes_a_report_in_steps() {
    let calls: [fn(&mut Monitor); 3] = [
        |reporter| reporter.reconfigure(Config::default()),
        |reporter| reporter.finish(),
        |reporter| reporter.wake(Timestamp::default()),
    ];
    for call in calls {
        let mut reporters = [(); 2].map(|()| {
            let mut fleet = Fleet::of(1);
            for upstream in ["cart", "ledger", "pay"] {
                let ts = Timestamp::from_seconds(T0 - 1);
                fleet.observe(0, &Exchange { ts, upstream, status: 200, ..Exchange::default() });
            }
            fleet.end(T0 / 10 - 1, 0);
            fleet.reporter
        });
        let end = Timestamp::from_seconds(T0 + 60);
        let [whole, stopped] = &mut reporters;
        whole.wake(end);
        assert!(!stopped.wake_in_steps(end, &mut Steps::new(5)));
        call(whole);
        call(stopped);
        let records = |monitor: &mut Monitor| {
            let mut records = Vec::new();
            while let Some(record) = monitor.poll_record() {
                records.push(record.json.to_string());
            }
            records
        };
        assert_eq!(records(stopped), records(whole));
    }
}

#[test]
fn one_reporter_emits_the_episode_that_a_single_monitor_emits() {
    let mut whole = Monitor::new(Config::default(), Feed::Live, "test");
    let mut records: Vec<Value> = Vec::new();
    story(
        |_, exchange| {
            whole.observe(exchange);
            while let Some(record) = whole.poll_record() {
                records.push(serde_json::from_str(record.json).unwrap());
            }
        },
        |_| (),
    );
    let (_, shared) = told(4);
    let (whole, shared) = (episodes(&records), episodes(&shared));
    assert_eq!((whole.len(), shared.len()), (2, 2));
    for (one, other) in whole.iter().zip(shared) {
        for key in ["phase", "id", "start", "pattern", "near_misses", "exchanges", "signals"] {
            assert_eq!(one[key], other[key], "{key}: {one} {other}");
        }
    }
}

#[test]
fn a_worker_that_comes_later_is_not_blind() {
    let fleet = core::cell::RefCell::new(Fleet::of(1));
    story(
        |_, exchange| fleet.borrow_mut().observe(0, exchange),
        |bucket| drop(fleet.borrow_mut().end(bucket, 0)),
    );
    let fleet = fleet.into_inner();
    let mut baselines = Vec::new();
    fleet.reporter.publish_baseline(&mut baselines);
    let mut late = Monitor::new(Config::default(), Feed::Live, "late");
    late.become_worker();
    late.apply_baseline(&baselines).unwrap();
    let slow = Exchange {
        ts: Timestamp::from_seconds(T0 + 1_820),
        upstream: "cart",
        route: Some("item"),
        status: 200,
        duration: Micros::from_millis(300),
        attempts: Some(1),
        ..Exchange::default()
    };
    assert_eq!(late.observe(&slow).verdict.fate, Fate::Slow);
}

#[test]
fn what_comes_too_late_counts_and_changes_no_episode() {
    let mut fleet = Fleet::of(2);
    let ok = |second| Exchange {
        ts: Timestamp::from_seconds(T0 + second),
        upstream: "cart",
        status: 200,
        duration: Micros::from_millis(20),
        attempts: Some(1),
        ..Exchange::default()
    };
    fleet.observe(0, &ok(1));
    fleet.observe(1, &ok(2));
    fleet.workers[1].wake(Timestamp::from_seconds(T0 + 10));
    let late = fleet.workers[1].next_delta().unwrap();
    fleet.end(T0 / 10, 0);
    assert_eq!(fleet.reporter.absorb(&late.bytes), Ok(1));
    let (_, records) = fleet.finish();
    let [summary] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&summary["fates"]["clean"], &summary["late"]), (&2.into(), &1.into()));
}

#[test]
fn a_worker_that_nobody_hears_keeps_its_counts_and_stays_small() {
    let mut worker = Monitor::new(Config::default(), Feed::Live, "test");
    worker.become_worker();
    let mut reporter = Monitor::new(Config::default(), Feed::Live, "test");
    for second in 0..3_600 {
        worker.observe(&Exchange {
            ts: Timestamp::from_seconds(T0 + second),
            upstream: "cart",
            host: Some("10.0.0.1:80"),
            status: 200,
            duration: Micros::from_millis(20),
            attempts: Some(1),
            ..Exchange::default()
        });
    }
    worker.finish();
    let mut counted = 0;
    let mut deltas = 0;
    while let Some(delta) = worker.next_delta() {
        counted += reporter.absorb(&delta.bytes).unwrap();
        deltas += 1;
        worker.wake(Timestamp::from_seconds(T0 + 3_600 + deltas * 10));
        worker.finish();
    }
    assert!(deltas <= WAITING as u64 + 1, "{deltas}");
    assert_eq!(counted, 3_600);
}

#[test]
fn an_early_delta_keeps_every_count_whole() {
    let mut fleet = Fleet::of(1);
    for i in 0..100_000 {
        fleet.observe(
            0,
            &Exchange {
                ts: Timestamp::from_micros(T0 * 1_000_000 + i),
                upstream: "cart",
                status: 200,
                duration: Micros::from_millis(20),
                attempts: Some(1),
                ..Exchange::default()
            },
        );
    }
    fleet.end(T0 / 10, 0);
    let (_, records) = fleet.finish();
    let clean: u64 = records.iter().map(|record| record["fates"]["clean"].as_u64().unwrap()).sum();
    assert_eq!(clean, 100_000);
}

proptest! {
    #[test]
    fn what_is_no_message_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
        let mut reporter = Monitor::new(Config::default(), Feed::Live, "test");
        prop_assert_eq!(reporter.absorb(&bytes), Err(Unreadable));
        prop_assert_eq!(reporter.apply_baseline(&bytes), Err(Unreadable));
        let mut whole = vec![0; HEAD];
        whole.extend(bytes);
        close(&mut whole);
        // Whole, and yet nonsense: survived.
        let _ = reporter.apply_baseline(&whole);
        let mut reporter = Monitor::new(Config::default(), Feed::Live, "test");
        let _ = reporter.absorb(&whole);
        reporter.finish();
        let place = at % whole.len();
        whole[place] ^= 1;
        prop_assert_eq!(reporter.absorb(&whole), Err(Unreadable));
    }
}

#[test]
fn the_last_summary_ends_after_what_was_absorbed_for_it() {
    let mut fleet = Fleet::of(1);
    let retried = Exchange { attempts: Some(2), ..Exchange::default() };
    fleet.observe(
        0,
        &Exchange { ts: Timestamp::from_seconds(T0 + 5), upstream: "cart", status: 200, ..retried },
    );
    fleet.workers[0].finish();
    while let Some(delta) = fleet.workers[0].next_delta() {
        fleet.reporter.absorb(&delta.bytes).unwrap();
    }
    fleet.reporter.finish();
    let record = fleet.reporter.poll_record().expect("a summary");
    let summary: Value = serde_json::from_str(record.json).unwrap();
    let mut end = String::new();
    crate::json::write::push_time(&mut end, Timestamp::from_seconds(T0 + 10));
    assert_eq!(summary["end"], end);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

/// Retried, slow, relayed and failed exchanges on several hosts and routes, with one second between them.
fn a_minute_of_everything(worker: &mut Monitor) {
    let log = [
        Attempt {
            host: Some("a:1"),
            status: Some(503),
            duration: Some(Micros::from_millis(5)),
            ..Attempt::default()
        },
        Attempt {
            host: Some("b:1"),
            status: Some(200),
            duration: Some(Micros::from_millis(21)),
            ..Attempt::default()
        },
    ];
    for second in 0..60 {
        let is_retried = second % 7 == 3;
        worker.observe(&Exchange {
            ts: Timestamp::from_seconds(T0 + second),
            upstream: if second % 5 == 0 { "pay" } else { "cart" },
            host: Some(if is_retried || second % 2 == 0 { "b:1" } else { "a:1" }),
            route: Some(["list", "item", "buy"][second as usize % 3]),
            status: if second % 11 == 10 { 504 } else { 200 },
            duration: Micros::from_millis(20 + 380 * u64::from(second % 13 == 12)),
            attempts: Some(1 + u32::from(is_retried)),
            timeout: Some(Micros::from_millis(400)),
            attempt_log: if is_retried { &log } else { &[] },
            ..Exchange::default()
        });
    }
}

#[test]
fn the_bytes_of_a_message_are_fixed() {
    let mut worker = Monitor::new(Config::default(), Feed::Live, "test");
    worker.become_worker();
    a_minute_of_everything(&mut worker);
    worker.finish();
    let deltas: Vec<Delta> = core::iter::from_fn(|| worker.next_delta()).collect();
    let mut reporter = Monitor::new(Config::default(), Feed::Live, "test");
    reporter.become_reporter();
    for delta in &deltas {
        reporter.absorb(&delta.bytes).unwrap();
        reporter.wake(end_of(delta.bucket));
    }
    let mut baselines = Vec::new();
    reporter.publish_baseline(&mut baselines);
    let golden: Vec<&str> = include_str!("messages.hex").lines().collect();
    assert_eq!([hex(&deltas[1].bytes), hex(&baselines)], golden[..], "a delta and the baselines");

    let fleet = core::cell::RefCell::new((Fleet::of(3), Vec::new()));
    story(
        |who, exchange| fleet.borrow_mut().0.observe(who as usize % 3, exchange),
        |bucket| {
            let (fleet, messages) = &mut *fleet.borrow_mut();
            messages.extend(fleet.end(bucket, bucket as usize));
        },
    );
    let (_, messages) = fleet.into_inner();
    assert_eq!(
        (messages.len(), hash::hash(&messages)),
        (253114, 0x2c74e346acefebb8),
        "every message of twenty minutes"
    );
}

#[test]
fn the_error_of_a_message_says_why() {
    let error: Box<dyn core::error::Error> = Box::new(Unreadable);
    assert_eq!(
        error.to_string(),
        "the message is incomplete, or another build encoded it; this build reads version 3"
    );
}
