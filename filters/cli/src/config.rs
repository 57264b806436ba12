//! Loads the configuration and builds line readers from it.

use crate::error::Error;
use nearmiss::Config;
use nearmiss_formats::{FieldConfig, Format, Reader};
use std::path::Path;

/// Loads the configuration in `path`, or returns the defaults.
pub(crate) fn load(path: Option<&Path>) -> Result<Config, Error> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = read_text(path)?;
    let config = Config::parse(&text).map_err(|error| Error::Config(path.into(), error.to_string()))?;
    FieldConfig::parse(&config.fields).map_err(|error| Error::Config(path.into(), error.to_string()))?;
    Ok(config)
}

/// Reads a whole text file.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Input(path.into(), error))
}

/// Creates the reader for one file's lines.
pub(crate) fn line_reader(format: Format, config: &Config) -> Reader {
    // `load` has validated the fields.
    Reader::new(format).with_fields(FieldConfig::parse(&config.fields).unwrap_or_default())
}
