//! A cursor over one JSON object on one line.
//!
//! Nothing is built: whoever reads asks for the next key and then says what it takes as the value. There is no
//! recursion, so no nesting however deep costs stack; what is passed over is checked for matching brackets.
//!
//! In wasm nothing of it is inlined: six readers call it for every field, and the module would carry as many copies.

use crate::error::{LineError, LineErrorKind, excerpt};
use crate::escapes::unescape;
use crate::number;
use crate::scan::find_either;
use crate::spare::Spare;
use crate::time::{LATEST, LONGEST};
use alloc::vec::Vec;
use nearmiss::units::{Micros, Timestamp};

/// Where reading has come to on one line.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    line: &'a [u8],
    at: usize,
    spare: Spare<'a>,
}

/// A value whose kind was not known beforehand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Value<'a> {
    /// `[`; the cursor stands behind it.
    Array,
    Bool(bool),
    Null,
    /// A number as it was written.
    Number(&'a str),
    /// `{`; the cursor stands behind it.
    Object,
    Text(&'a str),
}

impl<'a> Json<'a> {
    /// Begins to read `line`; texts with a backslash are decoded into `buffer`.
    pub(crate) fn new(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Self {
        Self { line, at: 0, spare: Spare::new(buffer) }
    }

    /// The number of bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Steps into the object that the line is.
    pub(crate) fn open(&mut self) -> Result<(), LineError> {
        if self.peek().is_none() {
            return Err(LineError::new(self.at, LineErrorKind::Empty));
        }
        self.expect(b'{', "`{`")
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Result<(), LineError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the line")),
        }
    }

    /// The next key of the object the cursor is in, or `None` at its end. `first` is true before the first key and
    /// is this function's to change.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn key(&mut self, first: &mut bool) -> Result<Option<&'a str>, LineError> {
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

    /// Whether another item of the array the cursor is in begins here. `first` as in [`key`](Self::key).
    pub(crate) fn item(&mut self, first: &mut bool) -> Result<bool, LineError> {
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

    /// A text as the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn text_of(&mut self, field: &'static str) -> Result<&'a str, LineError> {
        if self.byte() == Some(b'"') { self.text() } else { Err(self.wrong(field, "a text in quotes")) }
    }

    /// `true` or `false` as the value of `field`.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn bool_of(&mut self, field: &'static str) -> Result<bool, LineError> {
        match self.word() {
            b"true" => {
                self.at += 4;
                Ok(true)
            }
            b"false" => {
                self.at += 5;
                Ok(false)
            }
            _ => Err(self.wrong(field, "true or false")),
        }
    }

    /// A whole number up to `max` as the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn whole_of(
        &mut self,
        field: &'static str,
        max: u64,
        takes: &'static str,
    ) -> Result<u64, LineError> {
        let rest = self.line.get(self.at..).unwrap_or_default();
        match number::whole(rest) {
            Some((value, taken)) if value <= max && ends_value(rest.get(taken)) => {
                self.at += taken;
                Ok(value)
            }
            _ => Err(self.wrong(field, takes)),
        }
    }

    /// Milliseconds as the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn millis_of(&mut self, field: &'static str) -> Result<Micros, LineError> {
        self.scaled_of(field, 3, LONGEST, "milliseconds, 0 to 10^12").map(Micros::new)
    }

    /// Unix milliseconds as the value of `field`.
    pub(crate) fn epoch_millis_of(&mut self, field: &'static str) -> Result<Timestamp, LineError> {
        self.scaled_of(field, 3, LATEST, "Unix milliseconds up to the year 9999").map(Timestamp::from_micros)
    }

    /// Unix seconds as the value of `field`.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn seconds_of(&mut self, field: &'static str) -> Result<Timestamp, LineError> {
        self.scaled_of(field, 6, LATEST, "Unix seconds up to the year 9999").map(Timestamp::from_micros)
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn scaled_of(
        &mut self,
        field: &'static str,
        shift: u32,
        max: u64,
        takes: &'static str,
    ) -> Result<u64, LineError> {
        let rest = self.line.get(self.at..).unwrap_or_default();
        match number::scaled(rest, shift) {
            Some((value, taken)) if value <= max && ends_value(rest.get(taken)) => {
                self.at += taken;
                Ok(value)
            }
            _ => Err(self.wrong(field, takes)),
        }
    }

    /// Steps into the array that is the value of `field`.
    pub(crate) fn array_of(&mut self, field: &'static str) -> Result<(), LineError> {
        if self.byte() != Some(b'[') {
            return Err(self.wrong(field, "a list in brackets"));
        }
        self.at += 1;
        Ok(())
    }

    /// Steps into the object that is the value of, or an item of, `field`.
    pub(crate) fn object_of(&mut self, field: &'static str) -> Result<(), LineError> {
        if self.byte() != Some(b'{') {
            return Err(self.wrong(field, "an object in braces"));
        }
        self.at += 1;
        Ok(())
    }

    /// A value of any kind.
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

    /// Passes over a value of any kind.
    pub(crate) fn skip(&mut self) -> Result<(), LineError> {
        match self.byte() {
            Some(b'"') => self.skip_text(),
            Some(b'{' | b'[') => {
                self.at += 1;
                self.leave(self.line.get(self.at - 1) == Some(&b'{'))
            }
            _ => self.value().map(|_| ()),
        }
    }

    /// Passes over the rest of the object (or array) that the cursor has stepped into.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn leave(&mut self, object: bool) -> Result<(), LineError> {
        let mut nesting = u64::from(object);
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
                        return Err(self.unexpected("the bracket that was opened last to be closed"));
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

    /// A piece of the line's buffer, filled by `fill`.
    pub(crate) fn compose(&mut self, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> Option<&'a str> {
        core::str::from_utf8(self.spare.piece(self.line.len(), fill)?).ok()
    }

    /// The error that `field` has a value here that is none of what it `takes`.
    #[cold]
    pub(crate) fn wrong(&self, field: &'static str, takes: &'static str) -> LineError {
        match self.byte() {
            None => LineError::new(self.at, LineErrorKind::CutOff { wanted: "a value" }),
            Some(b'"' | b'{' | b'[') => {
                let rest = self.line.get(self.at..).unwrap_or_default();
                let end = find_either(rest, 1, b'"', b',').map_or(rest.len(), |end| end + 1);
                LineError::wrong(self.at, field, rest.get(..end).unwrap_or(rest), takes)
            }
            Some(_) => LineError::wrong(self.at, field, self.word(), takes),
        }
    }

    /// The error that the format has no field `name`, which was read last.
    #[cold]
    pub(crate) fn unknown(&self, name: &str) -> LineError {
        LineError::new(self.at, LineErrorKind::UnknownField { name: excerpt(name.as_bytes()) })
    }

    /// The text whose opening quote the cursor is on.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn text(&mut self) -> Result<&'a str, LineError> {
        let start = self.at + 1;
        let Some(end) = find_either(self.line, start, b'"', b'\\') else { return Err(self.unclosed()) };
        if self.line.get(end) != Some(&b'"') {
            return self.escaped(start);
        }
        self.at = end + 1;
        core::str::from_utf8(self.line.get(start..end).unwrap_or_default())
            .map_err(|fault| LineError::new(start + fault.valid_up_to(), LineErrorKind::NotUtf8))
    }

    /// The text from `start`, which has a backslash in it.
    #[cold]
    fn escaped(&mut self, start: usize) -> Result<&'a str, LineError> {
        self.skip_text()?;
        let raw = self.line.get(start..self.at - 1).unwrap_or_default();
        let piece = self.spare.piece(self.line.len(), |room| unescape(raw, room));
        let piece =
            piece.ok_or_else(|| LineError::unexpected(self.line, start, "a text with sound escapes"))?;
        core::str::from_utf8(piece).map_err(|_| LineError::new(start, LineErrorKind::NotUtf8))
    }

    /// Passes over the text whose opening quote the cursor is on.
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
        LineError::new(self.line.len(), LineErrorKind::CutOff { wanted: "a closing quote" })
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn expect(&mut self, wanted: u8, name: &'static str) -> Result<(), LineError> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(name))
    }

    #[cold]
    fn unexpected(&self, wanted: &'static str) -> LineError {
        LineError::unexpected(self.line, self.at, wanted)
    }

    /// The next byte that is no blank; the cursor stops on it.
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

    /// The bytes from here to the end of a bare value.
    fn word(&self) -> &'a [u8] {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| ends_value(Some(byte))).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }
}

