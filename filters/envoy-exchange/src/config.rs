//! The configuration of a plugin.

use alloc::sync::Arc;
use nearmiss::record::HeaderParameters;
use nearmiss::{Config, ConfigError, Exchange};
use nearmiss_envoy_config::{EnvoyConfig, SECTION};

/// The configuration of a plugin: the fields for all hosts, and the section of this one.
#[derive(Debug)]
pub struct PluginConfig {
    /// The fields for all hosts.
    pub core: Arc<Config>,
    /// The section of Envoy.
    pub envoy: EnvoyConfig,
}

impl PluginConfig {
    /// Parses a configuration.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut envoy = EnvoyConfig::default();
        Config::parse_with_sections(text, &mut [(SECTION, &mut envoy)])
            .map(|core| Self { core: core.into(), envoy })
    }

    /// Returns the parameters of the `near-miss` header of an exchange.
    pub fn header_parameters(&self, exchange: &Exchange<'_>) -> HeaderParameters<'_> {
        HeaderParameters { attempts: exchange.attempts, flags: exchange.flags, by: self.envoy.by.as_deref() }
    }
}
