//! A cursor over one JSON object on one line.
//!
//! No tree is built: a reader asks for the next key, and then for a value of the type it accepts. There is no recursion, so
//! deep nesting costs no stack. Skipped values are checked for matching brackets.
//!
//! In wasm its methods are not inlined: six readers call them for every field, and the module would hold as many copies.

use crate::error::{LineError, LineErrorKind, excerpt};
use crate::escapes::unescape;
use crate::scratch::Scratch;
use crate::swar::find_either;
use alloc::vec::Vec;

mod field;

/// A position on one line.
#[derive(Debug)]
pub(crate) struct JsonCursor<'a> {
    line: &'a [u8],
    at: usize,
    scratch: Scratch<'a>,
    /// Maximum length of the decoded strings of the line.
    max_decoded: usize,
}

/// A value of any type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Value<'a> {
    /// `[`; the cursor is after it.
    Array,
    Bool(bool),
    Null,
    /// A number as written.
    Number(&'a str),
    /// `{`; the cursor is after it.
    Object,
    Text(&'a str),
}

impl<'a> JsonCursor<'a> {
    /// Starts to read `line`; strings with a backslash are decoded into `buffer`.
    pub(crate) fn new(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Self {
        Self { line, at: 0, scratch: Scratch::new(buffer), max_decoded: line.len() }
    }

    /// Allows to read every value of the line twice.
    pub(crate) fn allow_rewind(&mut self) {
        self.max_decoded = 2 * self.line.len();
    }

    /// Returns to an offset that was read before.
    pub(crate) fn rewind(&mut self, offset: usize) {
        self.at = offset;
    }

    /// Returns the number of bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Enters the object that the line consists of.
    pub(crate) fn open_object(&mut self) -> Result<(), LineError> {
        if self.peek().is_none() {
            return Err(LineError::new(self.at, LineErrorKind::EmptyLine));
        }
        self.expect(b'{', "`{`")
    }

    /// Checks that only whitespace follows.
    pub(crate) fn expect_end(&mut self) -> Result<(), LineError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the line")),
        }
    }

    /// Returns the next key of the object the cursor is in, or `None` at its end. `first` must be true before the first
    /// key; this function sets it to false.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn next_key(&mut self, first: &mut bool) -> Result<Option<&'a str>, LineError> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if !*first => {
                self.at += 1;
                self.peek();
            }
            _ if !*first => return Err(self.unexpected("`,` or `}`")),
            _ => {}
        }
        *first = false;
        if self.byte() != Some(b'"') {
            return Err(self.unexpected("a field's name in quotes"));
        }
        let key = self.text()?;
        self.expect(b':', "`:`")?;
        self.peek();
        Ok(Some(key))
    }

    /// Returns true if the array the cursor is in has another item. `first` is as in [`next_key`](Self::next_key).
    pub(crate) fn next_item(&mut self, first: &mut bool) -> Result<bool, LineError> {
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if !*first => {
                self.at += 1;
                self.peek();
            }
            _ if !*first => return Err(self.unexpected("`,` or `]`")),
            _ => {}
        }
        *first = false;
        Ok(true)
    }

    /// Reads a value of any type.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, LineError> {
        match self.byte() {
            Some(b'"') => self.text().map(Value::Text),
            Some(b'{') => {
                self.at += 1;
                Ok(Value::Object)
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Value::Array)
            }
            _ => {
                let word = self.word();
                let value = match word {
                    b"null" => Value::Null,
                    b"true" => Value::Bool(true),
                    b"false" => Value::Bool(false),
                    [b'-' | b'0'..=b'9', ..] => Value::Number(core::str::from_utf8(word).unwrap_or_default()),
                    _ => return Err(self.unexpected("a value")),
                };
                self.at += word.len();
                Ok(value)
            }
        }
    }

    /// Reads a value of any type, the member of an object. Unlike JSON, it may be a list without quotes, such as
    /// `0.001, 0.009`, or nothing at all: nginx writes both where its variables stand without quotes.
    pub(crate) fn list_value(&mut self) -> Result<Value<'a>, LineError> {
        let start = self.at;
        if matches!(self.byte(), Some(b',' | b'}')) {
            return Ok(Value::Null);
        }
        let first = self.value()?;
        if !matches!(first, Value::Number(_)) {
            return Ok(first);
        }
        loop {
            let rest = self.line.get(self.at..).unwrap_or_default();
            let separator = match rest {
                [b' ', b':', b' ', b'-' | b'0'..=b'9', ..] => 3,
                [b',', b' ', b'-' | b'0'..=b'9', ..] => 2,
                [b',', b'-' | b'0'..=b'9', ..] => 1,
                _ => break,
            };
            self.at += separator;
            self.at += self.word().len();
        }
        Ok(Value::Number(
            core::str::from_utf8(self.line.get(start..self.at).unwrap_or_default()).unwrap_or_default(),
        ))
    }

    /// Reads the rest of an array that the cursor has entered as a list: its scalars, joined by `, `. Returns an empty text if it
    /// holds anything else.
    pub(crate) fn joined_array(&mut self) -> Result<&'a str, LineError> {
        let start = self.at;
        self.skip_rest(false)?;
        let items = self.line.get(start..self.at.saturating_sub(1)).unwrap_or_default();
        if items.iter().any(|byte| matches!(byte, b'{' | b'[' | b'\\')) {
            return Ok("");
        }
        let joined = self.write_scratch(|buffer| {
            let mut written = 0;
            for byte in items.iter().filter(|byte| !matches!(byte, b'"' | b' ' | b'\t')) {
                *buffer.get_mut(written)? = *byte;
                written += 1;
                if *byte == b',' {
                    *buffer.get_mut(written)? = b' ';
                    written += 1;
                }
            }
            Some(written)
        });
        Ok(joined.unwrap_or_default())
    }

    /// Skips a value of any type.
    pub(crate) fn skip(&mut self) -> Result<(), LineError> {
        match self.byte() {
            Some(b'"') => self.skip_text(),
            Some(b'{' | b'[') => {
                self.at += 1;
                self.skip_rest(self.line.get(self.at - 1) == Some(&b'{'))
            }
            _ => self.value().map(|_| ()),
        }
    }

    /// Skips the rest of the object (or array) that the cursor has entered.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn skip_rest(&mut self, is_object: bool) -> Result<(), LineError> {
        let mut nesting = u64::from(is_object);
        let mut depth = 1_u32;
        loop {
            match self.peek() {
                Some(b'"') => self.skip_text()?,
                Some(open @ (b'{' | b'[')) => {
                    if depth == u64::BITS {
                        return Err(self.unexpected("less nesting"));
                    }
                    nesting = nesting << 1 | u64::from(open == b'{');
                    depth += 1;
                    self.at += 1;
                }
                Some(close @ (b'}' | b']')) => {
                    if (nesting & 1 == 1) != (close == b'}') {
                        return Err(self.unexpected("the closing bracket of the innermost object or array"));
                    }
                    self.at += 1;
                    nesting >>= 1;
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                Some(b',' | b':') => self.at += 1,
                Some(_) => {
                    self.value()?;
                }
                None => return Err(self.unexpected("`}`")),
            }
        }
    }

    /// Returns the text that `fill` writes to the line's scratch space.
    pub(crate) fn write_scratch(&mut self, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> Option<&'a str> {
        core::str::from_utf8(self.scratch.write(self.max_decoded, fill)?).ok()
    }

    /// Creates the error that the format has no field `name`, the key that was read last.
    #[cold]
    pub(crate) fn unknown(&self, name: &str) -> LineError {
        LineError::new(self.at, LineErrorKind::UnknownField { name: excerpt(name.as_bytes()) })
    }

    /// Reads the string whose opening quote is at the cursor.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn text(&mut self) -> Result<&'a str, LineError> {
        let start = self.at + 1;
        let Some(end) = find_either(self.line, start, b'"', b'\\') else { return Err(self.unclosed()) };
        if self.line.get(end) != Some(&b'"') {
            return self.escaped_text(start);
        }
        self.at = end + 1;
        core::str::from_utf8(self.line.get(start..end).unwrap_or_default())
            .map_err(|fault| LineError::new(start + fault.valid_up_to(), LineErrorKind::InvalidUtf8))
    }

    /// Reads the string from `start`, which has a backslash in it.
    #[cold]
    fn escaped_text(&mut self, start: usize) -> Result<&'a str, LineError> {
        self.skip_text()?;
        let raw = self.line.get(start..self.at - 1).unwrap_or_default();
        let text = self.scratch.write(self.max_decoded, |buffer| unescape(raw, buffer));
        let text =
            text.ok_or_else(|| LineError::unexpected(self.line, start, "a string with valid escapes"))?;
        core::str::from_utf8(text).map_err(|_| LineError::new(start, LineErrorKind::InvalidUtf8))
    }

    /// Skips the string whose opening quote is at the cursor.
    fn skip_text(&mut self) -> Result<(), LineError> {
        let mut at = self.at + 1;
        loop {
            let Some(found) = find_either(self.line, at, b'"', b'\\') else { return Err(self.unclosed()) };
            if self.line.get(found) == Some(&b'"') {
                self.at = found + 1;
                return Ok(());
            }
            at = found + 2;
        }
    }

    #[cold]
    fn unclosed(&self) -> LineError {
        LineError::new(self.line.len(), LineErrorKind::Truncated { expected: "a closing quote" })
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn expect(&mut self, expected: u8, name: &'static str) -> Result<(), LineError> {
        if self.peek() == Some(expected) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(name))
    }

    #[cold]
    fn unexpected(&self, expected: &'static str) -> LineError {
        LineError::unexpected(self.line, self.at, expected)
    }

    /// Skips whitespace, and returns the next byte.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                other => return other,
            }
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// Returns the bytes from the cursor to the end of an unquoted value.
    fn word(&self) -> &'a [u8] {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| ends_value(Some(byte))).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }
}

