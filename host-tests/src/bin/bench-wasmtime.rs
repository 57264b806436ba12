//! What the core and the whole module cost in wasmtime: `bench-wasmtime [ROW …]`.

use host_tests::bench::{Selection, core_in_wasmtime, in_wasmtime, shared_state};

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    core_in_wasmtime::run(&selection);
    in_wasmtime::run(&selection);
    shared_state::run(&selection);
}
