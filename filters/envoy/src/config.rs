//! The configuration of a plugin.

use nearmiss::{Config, ConfigError};
use nearmiss_envoy_config::{EnvoyConfig, SECTION};

/// The configuration of a plugin: the fields for all hosts, and the section of this one.
pub(crate) struct PluginConfig {
    pub(crate) core: Config,
    pub(crate) envoy: EnvoyConfig,
}

impl PluginConfig {
    /// Parses a configuration.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut envoy = EnvoyConfig::default();
        Config::parse_with_sections(text, &mut [(SECTION, &mut envoy)]).map(|core| Self { core, envoy })
    }
}
