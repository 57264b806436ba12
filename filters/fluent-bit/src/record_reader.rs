//! Reads an exchange from a record: from its fields, or from the log line that one of them holds.

use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::Timestamp;
use nearmiss::config::Ignore;
use nearmiss_fluent_bit_config::FluentBitConfig;
use nearmiss_formats::{
    Attempts, FieldConfig, Format, LineError, OtherLine, ParsedLine, Reader, RecordParser, prior_verdict,
    unescape,
};

/// Longer records and lines are not read: no access log writes lines of this length.
pub(crate) const MAX_RECORD_LEN: usize = 256 << 10;

/// A way to read a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interpretation {
    /// The line in `log` or `message`, whose tokens are already known.
    Tokens,
    /// The line in `log` or `message`.
    Line,
    /// The fields of the record.
    Fields,
    /// The fields of the map at the configured path.
    Nested,
    /// The fields whose keys have a prefix that was put before them.
    Prefixed,
    /// Only the verdict that the record already carries.
    Verdict,
}

/// Reads records one by one.
#[derive(Debug, Default)]
pub(crate) struct RecordReader {
    lines: Reader,
    records: Reader,
    /// The keys on the way to the map that holds the fields, with a parser of the map under each.
    path: Vec<(String, RecordParser)>,
    /// The fields of a record without the prefix of their keys, and their parser.
    unprefixed: (Vec<u8>, RecordParser),
    /// Buffer for a line without its JSON escapes.
    unescaped: Vec<u8>,
}

impl RecordReader {
    /// Creates a reader of lines in `format`, and of structured records in `record_format`.
    pub(crate) fn new(
        format: Format,
        record_format: Format,
        fields: &FieldConfig,
        section: &FluentBitConfig,
        ignore: &Ignore,
    ) -> Self {
        let path = section.record.iter().flat_map(|path| path.split('.'));
        Self {
            path: path.map(|key| (key.into(), RecordParser::default())).collect(),
            lines: Reader::new(format).with_fields(fields.clone()).with_ignore(ignore.clone()),
            records: Reader::new(record_format).with_fields(fields.clone()).with_ignore(ignore.clone()),
            unprefixed: Default::default(),
            unescaped: Vec::new(),
        }
    }

    /// Returns the interpretations to try for `record`, which `parser` has parsed, most likely first.
    pub(crate) fn candidates(&mut self, record: &[u8], parser: &RecordParser) -> &'static [Interpretation] {
        use Interpretation::{Fields, Line, Nested, Prefixed, Tokens, Verdict};
        if parser.has_verdict() {
            &[Fields, Verdict]
        } else if nested(&mut self.path, record, parser).is_some() {
            &[Nested]
        } else if parser.has_tokens() {
            &[Tokens, Line, Fields]
        } else if parser.embedded_line(record).is_some() {
            &[Line, Fields]
        } else if parser.has_prefixed_keys() {
            &[Prefixed, Fields]
        } else {
            &[Fields]
        }
    }

    /// Returns true if the format of lines, or of records, is configured or was detected.
    pub(crate) fn knows_format(&self, interpretation: Interpretation) -> bool {
        let is_line = matches!(interpretation, Interpretation::Tokens | Interpretation::Line);
        let reader = if is_line { &self.lines } else { &self.records };
        reader.format() != Format::Auto
    }

    /// Reads one record under one interpretation; `default_time` applies if the record has no time of its own.
    pub(crate) fn read<'a>(
        &'a mut self,
        interpretation: Interpretation,
        record: &'a [u8],
        parser: &mut RecordParser,
        default_time: Option<Timestamp>,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        match interpretation {
            Interpretation::Tokens => {
                self.lines.set_default_time(default_time);
                self.lines.read_tokens(record, parser, attempts)
            }
            Interpretation::Line => {
                self.lines.set_default_time(default_time);
                let (line, has_escapes) = parser.embedded_line(record).unwrap_or_default();
                let line = if has_escapes { unescaped(line, &mut self.unescaped) } else { line };
                self.lines.tokenize(record, line, parser);
                self.lines.read(line, attempts)
            }
            Interpretation::Fields => {
                self.records.set_default_time(default_time);
                self.records.read_record(record, parser, attempts)
            }
            Interpretation::Nested => {
                self.records.set_default_time(default_time);
                let object = nested(&mut self.path, record, parser).unwrap_or_default();
                let Some((_, parser)) = self.path.last_mut() else { return Err(LineError::unknown_format()) };
                self.records.read_record(object, parser, attempts)
            }
            Interpretation::Prefixed => {
                self.records.set_default_time(default_time);
                let (fields, inner) = &mut self.unprefixed;
                if !parser.write_without_prefix(record, fields) || !inner.parse(fields) {
                    return Ok(ParsedLine::Other(OtherLine::Json));
                }
                self.records.read_record(fields, inner, attempts)
            }
            Interpretation::Verdict => prior_verdict(record, &mut self.unescaped).map(ParsedLine::Judged),
        }
    }
}

/// Returns the map at the configured path of `record`, which `parser` has parsed, and parses it; `None` without a path or a map there.
fn nested<'a>(
    path: &mut [(String, RecordParser)],
    record: &'a [u8],
    parser: &RecordParser,
) -> Option<&'a [u8]> {
    let (first, rest) = path.split_first_mut()?;
    let mut object = parser.object(record, &first.0)?;
    let mut outer = first.1.parse(object).then_some(&first.1)?;
    for (key, inner) in rest {
        object = outer.object(object, key)?;
        outer = inner.parse(object).then_some(&*inner)?;
    }
    Some(object)
}

/// Resolves the escapes of the JSON string `raw` into `buffer`.
fn unescaped<'a>(raw: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    if buffer.len() < raw.len() {
        buffer.resize(raw.len(), 0);
    }
    // The parser has checked the string, and unescaping never makes it longer.
    let written = unescape(raw, buffer).unwrap_or_default();
    buffer.get(..written).unwrap_or_default()
}
