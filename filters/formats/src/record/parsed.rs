//! The members of one record.

use super::field_index::FieldIndex;
use super::scanner::Scanner;
use super::span::ValueSpan;
use super::template::Template;
use crate::Format;
use alloc::vec::Vec;

/// Maximum number of members and tokens of one record that are kept.
pub(super) const MAX_SPANS: usize = 64;

/// The members of one record, and the template that the next record is compared with.
#[derive(Debug, Default)]
pub(super) struct ParsedRecord {
    pub(super) template: Template,
    /// The members in order; the tokens of the embedded line take the place of its member.
    pub(super) spans: Vec<ValueSpan>,
    /// True if the record has more than [`MAX_SPANS`] members.
    pub(super) is_too_large: bool,
    /// Number of bytes from the closing brace to the end.
    pub(super) tail: usize,
    pub(super) special: SpecialMembers,
    pub(super) embedded: Option<EmbeddedLine>,
    /// The spans of the fields; valid if `is_indexed`.
    pub(super) index: FieldIndex,
    pub(super) is_indexed: bool,
    /// Number of records that matched the template, minus those spent on tokenization.
    pub(super) credit: u8,
    pub(super) format: Option<Format>,
}

/// The members whose keys have a meaning in every format.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpecialMembers {
    /// The index of the member that the configuration names as the line.
    configured: Option<u8>,
    /// The index of the member `log`, a line as it was logged.
    log: Option<u8>,
    /// The index of the member `message`, or journald's `MESSAGE`: the same, if there is no `log`.
    message: Option<u8>,
    /// True if there is a member `near_miss`.
    pub(super) has_verdict: bool,
    /// True if there is another member that only nearmiss writes.
    pub(super) has_reserved: bool,
    /// Number of members whose keys may share a prefix.
    pub(super) prefixed: u8,
}

/// The position of the embedded line.
#[derive(Clone, Copy, Debug)]
pub(super) struct EmbeddedLine {
    /// The spans of its first and last token.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Number of bytes of the line before its first token and after its last.
    pub(super) lead: usize,
    pub(super) tail: usize,
}

impl ParsedRecord {
    /// Returns the text of a span.
    #[inline]
    pub(super) fn value<'a>(&self, record: &'a [u8], span: &ValueSpan) -> &'a [u8] {
        let (start, end) = self.template.range(span);
        record.get(start..end).unwrap_or_default()
    }

    /// Parses a record that matches the template; returns false if it does not.
    pub(super) fn match_record(&mut self, record: &[u8]) -> bool {
        let mut is_same_kind = true;
        let is_match = self.template.match_record(record, &mut self.spans, &mut is_same_kind);
        self.is_indexed &= is_same_kind;
        self.credit = self.credit.saturating_add(u8::from(is_match));
        is_match
    }

    /// Makes the template from `record`, the one that was parsed.
    pub(super) fn learn(&mut self, record: &[u8]) {
        self.template.learn(record, &mut self.spans);
    }

    /// Sets the spans of the fields.
    pub(super) fn set_index(&mut self, index: FieldIndex) {
        (self.index, self.is_indexed) = (index, true);
        self.template.update_varying(&self.spans);
    }

    /// Parses a record by scanning every byte; `None` if it is invalid. `line_key` is the configured key of the line, empty for `log`, `message` and
    /// `MESSAGE`.
    #[cold]
    pub(super) fn scan(&mut self, record: &[u8], line_key: &[u8]) -> Option<()> {
        let mut scanner = Scanner { record, at: 0 };
        self.spans.clear();
        self.special = SpecialMembers::default();
        (self.is_too_large, self.is_indexed, self.embedded, self.format) = (false, false, None, None);
        self.credit = 0;
        scanner.skip_whitespace();
        scanner.take(b'{')?;
        scanner.skip_whitespace();
        while scanner.byte()? != b'}' || !self.spans.is_empty() {
            let (key, _) = scanner.text()?;
            scanner.skip_whitespace();
            scanner.take(b':')?;
            scanner.skip_whitespace();
            let (start, end, kind) = scanner.member()?;
            self.special.note(record.get(key.clone())?, line_key, self.spans.len());
            if self.spans.len() < MAX_SPANS {
                let key = ((start - key.start) as u32, (key.end - key.start) as u32);
                self.spans.push(ValueSpan { start, end, key, kind, ..ValueSpan::default() });
            } else {
                self.is_too_large = true;
            }
            scanner.skip_whitespace();
            match scanner.byte()? {
                b',' => scanner.at += 1,
                b'}' => break,
                _ => return None,
            }
            scanner.skip_whitespace();
        }
        self.tail = record.len() - scanner.at;
        scanner.at += 1;
        scanner.skip_whitespace();
        (scanner.at == record.len()).then_some(())?;
        self.learn(record);
        if self.is_too_large {
            self.template.clear();
        }
        Some(())
    }
}

/// Returns true if a key may have a prefix of its record: `log_`, `log.` or one that begins with either.
pub(super) fn may_have_prefix(key: &[u8]) -> bool {
    matches!(key, [b'l', b'o', b'g', b'_' | b'.', _, ..])
}

impl SpecialMembers {
    fn note(&mut self, key: &[u8], line_key: &[u8], index: usize) {
        match key {
            b"near_miss" => self.has_verdict = true,
            b"near_miss_episodes"
            | b"near_miss_summaries"
            | b"near_miss_note"
            | b"near_miss_fate"
            | b"near_miss_upstream" => self.has_reserved = true,
            key if !line_key.is_empty() && key == line_key => self.configured = u8::try_from(index).ok(),
            b"log" => self.log = u8::try_from(index).ok(),
            b"message" | b"MESSAGE" => self.message = u8::try_from(index).ok(),
            key if may_have_prefix(key) => self.prefixed = self.prefixed.saturating_add(1),
            _ => {}
        }
    }

    /// Returns the index of the member that holds the embedded line.
    pub(super) fn line(&self) -> Option<usize> {
        self.configured.or(self.log).or(self.message).map(usize::from)
    }
}
