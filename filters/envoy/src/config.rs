//! The configuration of a plugin.

use alloc::sync::Arc;
use nearmiss::record::HeaderParameters;
use nearmiss::{Config, ConfigError, Exchange};
use nearmiss_envoy_config::{EnvoyConfig, SECTION};

/// The configuration of a plugin: the fields for all hosts, and the section of this one.
pub(crate) struct PluginConfig {
    pub(crate) core: Arc<Config>,
    pub(crate) envoy: EnvoyConfig,
}

impl PluginConfig {
    /// Parses a configuration.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut envoy = EnvoyConfig::default();
        Config::parse_with_sections(text, &mut [(SECTION, &mut envoy)])
            .map(|core| Self { core: core.into(), envoy })
    }

    /// Returns the parameters of the `near-miss` header of an exchange.
    pub(crate) fn header_parameters(&self, exchange: &Exchange<'_>) -> HeaderParameters<'_> {
        HeaderParameters { attempts: exchange.attempts, flags: exchange.flags, by: self.envoy.by.as_deref() }
    }
}
