//! Shared helpers of the tests.

use sim::fluent_bit::{FilterInstance, FilterModule};

/// Starts a filter with this configuration.
pub fn with(configuration: &str) -> FilterInstance {
    FilterModule::shipped().configured(configuration)
}

/// Starts a filter with defaults.
pub fn start() -> FilterInstance {
    FilterModule::shipped().start()
}
