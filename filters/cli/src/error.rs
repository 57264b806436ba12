//! Errors that end a command.

use core::fmt;
use std::io;
use std::path::PathBuf;

/// A command failed as a whole.
#[derive(Debug)]
pub(crate) enum Error {
    /// A configuration file is invalid.
    Config(PathBuf, String),
    /// Reading a file failed.
    Input(PathBuf, io::Error),
    /// The terminal view was to read both keys and lines from standard input.
    KeysNeedInput,
    /// A wasm module cannot be loaded, or it trapped.
    Module(PathBuf, String),
    /// `check` was given neither a line nor a configuration.
    NothingToCheck,
    /// Writing to standard output failed.
    Output(io::Error),
    /// `watch` was to read several files from their start.
    SeveralFromStart,
    /// Installing the signal handler failed.
    Signals(ctrlc::Error),
    /// Writing a file failed.
    Written(PathBuf, io::Error),
}

impl Error {
    /// Returns true if the reader of standard output closed it, as `head` does: a normal end.
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
            Self::KeysNeedInput => f.write_str(
                "`watch --tui` reads keys from standard input; give a file to follow instead of `-`",
            ),
            Self::NothingToCheck => f.write_str("nothing to check: give a LINE, `-`, or --config FILE"),
            Self::SeveralFromStart => f.write_str(
                "`watch` reads one file from its start (--from-start, --since); `nearmiss replay` merges several by time",
            ),
            Self::Signals(error) => write!(f, "installing the signal handler: {error}"),
            Self::Output(error) => write!(f, "writing to standard output: {error}"),
        }
    }
}
