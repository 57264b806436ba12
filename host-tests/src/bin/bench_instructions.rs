//! Instructions an exchange costs in a real Envoy, and what calls to it cost: under callgrind.

use host_tests::bench::in_instructions::{Price, calls, filters};

fn main() {
    for Price { what, instructions } in filters().into_iter().chain(calls()) {
        println!("{what:<40} {instructions:>8}");
    }
}
