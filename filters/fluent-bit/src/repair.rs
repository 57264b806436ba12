//! Makes JSON of a record that is none, keeping all that can be kept.
//!
//! What comes out is JSON by construction, whatever came in: commas and brackets are written here and not copied, and
//! a text is copied only as far as it is sound. There is no recursion.

use alloc::string::String;
use alloc::vec::Vec;
use nearmiss_formats::{MAX_DEPTH, is_scalar};

/// Writes a JSON object to `out`; returns what was changed, for people.
pub(crate) fn repair(record: &[u8], out: &mut Vec<u8>) -> String {
    out.clear();
    let mut repair = Repair { record, at: 0, out, changes: 0, objects: 0, depth: 0, fresh: true };
    repair.blanks();
    if repair.byte() == Some(b'{') {
        repair.object();
    } else {
        repair.changes |= change::NO_OBJECT;
        repair.out.extend_from_slice(b"{\"log\":\"");
        escape(repair.out, record);
        repair.out.extend_from_slice(b"\"}");
    }
    let changes = repair.changes;
    let mut note = String::from("the record was no JSON");
    let made = change::TEXTS.iter().enumerate().filter(|(bit, _)| changes >> bit & 1 == 1);
    for (number, (_, text)) in made.enumerate() {
        note.push_str(if number == 0 { ": " } else { ", " });
        note.push_str(text);
    }
    note
}

/// What can be changed, a bit each, and how it is told.
mod change {
    pub(super) const NO_OBJECT: u8 = 1;
    pub(super) const WORD: u8 = 1 << 1;
    pub(super) const KEY: u8 = 1 << 2;
    pub(super) const TEXT: u8 = 1 << 3;
    pub(super) const DEPTH: u8 = 1 << 4;
    pub(super) const SHAPE: u8 = 1 << 5;
    pub(super) const REST: u8 = 1 << 6;
    pub(super) const TEXTS: [&str; 7] = [
        "all of it is a text now",
        "a value such as nan or inf is a text now",
        "a key that was no text is one now",
        "bytes that no text may have are escaped",
        "what was nested too deep is a text now",
        "missing commas, brackets or values were added",
        "what followed the object was cut off",
    ];
}

/// Where repairing has come to.
struct Repair<'a> {
    record: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
    changes: u8,
    /// Which of the open levels are objects, the innermost in the lowest bit.
    objects: u64,
    depth: u32,
    /// Nothing has been written at this level yet.
    fresh: bool,
}

