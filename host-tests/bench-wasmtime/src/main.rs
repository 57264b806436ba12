//! Measures the core and the whole module in wasmtime: `bench-wasmtime [ROW …]`.

mod core_wasmtime;
mod leader_election;
mod module_wasmtime;
mod zipf_streams;

use bench::Selection;

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    core_wasmtime::run(&selection);
    module_wasmtime::run(&selection);
    leader_election::run(&selection);
}
