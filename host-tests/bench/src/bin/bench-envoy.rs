//! Measures the cost of an exchange in a real Envoy: `bench-envoy [ROW …]`.

use bench::{Selection, envoy_cpu_time, envoy_workers};

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    envoy_workers::run(&selection);
    envoy_cpu_time::run(&selection);
}
