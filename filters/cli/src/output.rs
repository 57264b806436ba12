//! Standard output, a large piece at a time.

use crate::setup::Error;
use std::io::{StdoutLock, Write};

/// What is gathered before it is written.
const CHUNK: usize = 256 << 10;

/// Lines on their way to standard output.
pub(crate) struct Output {
    gathered: Vec<u8>,
    stdout: StdoutLock<'static>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { gathered: Vec::with_capacity(2 * CHUNK), stdout: std::io::stdout().lock() }
    }

    /// Adds one line.
    #[inline]
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Error> {
        self.raw(line.as_bytes())
    }

    /// Adds one line that need not be text.
    #[inline]
    pub(crate) fn raw(&mut self, line: &[u8]) -> Result<(), Error> {
        self.gathered.extend_from_slice(line);
        self.gathered.push(b'\n');
        if self.gathered.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.stdout.write_all(&self.gathered).map_err(Error::Output)?;
        self.gathered.clear();
        self.stdout.flush().map_err(Error::Output)
    }
}
