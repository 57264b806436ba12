//! Loads the configuration and builds line readers from it.

use crate::error::Error;
use nearmiss::{Config, ConfigError};
use nearmiss_edge_config::EdgeConfig;
use nearmiss_envoy_config::EnvoyConfig;
use nearmiss_fluent_bit_config::FluentBitConfig;
use nearmiss_formats::{FieldConfig, Format, Reader};
use std::path::Path;

/// Loads the configuration in `path`, or returns the defaults. The sections of hosts are validated too, and the format string
/// in the words of the proxy that `format` names.
pub(crate) fn load(path: Option<&Path>, format: Format) -> Result<Config, Error> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = read_text(path)?;
    let config = parse(&text).map_err(|error| Error::Config(path.into(), error.to_string()))?;
    FieldConfig::parse(&config.fields, format)
        .map_err(|error| Error::Config(path.into(), error.to_string()))?;
    Ok(config)
}

/// Parses a configuration and the sections of all hosts.
pub(crate) fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse_with_sections(
        text,
        &mut [
            (nearmiss_envoy_config::SECTION, &mut EnvoyConfig::default()),
            (nearmiss_fluent_bit_config::SECTION, &mut FluentBitConfig::default()),
            (nearmiss_edge_config::SECTION, &mut EdgeConfig::default()),
        ],
    )
}

/// Reads a whole text file.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Input(path.into(), error))
}

/// Creates the reader for one file's lines.
pub(crate) fn line_reader(format: Format, config: &Config) -> Reader {
    // `load` has validated the fields.
    Reader::new(format)
        .with_fields(FieldConfig::parse(&config.fields, format).unwrap_or_default())
        .with_ignore(config.ignore.clone())
}
