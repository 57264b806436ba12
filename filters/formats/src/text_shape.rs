//! The outline of a line of text, by which its format is detected.

use crate::swar::find;
use crate::text::TextCursor;
use crate::time;

/// A line of text, and the parts that access logs in text have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TextShape<'a> {
    /// The whole line.
    pub(crate) line: &'a [u8],
    /// The first word.
    pub(crate) first: &'a [u8],
    /// The first time in brackets.
    pub(crate) time: Option<BracketedTime>,
    /// The text after the time; the whole line if there is none.
    pub(crate) after_time: &'a [u8],
    /// The first quoted text after the time.
    pub(crate) request: Option<&'a [u8]>,
    /// The text after the request.
    pub(crate) tail: &'a [u8],
}

/// The notation of a time in brackets, and its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BracketedTime {
    /// Offset of the opening bracket.
    pub(crate) at: usize,
    pub(crate) notation: Notation,
}

/// The notation of a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Notation {
    /// `23/Nov/2026:08:00:00 +0000`.
    Common,
    /// `2026-11-23T08:00:00Z`.
    Rfc3339,
}

impl<'a> TextShape<'a> {
    /// Outlines a line.
    pub(crate) fn new(line: &'a [u8]) -> Self {
        let end = find(line, 0, b' ').unwrap_or(line.len());
        let first = line.get(..end).unwrap_or_default();
        let mut shape = Self { line, first, after_time: line, ..Self::default() };
        if let Some((time, text)) = bracketed_time(line) {
            shape.time = Some(time);
            shape.after_time = text.rest();
        }
        let mut text = TextCursor::new(shape.after_time);
        while !text.is_empty() && !text.next_is(b'"') {
            if text.word("").is_err() {
                break;
            }
        }
        if text.next_is(b'"') {
            shape.request = text.quoted("").ok();
        }
        shape.tail = text.rest();
        shape
    }

    /// Returns true for the beginning of the common log format: a time, a request in quotes, a status and a size.
    pub(crate) fn is_common_log(&self) -> bool {
        let mut tail = TextCursor::new(self.tail);
        let status = tail.word("").unwrap_or_default();
        let size = tail.word("").unwrap_or_default();
        self.time.is_some_and(|time| time.notation == Notation::Common)
            && self.after_time.starts_with(b"\"")
            && self.request.is_some()
            && (matches!(status, b"-" | b"-1") || status.len() == 3 && is_digits(status))
            && (size == b"-" || is_digits(size))
    }

    /// Returns a cursor after status and size of the common log format, after referer and user agent if they follow.
    pub(crate) fn after_combined(&self) -> TextCursor<'a> {
        let mut text = TextCursor::new(self.tail);
        let _ = text.word("").and_then(|_| text.word(""));
        let before = text;
        match text.quoted("").and_then(|_| text.quoted("")) {
            Ok(_) => text,
            Err(_) => before,
        }
    }
}

/// Returns true for decimal digits, at least one.
pub(crate) fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Finds the first time in brackets; returns a cursor after it.
fn bracketed_time(line: &[u8]) -> Option<(BracketedTime, TextCursor<'_>)> {
    let mut from = 0;
    loop {
        let at = find(line, from, b'[')?;
        let mut text = TextCursor::new(line);
        text.advance(at);
        if let Ok(inside) = text.bracketed("") {
            let notation = match inside {
                [b'0'..=b'9', b'0'..=b'9', b'/', ..] => time::common(inside).map(|_| Notation::Common),
                [b'0'..=b'9', _, _, _, b'-', ..] => time::rfc3339(inside).map(|_| Notation::Rfc3339),
                _ => None,
            };
            if let Some(notation) = notation {
                return Some((BracketedTime { at, notation }, text));
            }
        }
        from = at + 1;
    }
}
