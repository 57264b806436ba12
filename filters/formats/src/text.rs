//! A cursor over one line of words, quoted and bracketed parts.
//!
//! As with JSON, the module carries one copy of what all readers call.

use crate::error::LineError;
use crate::scan::find;
use nearmiss_wasm_rt::ascii_str;

/// Where reading has come to on one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Reads on `count` bytes further.
    pub(crate) fn advance(&mut self, count: usize) {
        self.at = self.line.len().min(self.at + count);
    }

    /// Whether the line ends here.
    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.line.len()
    }

    /// Whether `byte` comes next.
    pub(crate) fn sees(&self, byte: u8) -> bool {
        self.line.get(self.at) == Some(&byte)
    }

    /// Steps over blanks.
    pub(crate) fn blanks(&mut self) {
        while self.sees(b' ') {
            self.at += 1;
        }
    }

    /// The bytes up to the next blank or the end of the line, at least one; steps over the blanks behind.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn word(&mut self, wanted: &'static str) -> Result<&'a [u8], LineError> {
        let end = find(self.line, self.at, b' ').unwrap_or(self.line.len());
        self.take(end, end, wanted)
    }

    /// The bytes up to the next `stop`, which must come in the same word; steps over it.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn until(&mut self, stop: u8, wanted: &'static str) -> Result<&'a [u8], LineError> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| *byte == stop || *byte == b' ');
        match end {
            Some(end) if rest.get(end) == Some(&stop) => {
                self.at += end + 1;
                Ok(rest.get(..end).unwrap_or_default())
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    /// The inside of `"…"`, with the blanks behind. A quote inside does not end it: the one that does is followed
    /// by a blank or the end of the line.
    #[inline]
    pub(crate) fn quoted(&mut self, wanted: &'static str) -> Result<&'a [u8], LineError> {
        if !self.sees(b'"') {
            return Err(self.unexpected(wanted));
        }
        let start = self.at + 1;
        let mut from = start;
        loop {
            let Some(end) = find(self.line, from, b'"') else { return Err(self.unexpected(wanted)) };
            if matches!(self.line.get(end + 1), None | Some(b' ')) {
                self.at = start;
                return self.take(end, end + 1, wanted).or(Ok(&[]));
            }
            from = end + 1;
        }
    }

    /// The inside of `[…]`, with the blanks behind.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn bracketed(&mut self, wanted: &'static str) -> Result<&'a [u8], LineError> {
        if !self.sees(b'[') {
            return Err(self.unexpected(wanted));
        }
        let Some(end) = find(self.line, self.at, b']') else { return Err(self.unexpected(wanted)) };
        self.at += 1;
        self.take(end, end + 1, wanted).or(Ok(&[]))
    }

    /// The error that `wanted` should come here.
    #[cold]
    pub(crate) fn unexpected(&self, wanted: &'static str) -> LineError {
        LineError::unexpected(self.line, self.at, wanted)
    }

    /// The bytes from here to `end`, at least one; goes on at `next`, after blanks.
    #[inline]
    fn take(&mut self, end: usize, next: usize, wanted: &'static str) -> Result<&'a [u8], LineError> {
        let taken = self.line.get(self.at..end).unwrap_or_default();
        if taken.is_empty() && next == end {
            return Err(self.unexpected(wanted));
        }
        self.at = next;
        self.blanks();
        Ok(taken)
    }
}

/// The error that `part`, a piece of `line`, is none that `field` takes.
#[cold]
pub(crate) fn wrong(line: &[u8], part: &[u8], field: &'static str, takes: &'static str) -> LineError {
    LineError::wrong(place(line, part), field, part, takes)
}

/// Where `part` lies in `line`; 0 for a text that was decoded elsewhere.
pub(crate) fn place(line: &[u8], part: &[u8]) -> usize {
    let distance = (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    if distance <= line.len() { distance } else { 0 }
}

/// `part` of `line` as text that is kept.
pub(crate) fn utf8<'a>(line: &[u8], part: &'a [u8]) -> Result<&'a str, LineError> {
    match ascii_str(part) {
        Some(text) => Ok(text),
        None => wide(line, part),
    }
}

#[cold]
fn wide<'a>(line: &[u8], part: &'a [u8]) -> Result<&'a str, LineError> {
    core::str::from_utf8(part).map_err(|fault| {
        LineError::new(place(line, part) + fault.valid_up_to(), crate::error::LineErrorKind::NotUtf8)
    })
}

/// `part`, or `None` where it is empty or `-`.
pub(crate) fn present(part: &[u8]) -> Option<&[u8]> {
    (!matches!(part, b"" | b"-")).then_some(part)
}
