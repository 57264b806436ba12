//! What an exchange costs the core alone, natively, beside counting by hand; what an upstream weighs; whether either grows.

use std::process::Command;
use std::time::Instant;

use core_load::{Load, allocations, bytes};
use nearmiss::Micros;

use super::{Row, Selection, Spread, count, in_turns};
use crate::artifact;

/// Ten thousand exchanges a second.
const STEP: Micros = Micros::new(100);
/// Exchanges between two looks at the clock.
const EXCHANGES: u32 = 1_000_000;
const ROUNDS: usize = 9;
/// Rounds of the row that takes ten million exchanges a round.
const LONG_ROUNDS: usize = 5;
/// What a big gateway has.
const UPSTREAMS: u32 = 1_000;

/// Measures what is wanted.
pub fn run(selection: &Selection) {
    let sizes = [1, 100, UPSTREAMS, 10_000].map(|upstreams| (upstreams, format!("core/observe/{upstreams}")));
    for (upstreams, name) in sizes.iter().filter(|(_, name)| selection.wants(name)) {
        observe(*upstreams, name);
    }
    if selection.wants("core/allocations") {
        allocated();
    }
    if selection.wants("core/bytes") {
        weight();
    }
    for upstreams in [1, UPSTREAMS] {
        let name = format!("core/instructions/{upstreams}");
        if selection.wants(&name) {
            instructions(&name, upstreams).tell();
        }
    }
    if selection.wants("growth/exchanges") || selection.wants("growth/bytes") {
        exchanges();
    }
    if selection.wants("growth/day/core") {
        day();
    }
}

/// The core and what counts by hand, on the same traffic.
fn observe(upstreams: u32, name: &str) {
    let run: fn(&mut Load) = |load| {
        load.run(EXCHANGES);
    };
    let by_hand: fn(&mut Load) = |load| load.run_by_hand(EXCHANGES);
    let mut cases = [run, by_hand].map(|run| (Load::new(upstreams, STEP), run));
    cases.iter_mut().for_each(|(load, run)| run(load));
    let samples = in_turns(ROUNDS, &mut cases, |(load, run)| {
        let start = Instant::now();
        run(load);
        start.elapsed().as_nanos() as f64 / f64::from(EXCHANGES)
    });
    let what = format!("an exchange, upstreams: {}", count(upstreams));
    let row = Row::of(name, &what, "ns", samples[0].spread())
        .beside("counting by hand", samples[0].over(&samples[1]));
    if upstreams == UPSTREAMS { row.aim("60 ns") } else { row }.tell();
}

fn allocated() {
    let mut load = Load::new(UPSTREAMS, STEP);
    load.fill();
    load.run(EXCHANGES);
    let before = allocations();
    load.run(EXCHANGES);
    let each = (allocations() - before) as f64 / f64::from(EXCHANGES);
    let what = "allocations an exchange once warm, all of them of seals and summaries";
    Row::of("core/allocations", what, "", Spread::exact(each)).aim("0").tell();
}

fn weight() {
    let mut load = Load::new(UPSTREAMS, STEP);
    let before = bytes();
    load.fill();
    let each = (bytes() - before) / u64::from(UPSTREAMS);
    Row::of("core/bytes", "a full upstream, 64 bit", "bytes", Spread::exact(each as f64)).tell();
}

/// By the difference of two runs, so that the start costs nothing.
fn instructions(name: &str, upstreams: u32) -> Row {
    let what = format!("instructions an exchange, upstreams: {}", count(upstreams));
    let (few, many) = (50_000, 150_000);
    match callgrind(upstreams, many).and_then(|all| Ok(all - callgrind(upstreams, few)?)) {
        Ok(counted) => Row::of(name, &what, "", Spread::exact((counted / f64::from(many - few)).round())),
        Err(why) => Row::missing(name, &what, &why),
    }
}

/// Instructions of a whole run.
fn callgrind(upstreams: u32, exchanges: u32) -> Result<f64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(artifact::root().join("target/native/core-load"))
        .args([upstreams, exchanges].map(|number| number.to_string()))
        .output()
        .map_err(|_| "valgrind is not installed (Debian: apt-get install valgrind)".to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.rsplit_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind said: {}", said.lines().last().unwrap_or_default()))
}

/// A monitor that has seen nothing yet, over so many exchanges.
struct Fresh {
    exchanges: u32,
    bytes: u64,
}

fn exchanges() {
    let mut cases = [1, 100, 10_000, 1_000_000, 10_000_000].map(|exchanges| Fresh { exchanges, bytes: 0 });
    let samples = in_turns(LONG_ROUNDS, &mut cases, |fresh| {
        let mut load = Load::new(UPSTREAMS, STEP);
        let (before, start) = (bytes(), Instant::now());
        load.run(fresh.exchanges);
        let elapsed = start.elapsed();
        fresh.bytes = bytes() - before;
        elapsed.as_nanos() as f64 / f64::from(fresh.exchanges)
    });
    let rows = cases.iter().zip(&samples).flat_map(|(fresh, each)| {
        let exchanges = fresh.exchanges;
        [
            Row::of(
                &format!("growth/exchanges/{exchanges}"),
                &format!("an exchange, over the first {}", count(exchanges)),
                "ns",
                each.spread(),
            ),
            Row::of(
                &format!("growth/bytes/{exchanges}"),
                &format!("memory after {}", count(exchanges)),
                "KiB",
                Spread::exact((fresh.bytes / 1_024) as f64),
            ),
        ]
    });
    rows.for_each(|row| row.tell());
}

/// Twenty exchanges a second for 24 hours.
fn day() {
    let mut load = Load::new(UPSTREAMS, Micros::from_millis(50));
    let before = bytes();
    let mut first = None;
    for hours in (4..=24).step_by(4) {
        load.run(4 * 3_600 * 20);
        let held = (bytes() - before) as f64;
        let name = format!("growth/day/core/{hours}");
        Row::of(
            &name,
            &format!("memory of the core after {hours} h"),
            "KiB",
            Spread::exact((held / 1_024.0).round()),
        )
        .beside("that after 4 h", Spread::exact(held / *first.get_or_insert(held)))
        .tell();
    }
}