impl<'a> Value<'a> {
    /// Returns the string, or the number as written; `None` for `null`, `""`, `"-"` and other types.
    pub(crate) fn word(self) -> Option<&'a str> {
        match self {
            Self::Number(word) => Some(word),
            Self::Text(word) if !matches!(word, "" | "-") => Some(word),
            _ => None,
        }
    }
}

/// Returns true if an unquoted value may end before `next`.
#[inline]
fn ends_value(next: Option<&u8>) -> bool {
    matches!(next, None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_is_skipped_without_recursion() {
        let mut buffer = Vec::new();
        let line = br#"{"a":[{"b":"]}\""},[1,2.5e3,null,true]],"c":7}"#;
        let mut json = JsonCursor::new(line, &mut buffer);
        json.open_object().unwrap();
        let mut first = true;
        assert_eq!(json.next_key(&mut first).unwrap(), Some("a"));
        json.skip().unwrap();
        assert_eq!(json.next_key(&mut first).unwrap(), Some("c"));
        assert_eq!(json.value().unwrap(), Value::Number("7"));
        assert_eq!(json.next_key(&mut first).unwrap(), None);
        json.expect_end().unwrap();
        let deep = alloc::format!("{{\"a\":{}", "[".repeat(1_000_000));
        let mut json = JsonCursor::new(deep.as_bytes(), &mut buffer);
        json.open_object().unwrap();
        json.next_key(&mut true).unwrap();
        assert!(json.skip().is_err());
    }
}
