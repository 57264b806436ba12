//! Instructions an exchange costs in a real Envoy, and what calls to it cost, under callgrind: `bench-instructions [ROW …]`.

use host_tests::bench::{Selection, in_instructions};

fn main() {
    in_instructions::run(&Selection::of(std::env::args().skip(1)));
}
