//! Measures the core and the whole module in wasmtime: `bench-wasmtime [ROW …]`.

use bench::{Selection, core_wasmtime, leader_election, module_wasmtime};

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    core_wasmtime::run(&selection);
    module_wasmtime::run(&selection);
    leader_election::run(&selection);
}
