//! Native cost of an exchange in the core alone, compared with a hand-written counter; the memory of an upstream; the
//! growth of both over time.

use std::process::Command;
use std::time::Instant;

use core_load::{Evictions, Load, allocations, bytes};
use nearmiss::Micros;

use super::{Row, Selection, Spread, count, interleaved};

/// Time between exchanges: ten thousand per second.
const STEP: Micros = Micros::new(100);
/// Exchanges per measurement.
const EXCHANGES: u32 = 1_000_000;
const ROUNDS: usize = 9;
/// Rounds of the row that runs ten million exchanges per round.
const LONG_ROUNDS: usize = 5;
/// Upstreams of a large gateway.
const UPSTREAMS: u32 = 1_000;
/// The largest bound of upstreams.
const MAX_UPSTREAMS: u32 = 100_000;
/// Evictions per measurement; all rounds together replace fewer upstreams than there are.
const EVICTIONS: u32 = 1_000;

/// Measures the selected rows.
pub fn run(selection: &Selection) {
    let sizes = [1, 100, UPSTREAMS, 10_000].map(|upstreams| (upstreams, format!("core/observe/{upstreams}")));
    for (upstreams, name) in sizes.iter().filter(|(_, name)| selection.wants(name)) {
        observe(*upstreams, name);
    }
    if selection.wants("core/evictions") {
        evictions();
    }
    if selection.wants("core/allocations") {
        allocations_per_exchange();
    }
    if selection.wants("core/bytes") {
        bytes_per_upstream();
    }
    for upstreams in [1, UPSTREAMS] {
        let name = format!("core/instructions/{upstreams}");
        if selection.wants(&name) {
            instructions(&name, upstreams).print();
        }
    }
    if selection.wants("growth/exchanges") || selection.wants("growth/bytes") {
        growth();
    }
    if selection.wants("growth/day/core") {
        day();
    }
}

/// Measures the core and the hand-written counter on the same traffic.
fn observe(upstreams: u32, name: &str) {
    let run: fn(&mut Load) = |load| {
        load.run(EXCHANGES);
    };
    let by_hand: fn(&mut Load) = |load| load.run_by_hand(EXCHANGES);
    let mut cases = [run, by_hand].map(|run| (Load::new(upstreams, STEP), run));
    cases.iter_mut().for_each(|(load, run)| run(load));
    let samples = interleaved(ROUNDS, &mut cases, |(load, run)| {
        let start = Instant::now();
        run(load);
        start.elapsed().as_nanos() as f64 / f64::from(EXCHANGES)
    });
    let what = format!("an exchange, upstreams: {}", count(upstreams));
    let row = Row::of(name, &what, "ns", samples[0].spread())
        .with_ratio("a hand-written counter", samples[0].ratio_to(&samples[1]));
    if upstreams == UPSTREAMS { row.aim("60 ns") } else { row }.print();
}

/// Measures the first exchange of an upstream that replaces another.
fn evictions() {
    let samples = interleaved(ROUNDS, &mut [Evictions::new(MAX_UPSTREAMS)], |evictions| {
        let start = Instant::now();
        evictions.run(EVICTIONS);
        start.elapsed().as_nanos() as f64 / 1e3 / f64::from(EVICTIONS)
    });
    let what = format!("a newcomer that replaces one of {} idle upstreams", count(MAX_UPSTREAMS));
    Row::of("core/evictions", &what, "µs", samples[0].spread()).aim("50 µs").print();
}

fn allocations_per_exchange() {
    let mut load = Load::new(UPSTREAMS, STEP);
    load.fill();
    load.run(EXCHANGES);
    let before = allocations();
    load.run(EXCHANGES);
    let each = (allocations() - before) as f64 / f64::from(EXCHANGES);
    let what = "allocations per exchange once warm, all of them in seals and summaries";
    Row::of("core/allocations", what, "", Spread::exact(each)).aim("0").print();
}

fn bytes_per_upstream() {
    let mut load = Load::new(UPSTREAMS, STEP);
    let before = bytes();
    load.fill();
    let each = (bytes() - before) / u64::from(UPSTREAMS);
    Row::of("core/bytes", "a full upstream, 64 bit", "bytes", Spread::exact(each as f64)).print();
}

/// Subtracts a short run from a long one, which cancels the startup cost.
fn instructions(name: &str, upstreams: u32) -> Row {
    let what = format!("instructions per exchange, upstreams: {}", count(upstreams));
    let (few, many) = (50_000, 150_000);
    match callgrind(upstreams, many).and_then(|all| Ok(all - callgrind(upstreams, few)?)) {
        Ok(counted) => Row::of(name, &what, "", Spread::exact((counted / f64::from(many - few)).round())),
        Err(why) => Row::missing(name, &what, &why),
    }
}

/// Returns the instructions of a whole run.
fn callgrind(upstreams: u32, exchanges: u32) -> Result<f64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(artifact::root().join("target/native/core-load"))
        .args([upstreams, exchanges].map(|number| number.to_string()))
        .output()
        .map_err(|_| "valgrind is not installed (Debian: apt-get install valgrind)".to_owned())?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = stderr.lines().find_map(|line| line.rsplit_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind stderr: {}", stderr.lines().last().unwrap_or_default()))
}

/// A run of a new monitor over this many exchanges.
struct GrowthCase {
    exchanges: u32,
    bytes: u64,
}

fn growth() {
    let mut cases =
        [1, 100, 10_000, 1_000_000, 10_000_000].map(|exchanges| GrowthCase { exchanges, bytes: 0 });
    let samples = interleaved(LONG_ROUNDS, &mut cases, |case| {
        let mut load = Load::new(UPSTREAMS, STEP);
        let (before, start) = (bytes(), Instant::now());
        load.run(case.exchanges);
        let elapsed = start.elapsed();
        case.bytes = bytes() - before;
        elapsed.as_nanos() as f64 / f64::from(case.exchanges)
    });
    let rows = cases.iter().zip(&samples).flat_map(|(case, each)| {
        let exchanges = case.exchanges;
        [
            Row::of(
                &format!("growth/exchanges/{exchanges}"),
                &format!("an exchange, among the first {}", count(exchanges)),
                "ns",
                each.spread(),
            ),
            Row::of(
                &format!("growth/bytes/{exchanges}"),
                &format!("memory after exchanges: {}", count(exchanges)),
                "KiB",
                Spread::exact((case.bytes / 1_024) as f64),
            ),
        ]
    });
    rows.for_each(|row| row.print());
}

/// Measures memory over 24 hours at twenty exchanges per second.
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
        .with_ratio("the value after 4 h", Spread::exact(held / *first.get_or_insert(held)))
        .print();
    }
}
