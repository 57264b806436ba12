//! Where the parts of a record lie that the filter looks at, and whether it is JSON at all.
//!
//! The host makes the JSON from its own data, so it nearly always is; but a NaN, an infinity or a key that is no text
//! is written as no JSON reader takes it, and what goes back must be JSON to the last byte. So every byte is looked at,
//! most of them eight at a time.

/// The deepest nesting that the host takes back.
pub(crate) const MAX_DEPTH: u32 = 30;

/// A record that is one JSON object.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Layout<'a> {
    /// Everything before the closing brace.
    pub(crate) head: &'a [u8],
    /// Nothing is in it.
    pub(crate) is_empty: bool,
    /// The line inside of it, as it stands between the quotes: the text of `log`, or else of `message`.
    pub(crate) line: Option<&'a [u8]>,
    /// It has `near_miss`.
    pub(crate) is_judged: bool,
    /// It has another field that only we write: nothing may be added under these names.
    pub(crate) is_ours: bool,
}

impl<'a> Layout<'a> {
    /// The layout of `record`; `None` if it is not one JSON object, or one that nests too deep.
    pub(crate) fn of(record: &'a [u8]) -> Option<Self> {
        let mut scan = Scan { record, at: 0 };
        let mut layout = Self::default();
        scan.blanks();
        scan.take(b'{')?;
        scan.blanks();
        if scan.byte() == Some(b'}') {
            layout.is_empty = true;
        } else {
            let mut message = None;
            loop {
                let key = scan.text()?;
                scan.blanks();
                scan.take(b':')?;
                scan.blanks();
                let value = if scan.byte() == Some(b'"') {
                    Some(scan.text()?)
                } else {
                    scan.value()?;
                    None
                };
                match key {
                    b"log" => layout.line = value,
                    b"message" => message = value,
                    [b'n', b'e', b'a', b'r', b'_', b'm', b'i', b's', b's', rest @ ..] => {
                        layout.is_judged |= rest.is_empty();
                        layout.is_ours |= matches!(rest, b"_episodes" | b"_summaries" | b"_note");
                    }
                    _ => {}
                }
                scan.blanks();
                match scan.byte() {
                    Some(b',') => scan.at += 1,
                    Some(b'}') => break,
                    _ => return None,
                }
                scan.blanks();
            }
            layout.line = layout.line.or(message);
        }
        layout.head = record.get(..scan.at)?;
        scan.at += 1;
        scan.blanks();
        (scan.at == record.len()).then_some(layout)
    }
}

/// Whether `word` is a number, `true`, `false` or `null`.
pub(crate) fn is_scalar(word: &[u8]) -> bool {
    let mut scan = Scan { record: word, at: 0 };
    scan.byte() != Some(b'"') && scan.scalar().is_some() && scan.at == word.len()
}

/// Where looking has come to.
struct Scan<'a> {
    record: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    #[inline]
    fn byte(&self) -> Option<u8> {
        self.record.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then(|| self.at += 1)
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// What stands between the quotes of a text.
    #[inline]
    fn text(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        let mut is_ascii = true;
        loop {
            self.at = plain_end(self.record, self.at);
            match self.byte()? {
                b'"' => break,
                b'\\' => self.escape()?,
                0x80.. => {
                    is_ascii = false;
                    self.at += 1;
                }
                _ => return None,
            }
        }
        let text = self.record.get(start..self.at)?;
        self.at += 1;
        (is_ascii || core::str::from_utf8(text).is_ok()).then_some(text)
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

/// Every byte of a word set to 1.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const TOPS: u64 = 0x80 * ONES;

/// The first place at or after `at` that is not a plain character of a text: a quote, a backslash, a control character
/// or anything but ASCII; the end if there is none.
#[inline]
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = bytes.get(at..at + 8).and_then(|word| word.try_into().ok()) {
        let word = u64::from_le_bytes(word);
        // The top bit of a byte stays where it is none of those; a byte that is one may spoil only those above it.
        let not_quote = (word ^ (u64::from(b'"') * ONES)).wrapping_add(0x7f * ONES);
        let not_backslash = (word ^ (u64::from(b'\\') * ONES)).wrapping_add(0x7f * ONES);
        let not_control = word.wrapping_add(0x60 * ONES);
        let plain = not_quote & not_backslash & not_control & !word & TOPS;
        if plain != TOPS {
            return at + ((plain ^ TOPS).trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7f) = bytes.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(record: &str) -> Option<&str> {
        Layout::of(record.as_bytes())?.line.and_then(|line| core::str::from_utf8(line).ok())
    }

    #[test]
    fn the_line_inside_is_found() {
        assert_eq!(line(r#"{"message":"m","a":[{"log":1}],"log":"a \"b\""}"#), Some(r#"a \"b\""#));
        assert_eq!(line(r#"{"message":"m"}"#), Some("m"));
        assert_eq!(line(r#"{"log":7,"a":{"message":"m"}}"#), None);
    }

    #[test]
    fn what_is_json_is_taken_and_nothing_else() {
        let mut deep = String::from("0");
        for _ in 1..MAX_DEPTH {
            deep = alloc::format!("[{deep}]");
        }
        let good = [
            "{}",
            " { } ",
            r#"{"a":[],"b":{},"c":[[],{"d":[1,2.5e-7,-0,true,false,null,"\u00e9\ud83d\ude00\n"]}]}"#,
            "{\"é\":\"\u{7f}\"}",
            &alloc::format!("{{\"a\":{deep}}}"),
        ];
        for record in good {
            assert!(Layout::of(record.as_bytes()).is_some(), "{record}");
            assert!(serde_json::from_str::<serde_json::Value>(record).is_ok(), "{record}");
        }
        let bad = [
            "",
            "[]",
            "{",
            "{}}",
            "{} {}",
            "{1:2}",
            "{\"a\":nan}",
            "{\"a\":-inf}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":\"\\x01\"}",
            "{\"a\":\"\\ud83d\"}",
            "{\"a\":\"\\udc00\"}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{,}",
            "{\"a\":[,]}",
            "{\"a\":[1,]}",
            "{\"a\":[1}}",
            "{\"a\":{\"b\"}}",
            "{\"a\":truth}",
            "{\"a\":\"b}",
            &alloc::format!("{{\"a\":[{deep}]}}"),
        ];
        for record in bad {
            assert_eq!(Layout::of(record.as_bytes()), None, "{record}");
        }
        assert_eq!(Layout::of(b"{\"a\":\"\xff\"}"), None);
    }

    #[test]
    fn our_own_fields_are_seen() {
        let of = |record: &'static str| Layout::of(record.as_bytes()).map(|it| (it.is_judged, it.is_ours));
        assert_eq!(of(r#"{"near_miss":null}"#), Some((true, false)));
        assert_eq!(of(r#"{"near_miss_summaries":[]}"#), Some((false, true)));
        assert_eq!(of(r#"{"near_misses":[],"a":{"near_miss":1}}"#), Some((false, false)));
    }

    #[test]
    fn the_end_of_a_plain_text_is_found_at_every_place() {
        for length in 0..40 {
            for place in 0..length {
                for stop in [b'"', b'\\', 0, 0x1f, 0x80, 0xff] {
                    let mut bytes = alloc::vec![b'a'; length];
                    bytes[place] = stop;
                    bytes[place + 1..].fill(stop);
                    assert_eq!(plain_end(&bytes, 0), place);
                }
            }
            assert_eq!(plain_end(&alloc::vec![0x7f; length], 0), length);
        }
    }
}
