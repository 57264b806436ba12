//! Documents that the host has parsed, in a form that takes little code to read.
//!
//! JavaScript parses JSON by itself, so the edge module contains no parser. The form of a value:
//!
//! ```text
//! n  t  f            null, true, false
//! +17;  -3;          a whole number within 64 bits
//! ~1500;  ~-1;       any other number, in thousandths
//! "a\"b"             a text; a backslash precedes a quotation mark and a backslash
//! [n+1;]             a list of values
//! {"a"n"b"+1;}       an object, a text before each value
//! ```

use super::value::Value;
use crate::sorted_map::SortedMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Reads a document that nests at most `depth` levels deep; `None` if it is deeper or not in this form.
pub(crate) fn read(text: &str, depth: usize) -> Option<Value> {
    let mut reader = Reader { rest: text };
    let value = reader.value(depth)?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        Some(match self.next()? {
            b'n' => Value::Null,
            b't' => Value::Flag(true),
            b'f' => Value::Flag(false),
            b'+' => Value::Count(self.number()?),
            b'-' => Value::Negative(0_i64.wrapping_sub_unsigned(self.number()?)),
            b'~' => {
                let sign = if self.takes("-") { -1.0 } else { 1.0 };
                Value::Float(sign * self.number()? as f64 / 1_000.0)
            }
            b'"' => Value::Text(self.text()?),
            b'[' => {
                let mut list = Vec::new();
                while !self.takes("]") {
                    list.push(self.value(depth.checked_sub(1)?)?);
                }
                Value::List(list)
            }
            b'{' => {
                let mut object = Vec::new();
                while !self.takes("}") {
                    self.takes("\"");
                    object.push((self.text()?, self.value(depth.checked_sub(1)?)?));
                }
                Value::Object(SortedMap::from_unsorted(object))
            }
            _ => return None,
        })
    }

    fn next(&mut self) -> Option<u8> {
        let first = *self.rest.as_bytes().first()?;
        self.rest = self.rest.get(1..)?;
        Some(first)
    }

    fn takes(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads a number up to its semicolon.
    fn number(&mut self) -> Option<u64> {
        let (digits, rest) = self.until(|byte| byte == b';')?;
        self.rest = rest.get(1..)?;
        digits.parse().ok()
    }

    /// Reads a text behind its first quotation mark.
    fn text(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let (part, rest) = self.until(|byte| matches!(byte, b'"' | b'\\'))?;
            text.push_str(part);
            self.rest = rest;
            if self.next()? == b'"' {
                return Some(text);
            }
            text.push(char::from(self.next()?));
        }
    }

    /// Splits the rest before the first byte that is an `end`.
    fn until(&self, end: impl Fn(u8) -> bool) -> Option<(&'a str, &'a str)> {
        self.rest.split_at_checked(self.rest.bytes().position(end)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_that_of_its_json() {
        for (text, json) in [
            ("n", "null"),
            ("[tf]", "[true,false]"),
            (
                "[+0;+18446744073709551615;-9223372036854775808;]",
                "[0,18446744073709551615,-9223372036854775808]",
            ),
            ("[~1500;~-1;]", "[1.5,-0.001]"),
            (r#"["""a\"\\\n"]"#.replace("\\n", "\n").as_str(), r#"["","a\"\\\n"]"#),
            (r#"{"b"{"é"+1;}"a"[]"b"n}"#, r#"{"b":{"é":1},"a":[],"b":null}"#),
        ] {
            assert_eq!(read(text, 2), Some(Value::parse(json).unwrap()), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_document() {
        for text in ["", "x", "nn", "+1", "+x;", "+-1;", "\"", "\"\\", "[n", "{\"a\"", "{n", "{\"a\"}", "~;"]
        {
            assert_eq!(read(text, 2), None, "{text}");
        }
        assert_eq!(read("[[[n]]]", 2), None);
        assert!(read("[[[n]]]", 3).is_some());
    }
}
