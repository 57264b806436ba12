//! Measures how fast logs are read: `bench-lines [ROW …]`.

use bench::{Selection, cli_throughput};

fn main() {
    cli_throughput::run(&Selection::of(std::env::args().skip(1)));
}
