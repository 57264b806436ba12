//! Runs the load alone, for a profiler: `core-load UPSTREAMS EXCHANGES`.

use core_load::Load;
use nearmiss::Micros;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<u32>().ok());
    let (upstreams, exchanges) = (numbers.next().unwrap_or(1_000), numbers.next().unwrap_or(1_000_000));
    let recorded = Load::new(upstreams, Micros::new(100)).run(exchanges);
    eprintln!("{exchanges} exchanges of {upstreams} upstreams emitted {recorded} records");
}
