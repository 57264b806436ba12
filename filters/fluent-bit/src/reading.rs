//! What a record says: its fields are those of a format, or one of them is a line as it was logged.

use alloc::vec::Vec;
use nearmiss::Timestamp;
use nearmiss_formats::{
    Attempts, FieldConfig, Format, LineError, ParsedLine, Reader, RecordParser, prior_verdict, unescape,
};

/// A longer record or line is passed on unread: no access log writes such lines.
pub(crate) const LONGEST: usize = 256 << 10;

/// How a record may be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// The parts of the line in `log` or `message`, which are known.
    Tokens,
    /// The line in `log` or `message`.
    Line,
    /// Its fields.
    Fields,
    /// Only the verdict that stands in it.
    Verdict,
}

impl Way {
    /// How `record`, which `parser` has parsed, may be read, the likeliest way first.
    pub(crate) fn all(record: &[u8], parser: &RecordParser) -> &'static [Self] {
        if parser.has_verdict() {
            &[Self::Fields, Self::Verdict]
        } else if parser.has_tokens() {
            &[Self::Tokens, Self::Line, Self::Fields]
        } else if parser.embedded_line(record).is_some() {
            &[Self::Line, Self::Fields]
        } else {
            &[Self::Fields]
        }
    }
}

/// Reads records, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    lines: Reader,
    records: Reader,
    /// The line without the escapes that JSON needs.
    line: Vec<u8>,
}

impl Reading {
    /// Reads lines in `format`, and records too if it is JSON.
    pub(crate) fn new(format: Format, fields: &FieldConfig) -> Self {
        let of_records = if format.is_json() { format } else { Format::Auto };
        Self {
            lines: Reader::new(format).with_fields(fields.clone()),
            records: Reader::new(of_records).with_fields(fields.clone()),
            line: Vec::new(),
        }
    }

    /// Reads one record in one way; `arrived` is its time for the pipeline.
    pub(crate) fn read<'a>(
        &'a mut self,
        way: Way,
        record: &'a [u8],
        parser: &mut RecordParser,
        arrived: Option<Timestamp>,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        match way {
            Way::Tokens => {
                self.lines.set_default_time(arrived);
                self.lines.read_tokens(record, parser, attempts)
            }
            Way::Line => {
                self.lines.set_default_time(arrived);
                let (line, has_escapes) = parser.embedded_line(record).unwrap_or_default();
                let line = if has_escapes { text(line, &mut self.line) } else { line };
                self.lines.tokenize(record, line, parser);
                self.lines.read(line, attempts)
            }
            Way::Fields => {
                self.records.set_default_time(arrived);
                self.records.read_record(record, parser, attempts)
            }
            Way::Verdict => prior_verdict(record, &mut self.line).map(ParsedLine::Judged),
        }
    }
}

/// What a JSON text with escapes says, written to `room`.
fn text<'a>(raw: &[u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    if room.len() < raw.len() {
        room.resize(raw.len(), 0);
    }
    // The text was found to be sound, and is never longer without escapes.
    let written = unescape(raw, room).unwrap_or_default();
    room.get(..written).unwrap_or_default()
}
