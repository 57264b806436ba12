//! Prints what an exchange costs natively, what an upstream weighs, for a number of upstreams and of exchanges a run, and what
//! merging summaries costs: `cargo run --profile native -p core-load -- 1000 1000000`.

mod merging;

use core_load::{Load, allocations, bytes};
use std::time::Instant;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<u32>().ok());
    let upstreams = numbers.next().unwrap_or(1_000);
    let exchanges = numbers.next().unwrap_or(1_000_000);
    let empty = bytes();
    let mut load = Load::new(upstreams);
    let before = bytes();
    load.fill();
    println!("bytes per full upstream, 64 bit: {}", (bytes() - before) / u64::from(upstreams));
    println!("(prepared load: {} bytes)", before - empty);
    load.run(exchanges);
    let allocated = allocations();
    let mut runs: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            load.run(exchanges);
            start.elapsed().as_nanos() as f64 / f64::from(exchanges)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!("ns per exchange: median {:.1}, {:.1} to {:.1}", runs[4], runs[0], runs[8]);
    println!(
        "allocations per exchange: {:.6}",
        (allocations() - allocated) as f64 / f64::from(exchanges) / 9.0
    );
    merging::print();
}