impl<'a> Value<'a> {
    /// The text or the number as it was written; `None` for what stands for nothing: `null`, `""` and `"-"`.
    pub(crate) fn word(self) -> Option<&'a str> {
        match self {
            Self::Number(word) => Some(word),
            Self::Text(word) if !matches!(word, "" | "-") => Some(word),
            _ => None,
        }
    }
}

/// Whether a bare value may end before `next`.
#[inline]
fn ends_value(next: Option<&u8>) -> bool {
    matches!(next, None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_passed_over_without_a_stack() {
        let mut buffer = Vec::new();
        let line = br#"{"a":[{"b":"]}\""},[1,2.5e3,null,true]],"c":7}"#;
        let mut json = Json::new(line, &mut buffer);
        json.open().unwrap();
        let mut first = true;
        assert_eq!(json.key(&mut first).unwrap(), Some("a"));
        json.skip().unwrap();
        assert_eq!(json.key(&mut first).unwrap(), Some("c"));
        assert_eq!(json.value().unwrap(), Value::Number("7"));
        assert_eq!(json.key(&mut first).unwrap(), None);
        json.end().unwrap();
        let deep = alloc::format!("{{\"a\":{}", "[".repeat(1_000_000));
        let mut json = Json::new(deep.as_bytes(), &mut buffer);
        json.open().unwrap();
        json.key(&mut true).unwrap();
        assert!(json.skip().is_err());
    }
}
