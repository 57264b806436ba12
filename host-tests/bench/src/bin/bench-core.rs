//! Measures the native cost of the core: `bench-core [ROW …]`.

use bench::{Selection, core_native, merge};

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    core_native::run(&selection);
    merge::run(&selection);
}
