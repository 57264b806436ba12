//! Turns an invalid record into valid JSON and keeps as much of it as possible.
//!
//! The output is valid by construction, whatever the input: commas and brackets are written here instead of being copied, and
//! only valid parts of a string are copied. There is no recursion.

use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::json::write::escape_pieces;
use nearmiss_formats::{MAX_DEPTH, is_beyond_double, is_scalar};

/// The largest double. Fluent Bit prints it with 16 digits, which it then refuses to parse.
const LARGEST_DOUBLE: &[u8] = b"1.7976931348623157e308";

/// Writes `record` as a JSON object to `out`. Returns a note for the user that lists the changes.
pub(crate) fn repair(record: &[u8], out: &mut Vec<u8>) -> String {
    out.clear();
    let mut repairer = Repairer { record, at: 0, out, changes: 0, objects: 0, depth: 0, is_first: true };
    repairer.skip_whitespace();
    if repairer.byte() == Some(b'{') {
        repairer.object();
    } else {
        repairer.changes |= change::NO_OBJECT;
        repairer.out.extend_from_slice(b"{\"log\":\"");
        escape(repairer.out, record);
        repairer.out.extend_from_slice(b"\"}");
    }
    let changes = repairer.changes;
    let mut note = String::from("the record was not valid JSON");
    let made = change::DESCRIPTIONS.iter().enumerate().filter(|(bit, _)| changes >> bit & 1 == 1);
    for (index, (_, text)) in made.enumerate() {
        note.push_str(if index == 0 { ": " } else { ", " });
        note.push_str(text);
    }
    note
}

/// The kinds of change, one bit each, and their descriptions.
mod change {
    pub(super) const NO_OBJECT: u8 = 1;
    pub(super) const VALUE: u8 = 1 << 1;
    pub(super) const KEY: u8 = 1 << 2;
    pub(super) const STRING: u8 = 1 << 3;
    pub(super) const DEPTH: u8 = 1 << 4;
    pub(super) const STRUCTURE: u8 = 1 << 5;
    pub(super) const TRAILING: u8 = 1 << 6;
    pub(super) const RANGE: u8 = 1 << 7;
    pub(super) const DESCRIPTIONS: [&str; 8] = [
        "the whole record is now a string",
        "values such as nan or inf are now strings",
        "keys that were not strings now are",
        "bytes that strings must not contain were escaped",
        "a value that was nested too deeply is now a string",
        "missing commas, brackets or values were added",
        "data after the object was cut off",
        "numbers beyond the range of a double are now the largest one",
    ];
}

/// The state of a repair.
struct Repairer<'a> {
    record: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
    changes: u8,
    /// One bit per open level, the innermost lowest: set for an object, clear for an array.
    objects: u64,
    depth: u32,
    /// True until something is written at the current level.
    is_first: bool,
}

impl<'a> Repairer<'a> {
    fn byte(&self) -> Option<u8> {
        self.record.get(self.at).copied()
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn object(&mut self) {
        self.open(b'{');
        while self.depth > 0 {
            self.skip_whitespace();
            match self.byte() {
                None => {
                    self.changes |= change::STRUCTURE;
                    self.close();
                }
                Some(close @ (b'}' | b']')) => {
                    self.at += 1;
                    if (close == b'}') != self.in_object() {
                        self.changes |= change::STRUCTURE;
                    }
                    self.close();
                }
                Some(b',' | b':') => self.separator(),
                Some(_) if self.in_object() => self.member(),
                Some(_) => {
                    self.begin_element();
                    self.value();
                }
            }
        }
        self.skip_whitespace();
        if self.byte().is_some() {
            self.changes |= change::TRAILING;
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
        self.is_first = true;
    }

    fn close(&mut self) {
        self.out.push(if self.in_object() { b'}' } else { b']' });
        self.objects >>= 1;
        self.depth -= 1;
        self.is_first = false;
    }

    /// Skips a comma or a colon. The next element writes its own comma, so one without a next element is dropped.
    fn separator(&mut self) {
        if self.is_first || self.byte() == Some(b':') {
            self.changes |= change::STRUCTURE;
        }
        self.at += 1;
        self.skip_whitespace();
        if !matches!(self.byte(), Some(b'"' | b'0'..=b'9' | b'a'..=b'z' | b'-' | b'{' | b'[')) {
            self.changes |= change::STRUCTURE;
        }
    }

    fn begin_element(&mut self) {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
    }

    /// Repairs a key, a colon and a value.
    fn member(&mut self) {
        self.begin_element();
        if self.byte() == Some(b'"') {
            self.string();
        } else {
            self.changes |= change::KEY;
            let word = self.bare_word();
            self.quote(word);
        }
        self.skip_whitespace();
        self.out.push(b':');
        if self.byte() == Some(b':') {
            self.at += 1;
        } else {
            self.changes |= change::STRUCTURE;
        }
        self.skip_whitespace();
        self.value();
    }

    fn value(&mut self) {
        match self.byte() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') if self.depth == MAX_DEPTH => {
                self.changes |= change::DEPTH;
                let raw = self.nested();
                self.quote(raw);
            }
            Some(bracket @ (b'{' | b'[')) => self.open(bracket),
            None | Some(b',' | b':' | b'}' | b']') => {
                self.changes |= change::STRUCTURE;
                self.out.extend_from_slice(b"null");
            }
            Some(_) => {
                let word = self.bare_word();
                if is_scalar(word) {
                    self.out.extend_from_slice(word);
                } else if is_beyond_double(word) {
                    self.changes |= change::RANGE;
                    self.out.extend_from_slice(if word.starts_with(b"-") { b"-" } else { b"" });
                    self.out.extend_from_slice(LARGEST_DOUBLE);
                } else {
                    self.changes |= change::VALUE;
                    self.quote(word);
                }
            }
        }
    }

