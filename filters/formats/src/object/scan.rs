//! Passing over JSON, and being sure that it is some.

use super::{Kind, MAX_DEPTH};
use crate::scan::{ONES, TOPS, word_of};
use core::ops::Range;

/// Whether `text` may stand between quotes as it is.
pub fn is_plain(text: &[u8]) -> bool {
    plain_length(text) == text.len()
}

/// Whether `word` is a number, `true`, `false` or `null`.
pub fn is_scalar(word: &[u8]) -> bool {
    let mut scan = Scan { record: word, at: 0 };
    scan.byte() != Some(b'"') && scan.scalar().is_some() && scan.at == word.len()
}

/// Where looking has come to.
pub(super) struct Scan<'a> {
    pub(super) record: &'a [u8],
    pub(super) at: usize,
}

impl Scan<'_> {
    #[inline]
    pub(super) fn byte(&self) -> Option<u8> {
        self.record.get(self.at).copied()
    }

    #[inline]
    pub(super) fn take(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then(|| self.at += 1)
    }

    #[inline]
    pub(super) fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes over the value of a member: where it begins and ends, without quotes, and what it is.
    pub(super) fn member(&mut self) -> Option<(usize, usize, Kind)> {
        let start = self.at;
        let kind = match self.byte()? {
            b'"' => return self.text().map(|(place, kind)| (place.start, place.end, kind)),
            b'{' | b'[' => Kind::Nested,
            b'-' | b'0'..=b'9' => Kind::Number,
            _ => Kind::Literal,
        };
        self.value()?;
        Some((start, self.at, kind))
    }

    /// Where the inside of a text is, and what kind of text that is.
    #[inline]
    pub(super) fn text(&mut self) -> Option<(Range<usize>, Kind)> {
        self.take(b'"')?;
        let start = self.at;
        let kind = self.rest_of_text()?;
        Some((start..self.at - 1, kind))
    }

    /// Passes over a text behind its opening quote.
    fn rest_of_text(&mut self) -> Option<Kind> {
        let start = self.at;
        self.at += past_quotes(self.record.get(start..)?);
        let mut kind = if self.at == start { Kind::Text } else { Kind::Escaped };
        let mut is_ascii = true;
        loop {
            self.at += plain_length(self.record.get(self.at..)?);
            match self.byte()? {
                b'"' => break,
                b'\\' => {
                    kind = Kind::Escaped;
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
            kind = if kind == Kind::Text { Kind::Wide } else { kind };
        }
        self.at += 1;
        Some(kind)
    }

    /// Passes over the escape that begins here.
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

    /// The number of the `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let [b'\\', b'u', digits @ ..] = self.record.get(at..at + 6)? else { return None };
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }

    /// Passes over a value of any kind. Which levels are objects is kept as one bit each.
    fn value(&mut self) -> Option<()> {
        let (mut objects, mut depth) = (0_u64, 1);
        'value: loop {
            match self.byte()? {
                open @ (b'{' | b'[') => {
                    depth += 1;
                    (depth <= MAX_DEPTH).then_some(())?;
                    objects = objects << 1 | u64::from(open == b'{');
                    self.at += 1;
                    self.blanks();
                    // In ASCII a bracket closes two places behind the one that opens.
                    if self.byte()? != open + 2 {
                        self.key_in(objects)?;
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                if depth == 1 {
                    return Some(());
                }
                self.blanks();
                match (self.byte()?, objects & 1) {
                    (b',', _) => {
                        self.at += 1;
                        self.blanks();
                        self.key_in(objects)?;
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

    /// Passes over a key and its colon, if the innermost level is an object.
    #[inline]
    fn key_in(&mut self, objects: u64) -> Option<()> {
        if objects & 1 == 1 {
            self.text()?;
            self.blanks();
            self.take(b':')?;
            self.blanks();
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
        self.at += usize::from(self.byte()? == b'-');
        match self.byte()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit.
    #[inline]
    fn digits(&mut self) -> Option<()> {
        let first = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > first).then_some(())
    }
}

/// How long the whole number without a sign is; `None` at anything else.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<usize> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let is_whole = matches!(text.get(length), Some(b',' | b'}'))
        && (length == 1 || length > 1 && text.first() != Some(&b'0'));
    is_whole.then_some(length)
}

/// How far the beginning of a text goes that is plain but for quotes with a backslash, up to the last of these: the common
/// case of a text with escapes.
fn past_quotes(text: &[u8]) -> usize {
    let (mut rest, mut behind_last) = (text, text);
    while let Some((word, behind)) = rest.split_first_chunk() {
        let special = special::<1>(*word);
        if special == 0 {
            rest = behind;
            continue;
        }
        let Some([b'\\', b'"', behind @ ..]) = rest.get((special.trailing_zeros() / 8) as usize..) else {
            break;
        };
        (rest, behind_last) = (behind, behind);
    }
    text.len() - behind_last.len()
}

/// How long the beginning of `text` is that is plain: without a quote, a backslash, a control character or anything but ASCII.
#[inline]
pub(super) fn plain_length(text: &[u8]) -> usize {
    length_without::<1>(text)
}

/// How long the beginning of `text` is that may stand inside brackets of a line: plain, and without one that closes.
pub(super) fn inside_length(text: &[u8]) -> usize {
    length_without::<2>(text)
}

/// How long the beginning of `text` is that is plain and has none of so many characters from the backslash on, which the
/// closing bracket follows.
#[inline]
fn length_without<const FROM_BACKSLASH: u64>(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let special = special::<FROM_BACKSLASH>(*word);
        if special != 0 {
            return 8 * number + (special.trailing_zeros() / 8) as usize;
        }
    }
    // What is missing of the last word is no plain character.
    let last = special::<FROM_BACKSLASH>(word_of(rest).to_le_bytes());
    text.len() - rest.len() + (last.trailing_zeros() / 8) as usize
}

/// The top bit of the first byte that ends what is plain; bits above it may be set too.
#[inline]
fn special<const FROM_BACKSLASH: u64>(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    // With this bit turned, a quote comes right behind the control characters.
    let low = (word ^ (0x02 * ONES)).wrapping_sub(0x21 * ONES);
    // The last bits of a backslash are none, so that what follows it comes behind nothing.
    let high = (word ^ (u64::from(b'\\') * ONES)).wrapping_sub(FROM_BACKSLASH * ONES);
    (word | low | high) & TOPS
}

/// How long the IP address at the beginning of `text` is, or the beginning of one.
pub(super) fn address_length(text: &[u8]) -> usize {
    length_of::<ADDRESS>(text)
}

/// How long the word of a line at the beginning of `text` is; `None` if it may go on behind a blank.
pub(super) fn word_length(text: &[u8]) -> Option<usize> {
    let length = length_of::<WORD>(text);
    (length > 0 && text.get(length - 1) != Some(&b':')).then_some(length)
}

/// What a byte may stand in, a bit each.
const ADDRESS: u8 = 1;
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
