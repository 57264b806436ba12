//! What goes wrong before or between lines, and what is read before the first.

use core::fmt;
use nearmiss::Config;
use nearmiss_formats::{Fields, Format, Reader};
use std::io;
use std::path::{Path, PathBuf};

/// Why the work could not be done.
#[derive(Debug)]
pub(crate) enum Error {
    /// A file is not a sound configuration.
    Config(PathBuf, String),
    /// Reading a file failed.
    Input(PathBuf, io::Error),
    /// A file is no module that works.
    Module(PathBuf, String),
    /// Neither a line nor a configuration was given.
    NothingToCheck,
    /// Writing to standard output failed.
    Output(io::Error),
    /// The signals that end the program cannot be waited for.
    Signals(ctrlc::Error),
    /// Writing a file failed.
    Written(PathBuf, io::Error),
}

impl Error {
    /// Whoever read our output has had enough: nothing to complain about.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl core::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(path, why) | Self::Module(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Input(path, error) | Self::Written(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NothingToCheck => {
                f.write_str("there is nothing to check: give a LINE, `-`, or --config FILE")
            }
            Self::Signals(error) => write!(f, "waiting for signals: {error}"),
            Self::Output(error) => write!(f, "writing the output: {error}"),
        }
    }
}

/// The configuration in `path`, or the defaults.
pub(crate) fn config(path: Option<&Path>) -> Result<Config, Error> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = text(path)?;
    let config = Config::parse(&text).map_err(|error| Error::Config(path.into(), error.to_string()))?;
    Fields::configured(&config.fields).map_err(|error| Error::Config(path.into(), error.to_string()))?;
    Ok(config)
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Input(path.into(), error))
}

/// A reader of one file's lines.
pub(crate) fn reader(format: Format, config: &Config) -> Reader {
    // `config` has been checked when it was read.
    Reader::new(format).with_fields(Fields::configured(&config.fields).unwrap_or_default())
}
