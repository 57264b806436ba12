//! How fast logs are read: `bench-lines [ROW …]`.

use host_tests::bench::{Selection, lines};

fn main() {
    lines::run(&Selection::of(std::env::args().skip(1)));
}
