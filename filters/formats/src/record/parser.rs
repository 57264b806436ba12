//! The parser of one source's records.

use super::field_index::FieldIndex;
use super::parsed::ParsedRecord;
use super::token::Token;
use super::value_kind::ValueKind;
use super::values::RecordValues;
use crate::Format;
use crate::field_id::bit;
use alloc::vec::Vec;

/// Number of records after which the template is learned again, to find out which values still vary.
pub(super) const RELEARN_INTERVAL: u32 = 4_096;
/// Maximum number of templates kept besides that of the last record.
const MAX_OTHERS: usize = 3;

/// Parses records of one source, one after the other.
#[derive(Debug, Default)]
pub struct RecordParser {
    /// The last record.
    pub(super) current: ParsedRecord,
    /// Earlier records with other templates, which may match again.
    others: Vec<ParsedRecord>,
    /// The fields whose values may differ from those of the previous record, as a bit set.
    changed: u32,
    /// Number of records so far, wrapping.
    pub(crate) count: u32,
    /// Offset of the closing brace.
    brace: usize,
    /// The configured key of the embedded line; empty for `log`, `message` and `MESSAGE`.
    line_key: Vec<u8>,
}

/// One member of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: &'a [u8],
    /// The value, without quotes.
    pub(crate) value: &'a [u8],
    pub(crate) kind: ValueKind,
}

impl RecordParser {
    /// Creates a parser of records whose line is the text of `key`, or of `log`, `message` or `MESSAGE` if a record does not have it.
    pub fn with_line_key(key: &str) -> Self {
        Self { line_key: key.as_bytes().to_vec(), ..Self::default() }
    }

    /// Parses the next record; returns false if it is not one JSON object, or nested deeper than
    /// [`MAX_DEPTH`](crate::MAX_DEPTH).
    pub fn parse(&mut self, record: &[u8]) -> bool {
        self.count = self.count.wrapping_add(1);
        let is_valid = if self.current.match_record(record) {
            self.changed = self.current.template.varying();
            if self.count.is_multiple_of(RELEARN_INTERVAL) {
                self.current.learn(record);
            }
            true
        } else {
            // Any value may differ from those of the previous record.
            self.changed = u32::MAX;
            self.parse_other(record)
        };
        self.brace = record.len().wrapping_sub(self.current.tail);
        is_valid
    }

    /// Returns the text of `record`, the parsed one, up to its closing brace.
    pub fn without_closing_brace<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(..self.brace).unwrap_or_default()
    }

    /// Returns true if the record has no members.
    pub fn is_empty(&self) -> bool {
        self.current.spans.is_empty()
    }

    /// Returns true if the record has a member `near_miss`.
    pub fn has_verdict(&self) -> bool {
        self.current.special.has_verdict
    }

    /// Returns true if the record has another member that only nearmiss writes.
    pub fn has_reserved_field(&self) -> bool {
        self.current.special.has_reserved
    }

    /// Returns the line inside `record`, the parsed one: the text of the configured key, or else of `log`,
    /// `message` or `MESSAGE`, and true if it has escapes.
    pub fn embedded_line<'a>(&self, record: &'a [u8]) -> Option<(&'a [u8], bool)> {
        self.current.embedded_line(record)
    }

    /// Returns the text of the object under `key` in `record`, the parsed one.
    pub fn object<'a>(&self, record: &'a [u8], key: &str) -> Option<&'a [u8]> {
        self.value_of(record, key)
            .filter(|(value, kind)| *kind == ValueKind::Nested && value.starts_with(b"{"))
            .map(|(value, _)| value)
    }

    /// Returns the text under `key` in `record`, the parsed one, without quotes and with its escapes.
    pub fn text<'a>(&self, record: &'a [u8], key: &str) -> Option<&'a [u8]> {
        self.value_of(record, key).filter(|(_, kind)| kind.is_text()).map(|(value, _)| value)
    }

    fn value_of<'a>(&self, record: &'a [u8], key: &str) -> Option<(&'a [u8], ValueKind)> {
        let mut members = (0..self.current.spans.len()).filter_map(|index| self.member(record, index));
        members.rfind(|member| member.key == key.as_bytes()).map(|member| (member.value, member.kind))
    }

    /// Returns true if the tokens of the embedded line are known, so that
    /// [`Reader::read_tokens`](crate::Reader::read_tokens) can read it.
    pub fn has_tokens(&self) -> bool {
        self.current.embedded.is_some()
    }

    /// Returns true if the embedded line should be tokenized, and charges for it.
    pub(crate) fn charge_tokenization(&mut self) -> bool {
        self.current.charge_tokenization()
    }

    /// Keeps the tokens of the embedded line; `line` is that line without escapes and line ending.
    pub(crate) fn embed(&mut self, record: &[u8], line: &[u8], tokens: &[Token]) {
        self.current.embed(record, line, tokens);
    }

    /// Returns the number of members; `None` if they are not all kept, or the embedded line is tokenized.
    pub(crate) fn member_count(&self) -> Option<usize> {
        (!self.current.is_too_large && self.current.embedded.is_none()).then_some(self.current.spans.len())
    }

    /// Returns a member of `record`, the parsed one.
    pub(crate) fn member<'a>(&self, record: &'a [u8], index: usize) -> Option<Member<'a>> {
        let span = self.current.spans.get(index)?;
        let (start, _) = self.current.template.range(span);
        let start = start.wrapping_sub(span.key.0 as usize);
        let key = record.get(start..start.wrapping_add(span.key.1 as usize)).unwrap_or_default();
        Some(Member { key, value: self.current.value(record, span), kind: span.kind })
    }

    /// Assigns a field to a member.
    pub(crate) fn assign(&mut self, index: usize, id: u8) {
        if let Some(span) = self.current.spans.get_mut(index) {
            span.field_bit = bit(id);
        }
    }

    /// Returns true if the spans of the fields are known.
    pub(crate) fn is_indexed(&self) -> bool {
        self.current.is_indexed
    }

    /// Sets the spans of the fields.
    pub(crate) fn set_index(&mut self, index: FieldIndex) {
        self.current.set_index(index);
    }

    /// Returns the values of `record`, the parsed one, by field.
    pub(crate) fn values<'a>(&self, record: &'a [u8]) -> RecordValues<'a, '_> {
        RecordValues::new(record, &self.current)
    }

    /// Returns the fields whose values may differ from those of the previous record, as a bit set.
    pub(crate) fn changed(&self) -> u32 {
        self.changed
    }

    /// Returns the format of the members, if it has been detected.
    pub(crate) fn format(&self) -> Option<Format> {
        self.current.format
    }

    /// Sets the format of the members.
    pub(crate) fn set_format(&mut self, format: Format) {
        self.current.format = Some(format);
    }

    /// Parses a record that does not match the last record's template.
    #[cold]
    fn parse_other(&mut self, record: &[u8]) -> bool {
        let Self { current, others, line_key, .. } = self;
        if let Some(known) = others.iter_mut().find_map(|other| other.match_record(record).then_some(other)) {
            core::mem::swap(current, known);
            return true;
        }
        if current.template.is_set() {
            let reused = if others.len() < MAX_OTHERS { ParsedRecord::default() } else { others.remove(0) };
            others.push(core::mem::replace(current, reused));
        }
        let is_valid = current.scan(record, line_key).is_some();
        if !is_valid {
            current.template.clear();
        }
        is_valid
    }
}
