//! Shared helpers of the tests.

use std::sync::LazyLock;

use sim::fluent_bit::{FilterInstance, FilterModule};

/// The module, compiled once.
pub static MODULE: LazyLock<FilterModule> =
    LazyLock::new(|| FilterModule::load(&artifact::fluent_bit_module()));

/// Starts a filter with this configuration.
pub fn with(configuration: &str) -> FilterInstance {
    MODULE.configured(configuration)
}

/// Starts a filter with defaults.
pub fn start() -> FilterInstance {
    MODULE.start()
}
