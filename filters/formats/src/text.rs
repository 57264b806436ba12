//! A cursor over one line of words, quoted and bracketed texts.
//!
//! As with JSON, the wasm module holds one copy of the methods that all readers call.

use crate::error::LineError;
use crate::swar::find;
use crate::time;
use nearmiss_wasm_rt::ascii_str;

/// A position on one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextCursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> TextCursor<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// Returns the part of the line that has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Advances by `count` bytes.
    pub(crate) fn advance(&mut self, count: usize) {
        self.at = self.line.len().min(self.at + count);
    }

    /// Returns true at the end of the line.
    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.line.len()
    }

    /// Returns true if the next byte is `byte`.
    pub(crate) fn next_is(&self, byte: u8) -> bool {
        self.line.get(self.at) == Some(&byte)
    }

    /// Skips spaces.
    pub(crate) fn skip_spaces(&mut self) {
        while self.next_is(b' ') {
            self.at += 1;
        }
    }

    /// Reads up to the next space or the end of the line, at least one byte; skips the spaces after it.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn word(&mut self, expected: &'static str) -> Result<&'a [u8], LineError> {
        let end = find(self.line, self.at, b' ').unwrap_or(self.line.len());
        if self.at >= end {
            return Err(self.unexpected(expected));
        }
        let word = self.line.get(self.at..end).unwrap_or_default();
        self.continue_at(end);
        Ok(word)
    }

    /// Reads up to the next `stop`, which must be in the same word; skips it.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn until(&mut self, stop: u8, expected: &'static str) -> Result<&'a [u8], LineError> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| *byte == stop || *byte == b' ');
        match end {
            Some(end) if rest.get(end) == Some(&stop) => {
                self.at += end + 1;
                Ok(rest.get(..end).unwrap_or_default())
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Reads the text inside `"…"`; skips the spaces after it. The closing quote is the first one that a space or the end
    /// of the line follows; one with a backslash before it only if there is no other.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn quoted(&mut self, expected: &'static str) -> Result<&'a [u8], LineError> {
        if !self.next_is(b'"') {
            return Err(self.unexpected(expected));
        }
        let start = self.at + 1;
        let (mut from, mut escaped) = (start, None);
        let end = loop {
            match find(self.line, from, b'"') {
                Some(quote) if self.closes(quote) => break Some(quote),
                Some(quote) => {
                    escaped = escaped.or(Some(quote).filter(|quote| self.is_before_space(*quote)));
                    from = quote + 1;
                }
                None => break escaped,
            }
        };
        let Some(end) = end else { return Err(self.unexpected(expected)) };
        self.continue_at(end + 1);
        Ok(self.line.get(start..end).unwrap_or_default())
    }

    /// Returns true if a quote ends a text: it is not escaped, and a space or the end of the line follows.
    fn closes(&self, quote: usize) -> bool {
        self.is_before_space(quote) && self.line.get(quote - 1) != Some(&b'\\')
    }

    /// Returns true if a space or the end of the line follows.
    fn is_before_space(&self, at: usize) -> bool {
        matches!(self.line.get(at + 1), None | Some(b' '))
    }

    /// Reads the text inside `[…]`; skips the spaces after it.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn bracketed(&mut self, expected: &'static str) -> Result<&'a [u8], LineError> {
        if !self.next_is(b'[') {
            return Err(self.unexpected(expected));
        }
        let Some(end) = find(self.line, self.at, b']') else { return Err(self.unexpected(expected)) };
        let inside = self.line.get(self.at + 1..end).unwrap_or_default();
        self.continue_at(end + 1);
        Ok(inside)
    }

    /// Skips everything before the first time of the common log format in brackets, and reads it.
    pub(crate) fn common_time(&mut self) -> Result<&'a [u8], LineError> {
        let mut from = self.at;
        while let Some(open) = find(self.line, from, b'[') {
            let mut text = Self { at: open, ..*self };
            if let Ok(inside) = text.bracketed("")
                && time::common(inside).is_some()
            {
                *self = text;
                return Ok(inside);
            }
            from = open + 1;
        }
        Err(self.unexpected("a time such as [23/Nov/2026:08:00:00 +0000]"))
    }

    /// Creates the error that `expected` does not follow at the cursor.
    #[cold]
    pub(crate) fn unexpected(&self, expected: &'static str) -> LineError {
        LineError::unexpected(self.line, self.at, expected)
    }

    /// Continues at `next`, after spaces.
    #[inline]
    fn continue_at(&mut self, next: usize) {
        self.at = next;
        self.skip_spaces();
    }
}

/// Creates the error that `field` does not take the value `part` of `line`.
#[cold]
pub(crate) fn invalid(line: &[u8], part: &[u8], field: &'static str, takes: &'static str) -> LineError {
    LineError::invalid(offset_in(line, part), field, part, takes)
}

/// Returns the offset of `part` in `line`; 0 for a text that was decoded into a buffer.
pub(crate) fn offset_in(line: &[u8], part: &[u8]) -> usize {
    let distance = (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    if distance <= line.len() { distance } else { 0 }
}

/// Returns `part` of `line` as UTF-8.
pub(crate) fn utf8<'a>(line: &[u8], part: &'a [u8]) -> Result<&'a str, LineError> {
    match ascii_str(part) {
        Some(text) => Ok(text),
        None => non_ascii(line, part),
    }
}

#[cold]
fn non_ascii<'a>(line: &[u8], part: &'a [u8]) -> Result<&'a str, LineError> {
    core::str::from_utf8(part).map_err(|fault| {
        LineError::new(offset_in(line, part) + fault.valid_up_to(), crate::error::LineErrorKind::InvalidUtf8)
    })
}

/// Returns `part`, or `None` if it is empty or `-`.
pub(crate) fn present(part: &[u8]) -> Option<&[u8]> {
    (!matches!(part, b"" | b"-")).then_some(part)
}
