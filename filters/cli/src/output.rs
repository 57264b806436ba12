//! Buffered standard output.

use crate::error::Error;
use std::io::{StdoutLock, Write};

/// Number of bytes after which the buffer is written.
const CHUNK: usize = 256 << 10;

/// Buffers lines for standard output.
pub(crate) struct Output {
    gathered: Vec<u8>,
    stdout: StdoutLock<'static>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { gathered: Vec::with_capacity(2 * CHUNK), stdout: std::io::stdout().lock() }
    }

    /// Appends one line of text.
    #[inline]
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Error> {
        self.raw(line.as_bytes())
    }

    /// Appends one line of bytes.
    #[inline]
    pub(crate) fn raw(&mut self, line: &[u8]) -> Result<(), Error> {
        self.gathered.extend_from_slice(line);
        self.gathered.push(b'\n');
        if self.gathered.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Writes the buffered lines.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.stdout.write_all(&self.gathered).map_err(Error::Output)?;
        self.gathered.clear();
        self.stdout.flush().map_err(Error::Output)
    }
}
