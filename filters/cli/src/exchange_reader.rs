//! Reads the lines of any number of sources, and joins the lines of one exchange.

use crate::error::Error;
use crate::input::InputLine;
use nearmiss_formats::{Attempts, Format, JoinKey, Joiner, LineError, ParsedLine, Reader};
use std::path::Path;

/// Handles the lines that an [`ExchangeReader`] has read.
pub(crate) trait LineHandler {
    /// Handles one line, and what was read of it.
    fn on_line(&mut self, line: InputLine<'_>, read: Result<ParsedLine<'_>, LineError>) -> Result<(), Error>;

    /// Handles the format of the lines, whenever it changes.
    fn on_format(&mut self, _path: &Path, _format: Format) {}
}

/// Passes every line to a handler, the lines of attempts once the line of their exchange was read.
#[derive(Debug, Default)]
pub(crate) struct ExchangeReader {
    joiner: Joiner,
    join_key: JoinKey,
    /// Format of the previous line.
    format: Option<Format>,
}

impl ExchangeReader {
    /// Reads `line` with its source's reader, and passes on what the line completes.
    pub(crate) fn read(
        &mut self,
        line: InputLine<'_>,
        reader: &mut Reader,
        handler: &mut impl LineHandler,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::default();
        let read = reader.read_part(line.text, &mut attempts, &mut self.join_key);
        self.joiner.pass(line.text, &self.join_key, read, &mut |text, read| {
            handler.on_line(InputLine { text, ..line }, read)
        })?;
        self.note_format(line.path, reader.format(), handler);
        Ok(())
    }

    /// Passes on what a line completes that was read elsewhere: in `format`, with its key.
    pub(crate) fn pass(
        &mut self,
        line: InputLine<'_>,
        (read, key): (Result<ParsedLine<'_>, LineError>, &JoinKey),
        format: Format,
        handler: &mut impl LineHandler,
    ) -> Result<(), Error> {
        self.joiner.pass(line.text, key, read, &mut |text, read| {
            handler.on_line(InputLine { text, ..line }, read)
        })?;
        self.note_format(line.path, format, handler);
        Ok(())
    }

    fn note_format(&mut self, path: &Path, format: Format, handler: &mut impl LineHandler) {
        if self.format.replace(format) != Some(format) {
            handler.on_format(path, format);
        }
    }

    /// Passes on the lines that wait for others: the input has ended.
    pub(crate) fn finish(&mut self, handler: &mut impl LineHandler) -> Result<(), Error> {
        let end = InputLine { path: Path::new(""), number: 0, text: b"" };
        self.joiner.finish(&mut |text, read| handler.on_line(InputLine { text, ..end }, read))
    }

    /// Returns the format of the last line.
    pub(crate) fn format(&self) -> Option<Format> {
        self.format
    }
}
