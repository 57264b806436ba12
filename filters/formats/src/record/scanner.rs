//! A validating scanner of JSON.

use super::value_kind::ValueKind;
use crate::swar::{ONES, TOPS, word_of};
use core::ops::Range;

/// Maximum nesting of a record that is accepted, the record itself included.
pub const MAX_DEPTH: u32 = 63;

/// Returns true if `text` needs no escapes in a JSON string, and is ASCII.
pub fn is_plain(text: &[u8]) -> bool {
    plain_length(text) == text.len()
}

/// Returns true if `word` is a JSON number in the range of a double, `true`, `false` or `null`.
pub fn is_scalar(word: &[u8]) -> bool {
    let mut scanner = Scanner { record: word, at: 0 };
    scanner.byte() != Some(b'"') && scanner.scalar().is_some() && scanner.at == word.len()
}

/// Returns true if `word` is a JSON number that is too large for a double.
pub fn is_beyond_double(word: &[u8]) -> bool {
    let mut scanner = Scanner { record: word, at: 0 };
    scanner.number_with_exponent() == Some(true) && scanner.at == word.len() && is_out_of_range(word)
}

/// A position in a record; everything before it is valid.
pub(super) struct Scanner<'a> {
    pub(super) record: &'a [u8],
    pub(super) at: usize,
}

