//! Writes JSON straight into a string: no tree, no formatting machinery, no floats.

use super::tokens::{Token, TokenKind};
use crate::time;
use crate::units::{Micros, Timestamp};
use alloc::string::String;
use alloc::vec::Vec;

/// Writer of one JSON object or array; it inserts the commas.
pub(crate) struct Json<'a> {
    out: &'a mut String,
    /// True until something is written at this level.
    fresh: bool,
    /// Where its text begins.
    origin: usize,
    tokens: Option<&'a mut Vec<Token>>,
}

impl<'a> Json<'a> {
    pub(crate) fn new(out: &'a mut String) -> Self {
        Self::noting(out, None)
    }

    /// Notes every token if there are `tokens` to add them to.
    pub(crate) fn noting(out: &'a mut String, tokens: Option<&'a mut Vec<Token>>) -> Self {
        Self { origin: out.len(), out, fresh: true, tokens }
    }

    // Not inlined, like `close` and `number`: records are written in some two hundred steps.
    #[inline(never)]
    pub(crate) fn open(&mut self, bracket: char) {
        let kind = if bracket == '{' { TokenKind::Object } else { TokenKind::Array };
        self.noted(kind, |out| out.push(bracket));
        self.fresh = true;
    }

    #[inline(never)]
    pub(crate) fn close(&mut self, bracket: char) {
        self.noted(TokenKind::Close, |out| out.push(bracket));
        self.fresh = false;
    }

    /// Begins an item of an array, with a comma if one is due.
    #[inline(never)]
    pub(crate) fn item(&mut self) -> &mut Self {
        if !self.fresh {
            self.out.push(',');
        }
        self.fresh = false;
        self
    }

    /// Writes a key; a value follows.
    pub(crate) fn key(&mut self, key: &str) -> &mut Self {
        self.item();
        self.out.push('"');
        self.noted(TokenKind::Key, |out| out.push_str(key));
        self.out.push_str("\":");
        self
    }

    /// Writes an escaped key, for untrusted names.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.item();
        self.out.push('"');
        self.noted(TokenKind::Key, |out| escape(out, name));
        self.out.push_str("\":");
        self
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.quoted(|out| escape(out, text));
    }

    /// Writes a literal that needs no escaping.
    pub(crate) fn word(&mut self, word: &'static str) {
        self.quoted(|out| out.push_str(word));
    }

    /// Writes a string piece by piece; `write` escapes what needs it.
    pub(crate) fn quoted(&mut self, write: impl FnOnce(&mut String)) {
        self.noted(TokenKind::String, |out| {
            out.push('"');
            write(out);
            out.push('"');
        });
    }

    /// Writes a sentence piece by piece; what needs it is escaped afterwards.
    pub(crate) fn sentence(&mut self, write: impl FnOnce(&mut String)) {
        self.quoted(|out| {
            let start = out.len();
            write(out);
            let sentence = out.get(start..).unwrap_or_default();
            if plain_len(sentence.as_bytes()) < sentence.len() {
                let sentence = out.split_off(start);
                escape(out, &sentence);
            }
        });
    }

    #[inline(never)]
    pub(crate) fn number(&mut self, number: u64) {
        self.noted(TokenKind::Integer, |out| push_number(out, number));
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.noted(TokenKind::Bool, |out| out.push_str(if flag { "true" } else { "false" }));
    }

    pub(crate) fn signed(&mut self, number: i64) {
        self.noted(TokenKind::Integer, |out| {
            if number < 0 {
                out.push('-');
            }
            push_number(out, number.unsigned_abs());
        });
    }

    /// Writes milliseconds with at most three decimals and no trailing zeros.
    #[inline(never)]
    pub(crate) fn millis(&mut self, span: Micros) {
        self.noted(TokenKind::Double, |out| push_millis(out, span));
    }

    pub(crate) fn time(&mut self, ts: Timestamp) {
        self.quoted(|out| push_time(out, ts));
    }

    /// Writes a token, and notes it where a consumer asked for tokens: most hosts have none.
    #[inline]
    fn noted(&mut self, kind: TokenKind, write: impl FnOnce(&mut String)) {
        let start = self.out.len();
        write(self.out);
        if self.tokens.is_some() {
            self.note(kind, start);
        }
    }

    #[cold]
    #[inline(never)]
    fn note(&mut self, kind: TokenKind, start: usize) {
        let token = Token::new(kind, start - self.origin, self.out.len() - self.origin);
        if let Some(tokens) = &mut self.tokens {
            tokens.push(token);
        }
    }
}

/// Appends `text` with JSON escapes.
pub fn escape(out: &mut String, text: &str) {
    escape_pieces(text, |piece| out.push_str(piece));
}

