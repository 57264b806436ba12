//! The section `envoy` of the configuration.
//!
//! A crate of its own, because the command line validates the section as well.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod collector;

pub use collector::{CollectorConfig, Logged};

use alloc::string::String;
use nearmiss::config::Field;

/// Name of the section.
pub const SECTION: &str = "envoy";

nearmiss::config_fields! {
    /// The section `envoy`.
    pub struct EnvoyConfig {
        /// Extension point that the module is attached to.
        attach: Attach = Attach::Http, |field| {
            field.choice(&[("http", Attach::Http), ("upstream", Attach::Upstream), ("log", Attach::Log)])
        };
        /// Amount of data read per exchange.
        mode: Mode = Mode::Full, |field| {
            field.choice(&[("full", Mode::Full), ("lean", Mode::Lean)])
        };
        /// Adds the `near-miss` header to responses.
        header: bool = false, Field::flag;
        /// Name of this proxy in the header and in filter state, unique in a chain of proxies.
        by: Option<String> = None, |field| field.text().map(Some);
        /// Collector that receives the records.
        collector: Option<CollectorConfig> = None, |field| CollectorConfig::read(field).map(Some);
    }
}

/// Extension point of Envoy that the module is attached to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attach {
    /// HTTP filter.
    Http,
    /// Access logger.
    Log,
    /// Upstream HTTP filter.
    Upstream,
}

/// Amount of data that the Envoy module reads per exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Everything that distinguishes fates.
    Full,
    /// The least that still shows retries and failures.
    Lean,
}

#[cfg(test)]
mod tests;
