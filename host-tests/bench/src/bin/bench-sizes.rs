//! Measures the sizes of the modules and of their parts: `bench-sizes [ROW …]`.

use bench::{Selection, module_sizes};

fn main() {
    module_sizes::run(&Selection::of(std::env::args().skip(1)));
}
