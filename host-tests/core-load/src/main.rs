//! Prints what an exchange costs natively and what an upstream weighs: `cargo run --profile native -p core-load`.
use core_load::{Load, allocations, bytes};
use std::time::Instant;

fn main() {
    const UPSTREAMS: u32 = 1_000;
    const EXCHANGES: u32 = 1_000_000;
    let empty = bytes();
    let mut load = Load::new(UPSTREAMS);
    let before = bytes();
    load.fill();
    println!("bytes per full upstream, 64 bit: {}", (bytes() - before) / u64::from(UPSTREAMS));
    println!("(prepared load: {} bytes)", before - empty);
    load.run(EXCHANGES);
    let allocated = allocations();
    let mut runs: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            load.run(EXCHANGES);
            start.elapsed().as_nanos() as f64 / f64::from(EXCHANGES)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!("ns per exchange: median {:.1}, {:.1} to {:.1}", runs[4], runs[0], runs[8]);
    println!("allocations per exchange: {:.6}", (allocations() - allocated) as f64 / 9e6);
}