impl Scanner<'_> {
    #[inline]
    pub(super) fn byte(&self) -> Option<u8> {
        self.record.get(self.at).copied()
    }

    #[inline]
    pub(super) fn take(&mut self, expected: u8) -> Option<()> {
        (self.byte()? == expected).then(|| self.at += 1)
    }

    #[inline]
    pub(super) fn skip_whitespace(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Skips a member's value. Returns its start and end, without quotes, and its kind.
    pub(super) fn member(&mut self) -> Option<(usize, usize, ValueKind)> {
        let start = self.at;
        let kind = match self.byte()? {
            b'"' => return self.text().map(|(range, kind)| (range.start, range.end, kind)),
            b'{' | b'[' => ValueKind::Nested,
            b'-' | b'0'..=b'9' => ValueKind::Number,
            _ => ValueKind::Literal,
        };
        self.value()?;
        Some((start, self.at, kind))
    }

    /// Skips a string. Returns the range between its quotes, and its kind.
    #[inline]
    pub(super) fn text(&mut self) -> Option<(Range<usize>, ValueKind)> {
        self.take(b'"')?;
        let start = self.at;
        let kind = self.rest_of_text()?;
        Some((start..self.at - 1, kind))
    }

    /// Skips the rest of a string, after its opening quote.
    fn rest_of_text(&mut self) -> Option<ValueKind> {
        let start = self.at;
        self.at += escaped_quotes_length(self.record.get(start..)?);
        let mut kind = if self.at == start { ValueKind::Text } else { ValueKind::Escaped };
        let mut is_ascii = true;
        loop {
            self.at += plain_length(self.record.get(self.at..)?);
            match self.byte()? {
                b'"' => break,
                b'\\' => {
                    kind = ValueKind::Escaped;
                    self.escape()?;
                }
                0x80.. => {
                    is_ascii = false;
                    self.at += 1;
                }
                _ => return None,
            }
        }
        if !is_ascii {
            core::str::from_utf8(self.record.get(start..self.at)?).ok()?;
            kind = if kind == ValueKind::Text { ValueKind::Wide } else { kind };
        }
        self.at += 1;
        Some(kind)
    }

    /// Skips one escape sequence.
    fn escape(&mut self) -> Option<()> {
        match self.record.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let unit = self.unit(self.at)?;
                self.at += 6;
                match unit {
                    0xd800..0xdc00 => {
                        let low = self.unit(self.at)?;
                        self.at += 6;
                        (0xdc00..0xe000).contains(&low).then_some(())?;
                    }
                    0xdc00..0xe000 => return None,
                    _ => {}
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Returns the code unit of the `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let [b'\\', b'u', digits @ ..] = self.record.get(at..at + 6)? else { return None };
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }

    /// Skips a value of any kind. One bit for each level of nesting says if it is an object.
    fn value(&mut self) -> Option<()> {
        let (mut objects, mut depth) = (0_u64, 1);
        'value: loop {
            match self.byte()? {
                open @ (b'{' | b'[') => {
                    depth += 1;
                    (depth <= MAX_DEPTH).then_some(())?;
                    objects = objects << 1 | u64::from(open == b'{');
                    self.at += 1;
                    self.skip_whitespace();
                    // In ASCII, the code of a closing bracket or brace is that of the opening one plus 2.
                    if self.byte()? != open + 2 {
                        self.skip_key(objects)?;
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                if depth == 1 {
                    return Some(());
                }
                self.skip_whitespace();
                match (self.byte()?, objects & 1) {
                    (b',', _) => {
                        self.at += 1;
                        self.skip_whitespace();
                        self.skip_key(objects)?;
                        continue 'value;
                    }
                    (b'}', 1) | (b']', 0) => {
                        self.at += 1;
                        objects >>= 1;
                        depth -= 1;
                    }
                    _ => return None,
                }
            }
        }
    }

    /// Skips a key and its colon, if the innermost level is an object.
    #[inline]
    fn skip_key(&mut self, objects: u64) -> Option<()> {
        if objects & 1 == 1 {
            self.text()?;
            self.skip_whitespace();
            self.take(b':')?;
            self.skip_whitespace();
        }
        Some(())
    }

    #[inline]
    fn scalar(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' => self.text().map(drop),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.record.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let has_exponent = self.number_with_exponent()?;
        (!has_exponent || !is_out_of_range(self.record.get(start..self.at)?)).then_some(())
    }

    /// Skips a number. Returns true if it has an exponent.
    fn number_with_exponent(&mut self) -> Option<bool> {
        self.at += usize::from(self.byte()? == b'-');
        match self.byte()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let has_exponent = matches!(self.byte(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(has_exponent)
    }

    /// Skips digits, at least one.
    #[inline]
    fn digits(&mut self) -> Option<()> {
        let first = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > first).then_some(())
    }
}

/// Returns true if a number with an exponent rounds to infinity: hosts that parse it into a double refuse it.
fn is_out_of_range(number: &[u8]) -> bool {
    /// The digits and the exponent of the largest double.
    const LARGEST: (&[u8], i64) = (b"17976931348623157", 308);
    let number = number.strip_prefix(b"-").unwrap_or(number);
    let e = number.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(number.len());
    let (mantissa, exponent) = number.split_at_checked(e).unwrap_or_default();
    let exponent = exponent.get(1..).and_then(|text| core::str::from_utf8(text).ok());
    // An exponent with more digits than fit is beyond any range, or a fraction of nothing.
    let exponent = exponent.map_or(0, |text| {
        text.parse::<i64>().unwrap_or(if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 })
    });
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let zeros = mantissa.iter().filter(is_digit).take_while(|digit| **digit == b'0').count();
    let digits = mantissa.iter().filter(is_digit).skip(zeros);
    if digits.clone().next().is_none() {
        return false;
    }
    let scale = exponent.saturating_add(point as i64 - zeros as i64 - 1);
    scale > LARGEST.1 || scale == LARGEST.1 && digits.gt(LARGEST.0)
}

/// Returns the length of an unsigned whole number that ends a member; `None` for anything else.
#[inline]
pub(super) fn whole_number_length(text: &[u8]) -> Option<usize> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let is_whole = matches!(text.get(length), Some(b',' | b'}'))
        && (length == 1 || length > 1 && text.first() != Some(&b'0'));
    is_whole.then_some(length)
}

/// Returns the length up to the last `\"` at the start of a string that has no other escapes: the common case of a string
/// with escapes.
fn escaped_quotes_length(text: &[u8]) -> usize {
    let (mut rest, mut after_last) = (text, text);
    while let Some((word, after)) = rest.split_first_chunk() {
        let special = special::<1>(*word);
        if special == 0 {
            rest = after;
            continue;
        }
        let Some([b'\\', b'"', after @ ..]) = rest.get((special.trailing_zeros() / 8) as usize..) else {
            break;
        };
        (rest, after_last) = (after, after);
    }
    text.len() - after_last.len()
}

/// Returns the length of the plain start of `text`: ASCII without quotes, backslashes and control characters.
#[inline]
pub(super) fn plain_length(text: &[u8]) -> usize {
    length_without::<1>(text)
}

/// Returns the length of the start of `text` that is plain and has no closing bracket.
pub(super) fn bracketed_length(text: &[u8]) -> usize {
    length_without::<2>(text)
}

/// Returns the length of the plain start of `text`. `FROM_BACKSLASH` is the number of characters that end it, counted from
/// the backslash, which the closing bracket follows in ASCII.
#[inline]
fn length_without<const FROM_BACKSLASH: u64>(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let special = special::<FROM_BACKSLASH>(*word);
        if special != 0 {
            return 8 * number + (special.trailing_zeros() / 8) as usize;
        }
    }
    // The missing bytes of the last word are zeros, which are not plain.
    let last = special::<FROM_BACKSLASH>(word_of(rest).to_le_bytes());
    text.len() - rest.len() + (last.trailing_zeros() / 8) as usize
}

/// Returns a word in which the top bit of the first byte that is not plain is set; bits above it may be set too.
#[inline]
fn special<const FROM_BACKSLASH: u64>(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    // With this bit flipped, the quote follows the control characters.
    let low = (word ^ (0x02 * ONES)).wrapping_sub(0x21 * ONES);
    // XOR maps the backslash to 0 and the closing bracket to 1.
    let high = (word ^ (u64::from(b'\\') * ONES)).wrapping_sub(FROM_BACKSLASH * ONES);
    (word | low | high) & TOPS
}

/// Returns the length of the IP address, or of the beginning of one, at the start of `text`.
pub(super) fn address_length(text: &[u8]) -> usize {
    length_of::<ADDRESS>(text)
}

/// Returns the length of the word at the start of `text`; `None` if the value may continue after a space.
pub(super) fn word_length(text: &[u8]) -> Option<usize> {
    let length = length_of::<WORD>(text);
    (length > 0 && text.get(length - 1) != Some(&b':')).then_some(length)
}

/// Bit of the bytes that occur in IP addresses.
const ADDRESS: u8 = 1;
/// Bit of the bytes that occur in words.
const WORD: u8 = 2;
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if matches!(byte as u8, b'0'..=b'9' | b'a'..=b'f' | b'.' | b':') {
            classes[byte] |= ADDRESS;
        }
        if matches!(byte as u8, b'0'..=b':' | b'A'..=b'Z' | b'a'..=b'z' | b'-'..=b'/' | b'_') {
            classes[byte] |= WORD;
        }
        byte += 1;
    }
    classes
};

#[inline]
fn length_of<const CLASS: u8>(text: &[u8]) -> usize {
    let is_in = |byte: &u8| CLASSES.get(usize::from(*byte)).is_some_and(|classes| classes & CLASS != 0);
    text.iter().position(|byte| !is_in(byte)).unwrap_or(text.len())
}
