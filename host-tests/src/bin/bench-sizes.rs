//! How big the modules are, and what of: `bench-sizes [ROW …]`.

use host_tests::bench::{Selection, sizes};

fn main() {
    sizes::run(&Selection::of(std::env::args().skip(1)));
}
