//! The bytes that records of one source share, and the places where their values vary.
//!
//! A template keeps the text of one record as literal runs: up to the first value that varies, on to the next, and the
//! rest. A record that matches has the same literal runs, with values of the same kinds between them. A value that
//! turns out to vary splits its literal run in two, and is scanned in every record from then on.

use super::span::ValueSpan;
use crate::swar::is_same;
use alloc::vec::Vec;

/// The text of a record without the values that vary, with which other records are compared.
#[derive(Debug, Default)]
pub(super) struct Template {
    text: Vec<u8>,
    runs: Vec<LiteralRun>,
    /// The fields whose values vary, as a bit set.
    varying: u32,
}

/// A part of the text without a varying value in it.
#[derive(Clone, Copy, Debug)]
struct LiteralRun {
    len: usize,
    /// The span of the varying value that follows; out of range for the last run.
    span: usize,
    /// Offset in the last record.
    at: usize,
}

/// The first difference between a record and the template: `same` bytes of literal run `run` are equal.
struct Mismatch {
    run: usize,
    same: usize,
}

impl Template {
    /// Maximum length of a record that is made a template, in bytes.
    const MAX_LEN: usize = 64 << 10;

    /// Empties the template, so that it matches no record.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// Makes the template from `record`, whose spans are where [`range`](Self::range) says.
    #[cold]
    pub(super) fn learn(&mut self, record: &[u8], spans: &mut [ValueSpan]) {
        for span in spans.iter_mut() {
            (span.start, span.end) = self.range(span);
            span.run = Some(0);
        }
        self.text.clear();
        self.runs.clear();
        self.varying = 0;
        if record.len() <= Self::MAX_LEN {
            self.text.extend_from_slice(record);
            self.runs.push(LiteralRun { len: record.len(), span: spans.len(), at: 0 });
        }
    }

    /// Returns the range of a span in the last record.
    #[inline]
    pub(super) fn range(&self, span: &ValueSpan) -> (usize, usize) {
        let run = span.run.and_then(|run| self.runs.get(usize::from(run)));
        let at = run.map_or(0, |run| run.at);
        (span.start.wrapping_add(at), span.end.wrapping_add(at))
    }

    /// Returns the fields whose values may differ from those of the previous record, as a bit set.
    pub(super) fn varying(&self) -> u32 {
        self.varying
    }

    /// Collects the varying fields again, after fields were assigned to spans.
    pub(super) fn update_varying(&mut self, spans: &[ValueSpan]) {
        let varying = spans.iter().filter(|span| span.run.is_none());
        self.varying = varying.fold(0, |fields, span| fields | span.field_bit);
    }

    /// Returns false if the template matches no record.
    pub(super) fn is_set(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Finds the spans of `record`; returns false if the template does not match. Sets `is_same_kind` to false if a
    /// value is of another kind than before.
    pub(super) fn match_record(
        &mut self,
        record: &[u8],
        spans: &mut [ValueSpan],
        is_same_kind: &mut bool,
    ) -> bool {
        while let Err(mismatch) = self.compare(record, spans, is_same_kind) {
            if mismatch.and_then(|mismatch| self.split(mismatch, spans)).is_none() {
                return false;
            }
        }
        true
    }

    /// Compares `record` with the literal runs known so far. Returns the first mismatch, or `Err(None)` if the record
    /// cannot match.
    #[inline]
    fn compare(
        &mut self,
        record: &[u8],
        spans: &mut [ValueSpan],
        is_same_kind: &mut bool,
    ) -> Result<(), Option<Mismatch>> {
        let (mut rest, mut text) = (record, self.text.as_slice());
        for (number, run) in self.runs.iter_mut().enumerate() {
            let (expected, text_after) = text.split_at_checked(run.len).ok_or(None)?;
            let after = match rest.split_at_checked(run.len) {
                Some((found, after)) if is_same(found, expected) => after,
                _ => return Err(Some(Mismatch { run: number, same: common_prefix(rest, expected) })),
            };
            run.at = record.len() - rest.len();
            let Some(span) = spans.get_mut(run.span) else {
                return if after.is_empty() { Ok(()) } else { Err(None) };
            };
            let start = record.len() - after.len();
            let end = match span.measure(after) {
                Some(length) => start + length,
                None => {
                    *is_same_kind = false;
                    span.rescan(record, start).ok_or(None)?
                }
            };
            (span.start, span.end) = (start, end);
            (rest, text) = (record.get(end..).ok_or(None)?, text_after);
        }
        Err(None)
    }

    /// Splits a literal run around the value at the mismatch; `None` if no value is there.
    #[cold]
    fn split(&mut self, Mismatch { run: number, same }: Mismatch, spans: &mut [ValueSpan]) -> Option<()> {
        let contains =
            |span: &ValueSpan| span.run == Some(number as u8) && span.start <= same && same <= span.end;
        let found = spans.iter().position(contains)?;
        let ValueSpan { start, end, field_bit, .. } = *spans.get(found)?;
        let before = self.runs.get(..number)?.iter().fold(0, |sum, run| sum + run.len);
        self.text.drain(before + start..before + end);
        let run = self.runs.get_mut(number)?;
        let first = LiteralRun { len: start, span: found, ..*run };
        run.len = run.len.checked_sub(end)?;
        self.runs.insert(number, first);
        self.varying |= field_bit;
        for span in spans.get_mut(found..).unwrap_or_default() {
            if span.run == Some(number as u8) {
                (span.start, span.end) = (span.start.wrapping_sub(end), span.end.wrapping_sub(end));
            }
            span.run = span.run.map(|run| run + 1);
        }
        spans.get_mut(found)?.run = None;
        Some(())
    }
}

/// Returns the length of the common prefix of two texts.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_chunks::<8>().0, b.as_chunks().0);
    let same = 8 * words_a.iter().zip(words_b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    same + a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
