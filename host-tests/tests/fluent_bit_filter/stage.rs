//! What the tests of the module have in common.

use std::sync::LazyLock;

use host_tests::artifact;
use host_tests::sim::fluent_bit::{Instance, Program};

/// The module, compiled once.
pub static PROGRAM: LazyLock<Program> = LazyLock::new(|| Program::load(&artifact::fluent_bit_module()));

/// A filter with this configuration.
pub fn with(configuration: &str) -> Instance {
    PROGRAM.configured(configuration)
}

/// A filter on defaults.
pub fn start() -> Instance {
    PROGRAM.start()
}
