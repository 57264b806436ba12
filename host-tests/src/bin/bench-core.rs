//! What the core costs natively: `bench-core [ROW …]`.

use host_tests::bench::{Selection, in_core, merging};

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    in_core::run(&selection);
    merging::run(&selection);
}
