//! What an exchange costs in a real Envoy: `bench-envoy [ROW …]`.

use host_tests::bench::{Selection, in_envoy, workers};

fn main() {
    let selection = Selection::of(std::env::args().skip(1));
    workers::run(&selection);
    in_envoy::run(&selection);
}
