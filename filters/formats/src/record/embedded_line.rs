//! The log line inside a record, whose tokens take the place of its member.

use super::field_index::FieldIndex;
use super::parsed::{EmbeddedLine, MAX_SPANS, ParsedRecord};
use super::span::ValueSpan;
use super::token::Token;
use super::value_kind::ValueKind;
use crate::field_id::bit;

impl ParsedRecord {
    /// Returns the text of the member `log`, or else of `message`, and whether it has escapes.
    pub(super) fn embedded_line<'a>(&self, record: &'a [u8]) -> Option<(&'a [u8], bool)> {
        if let Some(line) = self.embedded {
            let (start, _) = self.template.range(self.spans.get(line.first)?);
            let (_, end) = self.template.range(self.spans.get(line.last)?);
            return Some((record.get(start - line.lead..end + line.tail)?, true));
        }
        let span = self.spans.get(self.special.line()?)?;
        span.kind.is_text().then(|| (self.value(record, span), span.kind == ValueKind::Escaped))
    }

    /// Returns true if the embedded line should be tokenized, and charges for it.
    pub(super) fn charge_tokenization(&mut self) -> bool {
        /// Number of matching records that pay for one tokenization: where no line is like the one before, it is wasted.
        const COST: u8 = 16;
        let is_worth_it = self.embedded.is_none() && !self.is_too_large && self.credit >= COST;
        if is_worth_it {
            self.credit -= COST;
        }
        is_worth_it
    }

    /// Puts the tokens of the embedded line among the members; `line` is that line without escapes and line ending.
    ///
    /// Changes nothing if the line has tokens or escapes that the template could not find again.
    #[cold]
    pub(super) fn embed(&mut self, record: &[u8], line: &[u8], tokens: &[Token]) -> Option<()> {
        let index = self.special.line()?;
        self.learn(record);
        let whole = *self.spans.get(index)?;
        let raw = self.value(record, &whole);
        // The only escapes allowed are those of quotes and of one line ending.
        let quotes = line.iter().filter(|byte| **byte == b'"').count();
        let tail = if raw.ends_with(b"\\n") { 2 } else { 0 };
        let is_simple = line.iter().all(|byte| matches!(byte, b' '..=b'[' | b']'..=b'~'))
            && raw.len() == line.len() + quotes + tail;
        let has_room = self.spans.len() + tokens.len() <= MAX_SPANS;
        (is_simple && has_room && tokens.iter().all(|token| token.is_delimited(line))).then_some(())?;
        let after = self.spans.split_off(index);
        let (mut quotes, mut counted) = (0, 0);
        let mut fields = FieldIndex::default();
        for token in tokens {
            quotes += line.get(counted..token.start)?.iter().filter(|byte| **byte == b'"').count();
            counted = token.start;
            let start = whole.start + token.start + quotes;
            let end = start + (token.end - token.start);
            self.spans.push(ValueSpan { start, end, kind: token.kind, field_bit: bit(token.id), ..whole });
            fields.set(token.id, self.spans.len() - 1);
        }
        let (first, last) = (self.spans.get(index)?, self.spans.last()?);
        let (lead, tail) = (first.start - whole.start, whole.end - last.end);
        self.embedded = Some(EmbeddedLine { first: index, last: self.spans.len() - 1, lead, tail });
        self.spans.extend(after.into_iter().skip(1));
        self.learn(record);
        self.set_index(fields);
        Some(())
    }
}