impl<'a> Repair<'a> {
    fn byte(&self) -> Option<u8> {
        self.record.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn object(&mut self) {
        self.open(b'{');
        while self.depth > 0 {
            self.blanks();
            match self.byte() {
                None => {
                    self.changes |= change::SHAPE;
                    self.close();
                }
                Some(close @ (b'}' | b']')) => {
                    self.at += 1;
                    if (close == b'}') != self.in_object() {
                        self.changes |= change::SHAPE;
                    }
                    self.close();
                }
                Some(b',' | b':') => self.comma(),
                Some(_) if self.in_object() => self.member(),
                Some(_) => {
                    self.item();
                    self.value();
                }
            }
        }
        self.blanks();
        if self.byte().is_some() {
            self.changes |= change::REST;
        }
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open(&mut self, bracket: u8) {
        self.at += 1;
        self.out.push(bracket);
        self.objects = self.objects << 1 | u64::from(bracket == b'{');
        self.depth += 1;
        self.fresh = true;
    }

    fn close(&mut self) {
        self.out.push(if self.in_object() { b'}' } else { b']' });
        self.objects >>= 1;
        self.depth -= 1;
        self.fresh = false;
    }

    /// A comma is written by what follows it; one that nothing follows is left out.
    fn comma(&mut self) {
        if self.fresh || self.byte() == Some(b':') {
            self.changes |= change::SHAPE;
        }
        self.at += 1;
        self.blanks();
        if !matches!(self.byte(), Some(b'"' | b'0'..=b'9' | b'a'..=b'z' | b'-' | b'{' | b'[')) {
            self.changes |= change::SHAPE;
        }
    }

    fn item(&mut self) {
        if !self.fresh {
            self.out.push(b',');
        }
        self.fresh = false;
    }

    /// A key, a colon and a value.
    fn member(&mut self) {
        self.item();
        if self.byte() == Some(b'"') {
            self.text();
        } else {
            self.changes |= change::KEY;
            let word = self.word();
            self.quote(word);
        }
        self.blanks();
        self.out.push(b':');
        if self.byte() == Some(b':') {
            self.at += 1;
        } else {
            self.changes |= change::SHAPE;
        }
        self.blanks();
        self.value();
    }

    fn value(&mut self) {
        match self.byte() {
            Some(b'"') => self.text(),
            Some(b'{' | b'[') if self.depth == MAX_DEPTH => {
                self.changes |= change::DEPTH;
                let raw = self.nested();
                self.quote(raw);
            }
            Some(bracket @ (b'{' | b'[')) => self.open(bracket),
            None | Some(b',' | b':' | b'}' | b']') => {
                self.changes |= change::SHAPE;
                self.out.extend_from_slice(b"null");
            }
            Some(_) => {
                let word = self.word();
                if is_scalar(word) {
                    self.out.extend_from_slice(word);
                } else {
                    self.changes |= change::WORD;
                    self.quote(word);
                }
            }
        }
    }

    /// The bytes up to the next that means something, at least one.
    fn word(&mut self) -> &'a [u8] {
        let rest = self.record.get(self.at..).unwrap_or_default();
        let means = |byte: &u8| {
            matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"' | b' ' | b'\n' | b'\r' | b'\t')
        };
        let end = rest.iter().skip(1).position(means).map_or(rest.len(), |end| end + 1);
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// The bytes of the object or array that begins here, to its end.
    fn nested(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => self.at = text_end(self.record, self.at),
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at = self.record.len().min(self.at + 1);
            if depth == 0 {
                break;
            }
        }
        self.record.get(start..self.at).unwrap_or_default()
    }

    fn quote(&mut self, raw: &[u8]) {
        self.out.push(b'"');
        escape(self.out, raw);
        self.out.push(b'"');
    }

    /// The text whose opening quote is here, with what is unsound in it made sound.
    fn text(&mut self) {
        let end = text_end(self.record, self.at);
        let inside = self.record.get(self.at + 1..end).unwrap_or_default();
        self.out.push(b'"');
        if sound(self.out, inside) || end == self.record.len() {
            self.changes |= change::TEXT;
        }
        self.out.push(b'"');
        self.at = self.record.len().min(end + 1);
    }
}

/// The place of the quote that ends the text whose opening quote is at `start`; the end if there is none.
fn text_end(record: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match record.get(at) {
            None => return record.len(),
            Some(b'"') => return at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// Copies the inside of a text, whose escapes stay what they are if they are sound; true if something was not.
fn sound(out: &mut Vec<u8>, mut inside: &[u8]) -> bool {
    let mut changed = false;
    while !inside.is_empty() {
        let plain = inside.iter().position(|byte| *byte == b'\\').unwrap_or(inside.len());
        let (before, escaped) = inside.split_at_checked(plain).unwrap_or_default();
        changed |= escape(out, before);
        let taken = escape_len(escaped);
        let (whole, rest) = escaped.split_at_checked(taken).unwrap_or_default();
        out.extend_from_slice(whole);
        inside = rest;
        if taken == 0
            && let Some((_, rest)) = escaped.split_first()
        {
            // A backslash that begins no escape.
            out.extend_from_slice(b"\\\\");
            changed = true;
            inside = rest;
        }
    }
    changed
}

/// How long the escape is that `bytes` begin with; 0 if there is no sound one.
fn escape_len(bytes: &[u8]) -> usize {
    let unit = |bytes: &[u8]| {
        let [b'\\', b'u', digits @ ..] = bytes else { return None };
        let digits = digits.get(..4)?;
        digits.iter().try_fold(0_u32, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    };
    match bytes {
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
        _ => match unit(bytes) {
            Some(0xd800..0xdc00) => match bytes.get(6..).and_then(unit) {
                Some(0xdc00..0xe000) => 12,
                _ => 0,
            },
            Some(0xdc00..0xe000) | None => 0,
            Some(_) => 6,
        },
    }
}

/// Adds bytes as the inside of a JSON text; true if some of them could not stay what they were.
pub(crate) fn escape(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let mut changed = false;
    for chunk in bytes.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0..0x20 => {
                    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                    out.extend_from_slice(b"\\u00");
                    out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                    changed = true;
                }
                _ => out.push(byte),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearmiss_formats::RecordParser;

    fn repaired(record: &[u8]) -> (String, String) {
        let mut out = Vec::new();
        let note = repair(record, &mut out);
        assert!(RecordParser::default().parse(&out), "{}", String::from_utf8_lossy(&out));
        (String::from_utf8(out).unwrap(), note)
    }

    #[test]
    fn what_can_be_kept_is_kept() {
        for (record, expected, note) in [
            (r#"{"a":nan,"b":-inf,"c":[inf,1]}"#, r#"{"a":"nan","b":"-inf","c":["inf",1]}"#, "nan or inf"),
            (r#"{1:2,"a":{-3:"b",true:null}}"#, r#"{"1":2,"a":{"-3":"b","true":null}}"#, "a key"),
            (r#"{"a":"\x01\xff","b":1}"#, r#"{"a":"\\x01\\xff","b":1}"#, "escaped"),
            (r#"{"a":"\ud83d","b":"\ud83d\ude00"}"#, r#"{"a":"\\ud83d","b":"\ud83d\ude00"}"#, "escaped"),
            ("{\"a\":\"\u{1}\"}", r#"{"a":"\u0001"}"#, "escaped"),
            (r#"[1,"a"]"#, r#"{"log":"[1,\"a\"]"}"#, "all of it"),
            ("", r#"{"log":""}"#, "all of it"),
            (r#"{"a":1"#, r#"{"a":1}"#, "brackets"),
            (r#"{"a":[1 2}"#, r#"{"a":[1,2]}"#, "commas"),
            (r#"{"a":,"b"}"#, r#"{"a":null,"b":null}"#, "values"),
            (r#"{"a":1}{"b":2}"#, r#"{"a":1}"#, "cut off"),
            (r#"{"a":"b"#, r#"{"a":"b"}"#, "escaped"),
        ] {
            let (out, why) = repaired(record.as_bytes());
            assert_eq!(out, expected);
            assert!(why.contains(note), "{record}: {why}");
        }
        assert_eq!(repaired(b"{\"a\":\"\xff\xc3\xa9\"}").0, "{\"a\":\"\u{fffd}é\"}");
    }

    #[test]
    fn what_nests_too_deep_is_a_text() {
        let record = alloc::format!("{{\"a\":{}\"]\"{},\"b\":1}}", "[".repeat(70), "]".repeat(70));
        let (out, note) = repaired(record.as_bytes());
        assert!(out.ends_with(",\"b\":1}") && note.contains("too deep"), "{note}: {out}");
        assert!(out.contains(r#"[[[\"]\"]]]"#), "{out}");
    }
}
