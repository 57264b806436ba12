//! What a record says: its fields are those of a format, or one of them is a line as it was logged.

use alloc::vec::Vec;
use nearmiss::Timestamp;
use nearmiss_formats::{Attempts, Fields, Format, Line, LineError, Object, Reader, judged, unescape};

/// A longer record or line is passed on unread: no access log writes such lines.
pub(crate) const LONGEST: usize = 256 << 10;

/// How a record may be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// The parts of the line in `log` or `message`, which are known.
    Parts,
    /// The line in `log` or `message`.
    Line,
    /// Its fields.
    Fields,
    /// Only the verdict that stands in it.
    Verdict,
}

impl Way {
    /// How `record`, which `object` has taken, may be read, the likeliest way first.
    pub(crate) fn all(record: &[u8], object: &Object) -> &'static [Self] {
        if object.is_judged() {
            &[Self::Fields, Self::Verdict]
        } else if object.has_parts() {
            &[Self::Parts, Self::Line, Self::Fields]
        } else if object.line(record).is_some() {
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
    pub(crate) fn new(format: Format, fields: &Fields) -> Self {
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
        object: &mut Object,
        arrived: Option<Timestamp>,
        attempts: &'a mut Attempts<'a>,
    ) -> Result<Line<'a>, LineError> {
        match way {
            Way::Parts => {
                self.lines.arrived(arrived);
                self.lines.read_parts(record, object, attempts)
            }
            Way::Line => {
                self.lines.arrived(arrived);
                let (line, has_escapes) = object.line(record).unwrap_or_default();
                let line = if has_escapes { text(line, &mut self.line) } else { line };
                self.lines.find_parts(record, line, object);
                self.lines.read(line, attempts)
            }
            Way::Fields => {
                self.records.arrived(arrived);
                self.records.read_object(record, object, attempts)
            }
            Way::Verdict => judged(record, &mut self.line).map(Line::Judged),
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