/// Passes `text` with JSON escapes to `push`, piece by piece.
#[inline]
pub fn escape_pieces(text: &str, mut push: impl FnMut(&str)) {
    const HEX: &str = "0123456789abcdef";
    let mut rest = text;
    loop {
        let (plain, odd) = rest.split_at_checked(plain_len(rest.as_bytes())).unwrap_or((rest, ""));
        push(plain);
        let Some(byte) = odd.bytes().next() else { return };
        match byte {
            b'"' => push("\\\""),
            b'\\' => push("\\\\"),
            b'\n' => push("\\n"),
            b'\r' => push("\\r"),
            b'\t' => push("\\t"),
            _ => {
                push("\\u00");
                for nibble in [byte >> 4, byte & 15].map(usize::from) {
                    push(HEX.get(nibble..=nibble).unwrap_or("0"));
                }
            }
        }
        rest = odd.get(1..).unwrap_or_default();
    }
}

/// Returns the number of leading bytes that need no escape. Most texts are plain, so eight bytes are checked at once.
fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    // Sets the highest bit of each ASCII byte below `bound`; a byte above such a byte may be marked falsely.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & (ONES << 7);
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, _) = bytes.as_chunks::<8>();
    let odd_word = words.iter().position(|word| {
        let word = u64::from_le_bytes(*word);
        (below(word, 0x20) | is(word, b'"') | is(word, b'\\') | is(word, 0x7f)) != 0
    });
    let from = 8 * odd_word.unwrap_or(words.len());
    let rest = bytes.get(from..).unwrap_or_default();
    let is_odd = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20 | 0x7f);
    from + rest.iter().position(is_odd).unwrap_or(rest.len())
}

/// Appends text. Not inlined: sentences are written from some two hundred pieces.
#[inline(never)]
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push_str(text);
}

pub(crate) fn push_number(out: &mut String, number: u64) {
    // Most counts of a summary are small.
    match number {
        0..10 => out.push(char::from(b'0' + number as u8)),
        _ => push_padded(out, number, 1),
    }
}

/// Appends a number with at least `width` digits.
fn push_padded(out: &mut String, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 || digits.len() - at < width {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (number % 10) as u8;
        }
        number /= 10;
    }
    let digits = digits.get(at..).unwrap_or_default();
    out.push_str(core::str::from_utf8(digits).unwrap_or_default());
}

/// Appends a number in hexadecimal, with 16 digits.
pub(crate) fn push_hex(out: &mut String, number: u64) {
    for nibble in (0..16).rev() {
        let digit = (number >> (4 * nibble) & 15) as u32;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}

/// Appends milliseconds with at most three decimals and no trailing zeros.
pub fn push_millis(out: &mut String, span: Micros) {
    push_number(out, span.get() / 1_000);
    let mut rest = span.get() % 1_000;
    if rest > 0 {
        let mut width = 3;
        while rest.is_multiple_of(10) {
            rest /= 10;
            width -= 1;
        }
        out.push('.');
        push_padded(out, rest, width);
    }
}

/// Appends a time as RFC 3339 in UTC with milliseconds, truncated.
pub fn push_time(out: &mut String, ts: Timestamp) {
    let (days, rest) = (ts.seconds() / 86_400, ts.seconds() % 86_400);
    let (year, month, day) = time::civil(days);
    for (number, width, end) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (rest / 3_600, 2, ':'),
        (rest / 60 % 60, 2, ':'),
        (rest % 60, 2, '.'),
        (ts.micros() / 1_000 % 1_000, 3, 'Z'),
    ] {
        push_padded(out, number, width);
        out.push(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn times_are_rfc_3339() {
        let time = |micros| written(|out| push_time(out, Timestamp::from_micros(micros)));
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_795_423_554_513_089), "2026-11-23T08:45:54.513Z");
        assert_eq!(time(951_826_154_999_999), "2000-02-29T12:09:14.999Z");
        assert!(time(u64::MAX).ends_with('Z'));
    }

    #[test]
    fn milliseconds_have_no_trailing_zeros() {
        let millis = |micros| written(|out| push_millis(out, Micros::new(micros)));
        assert_eq!(millis(42_460), "42.46");
        assert_eq!(millis(10_000), "10");
        assert_eq!(millis(7), "0.007");
        assert_eq!(millis(0), "0");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[ -~\\x00-\\x1f\x7fé\u{80}\u{10ffff}]{0,40}") {
            let json = written(|out| Json::new(out).text(&text));
            prop_assert!(json.bytes().all(|byte| byte >= 0x20 && byte != 0x7f));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = "a\"b\\c\n\u{1b}[31m\u{7f}é";
        let json = written(|out| Json::new(out).text(text));
        assert_eq!(json, "\"a\\\"b\\\\c\\n\\u001b[31m\\u007fé\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