    /// Reads the bytes up to the next delimiter, at least one.
    fn bare_word(&mut self) -> &'a [u8] {
        let rest = self.record.get(self.at..).unwrap_or_default();
        let is_delimiter = |byte: &u8| {
            matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"' | b' ' | b'\n' | b'\r' | b'\t')
        };
        let end = rest.iter().skip(1).position(is_delimiter).map_or(rest.len(), |end| end + 1);
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Reads the bytes of the object or array that begins here, to its end.
    fn nested(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => self.at = string_end(self.record, self.at),
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

    /// Copies the string whose opening quote is here, and repairs its invalid parts.
    fn string(&mut self) {
        let end = string_end(self.record, self.at);
        let inside = self.record.get(self.at + 1..end).unwrap_or_default();
        self.out.push(b'"');
        if copy_string(self.out, inside) || end == self.record.len() {
            self.changes |= change::STRING;
        }
        self.out.push(b'"');
        self.at = self.record.len().min(end + 1);
    }
}

/// Returns the index of the closing quote of the string that opens at `start`; the record's length if there is none.
fn string_end(record: &[u8], start: usize) -> usize {
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

/// Copies the inside of a string and keeps its valid escapes. Returns true if something was invalid.
fn copy_string(out: &mut Vec<u8>, mut inside: &[u8]) -> bool {
    let mut changed = false;
    while !inside.is_empty() {
        let plain = inside.iter().position(|byte| *byte == b'\\').unwrap_or(inside.len());
        let (before, escaped) = inside.split_at_checked(plain).unwrap_or_default();
        changed |= escape(out, before);
        let escape_len = valid_escape_len(escaped);
        let (whole, rest) = escaped.split_at_checked(escape_len).unwrap_or_default();
        out.extend_from_slice(whole);
        inside = rest;
        if escape_len == 0
            && let Some((_, rest)) = escaped.split_first()
        {
            // A backslash that does not begin a valid escape.
            out.extend_from_slice(b"\\\\");
            changed = true;
            inside = rest;
        }
    }
    changed
}

/// Returns the length of the valid escape that `bytes` begin with; 0 if there is none.
fn valid_escape_len(bytes: &[u8]) -> usize {
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

/// Appends bytes as the inside of a JSON string. Returns true if some of them are not valid there and had to change.
pub(crate) fn escape(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let mut changed = false;
    for chunk in bytes.utf8_chunks() {
        escape_pieces(chunk.valid(), |piece| out.extend_from_slice(piece.as_bytes()));
        changed |= chunk.valid().bytes().any(|byte| byte < 0x20);
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
    fn everything_that_can_be_kept_is_kept() {
        for (record, expected, reason) in [
            (r#"{"a":nan,"b":-inf,"c":[inf,1]}"#, r#"{"a":"nan","b":"-inf","c":["inf",1]}"#, "nan or inf"),
            (
                r#"{"a":1.797693134862316e+308,"b":[-1e309,1.7976931348623157e308]}"#,
                r#"{"a":1.7976931348623157e308,"b":[-1.7976931348623157e308,1.7976931348623157e308]}"#,
                "largest",
            ),
            (r#"{1:2,"a":{-3:"b",true:null}}"#, r#"{"1":2,"a":{"-3":"b","true":null}}"#, "keys"),
            (r#"{"a":"\x01\xff","b":1}"#, r#"{"a":"\\x01\\xff","b":1}"#, "escaped"),
            (r#"{"a":"\ud83d","b":"\ud83d\ude00"}"#, r#"{"a":"\\ud83d","b":"\ud83d\ude00"}"#, "escaped"),
            ("{\"a\":\"\u{1}\"}", r#"{"a":"\u0001"}"#, "escaped"),
            (r#"[1,"a"]"#, r#"{"log":"[1,\"a\"]"}"#, "the whole record"),
            ("", r#"{"log":""}"#, "the whole record"),
            (r#"{"a":1"#, r#"{"a":1}"#, "brackets"),
            (r#"{"a":[1 2}"#, r#"{"a":[1,2]}"#, "commas"),
            (r#"{"a":,"b"}"#, r#"{"a":null,"b":null}"#, "values"),
            (r#"{"a":1}{"b":2}"#, r#"{"a":1}"#, "cut off"),
            (r#"{"a":"b"#, r#"{"a":"b"}"#, "escaped"),
        ] {
            let (out, note) = repaired(record.as_bytes());
            assert_eq!(out, expected);
            assert!(note.contains(reason), "{record}: {note}");
        }
        assert_eq!(repaired(b"{\"a\":\"\xff\xc3\xa9\"}").0, "{\"a\":\"\u{fffd}é\"}");
    }

    #[test]
    fn a_value_nested_too_deeply_becomes_a_string() {
        let record = alloc::format!("{{\"a\":{}\"]\"{},\"b\":1}}", "[".repeat(70), "]".repeat(70));
        let (out, note) = repaired(record.as_bytes());
        assert!(out.ends_with(",\"b\":1}") && note.contains("too deep"), "{note}: {out}");
        assert!(out.contains(r#"[[[\"]\"]]]"#), "{out}");
    }
}
