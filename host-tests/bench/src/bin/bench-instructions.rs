//! Counts the instructions of an exchange and of hostcalls in a real Envoy, under callgrind: `bench-instructions [ROW …]`.

use bench::{Selection, envoy_instructions};

fn main() {
    envoy_instructions::run(&Selection::of(std::env::args().skip(1)));
}
