//! Values of a JSON document, their text in errors, and numbers that several documents share.
//!
//! The parser is `serde_json`'s. Its own `Value` holds objects in the standard library's tree, which takes 4 KiB of a module.

use crate::json::write::{Json, push_millis, push_number, push_text};
use crate::sorted_map::SortedMap;
use crate::units::Micros;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value of a JSON document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Flag(bool),
    /// A whole number, 0 or more.
    Count(u64),
    /// A whole number below 0.
    Negative(i64),
    /// Any other number.
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Object(ValueMap),
}

/// Fields of an object by key; the last of several with one key counts.
pub(crate) type ValueMap = SortedMap<String, Value>;

/// Maximum number of characters of a value that an error shows.
const LONGEST: usize = 60;

impl Value {
    /// Parses a document.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(crate) fn as_flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    pub(crate) fn as_count(&self) -> Option<u64> {
        if let Self::Count(count) = self { Some(*count) } else { None }
    }

    /// Returns a whole number.
    pub(crate) fn as_signed(&self) -> Option<i64> {
        match self {
            Self::Count(count) => i64::try_from(*count).ok(),
            Self::Negative(number) => Some(*number),
            _ => None,
        }
    }

    fn as_float(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Negative(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Returns a list of whole numbers, 0 or more.
    pub(crate) fn as_counts(&self) -> Option<Vec<u64>> {
        self.as_list()?.iter().map(Self::as_count).collect()
    }

    pub(crate) fn as_object(&self) -> Option<&ValueMap> {
        if let Self::Object(fields) = self { Some(fields) } else { None }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// Visitor of any value.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E>(self, count: u64) -> Result<Value, E> {
        Ok(Value::Count(count))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(u64::try_from(number).map_or(Value::Negative(number), Value::Count))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Value::Object(SortedMap::from_unsorted(object)))
    }
}

/// Returns a value as JSON, cut if it is long.
pub(crate) fn shown(value: &Value) -> String {
    let mut out = String::new();
    show(&mut out, value);
    if let Some((end, _)) = out.char_indices().nth(LONGEST) {
        out.truncate(end);
        out.push('…');
    }
    out
}

/// Reads a number of milliseconds, to the microsecond.
pub(crate) fn millis(value: &Value) -> Option<Micros> {
    let number = value.as_float().filter(|number| (0.0..1e15).contains(number))?;
    Some(Micros::new(libm::round(number * 1_000.0) as u64))
}

/// Appends a value as JSON, up to the shown length.
///
/// Written by hand, because printing floats to the last digit takes 12 KiB of a module; three decimals are enough here.
fn show(out: &mut String, value: &Value) {
    if out.len() > LONGEST {
        return;
    }
    match value {
        Value::Null => push_text(out, "null"),
        Value::Flag(flag) => push_text(out, if *flag { "true" } else { "false" }),
        Value::Count(number) => push_number(out, *number),
        Value::Negative(number) => Json::new(out).signed(*number),
        Value::Float(number) => show_float(out, *number),
        Value::Text(text) => Json::new(out).text(text),
        Value::List(items) => {
            push_text(out, "[");
            items.iter().enumerate().take(LONGEST).for_each(|(place, item)| {
                push_text(out, if place > 0 { "," } else { "" });
                show(out, item);
            });
            push_text(out, "]");
        }
        Value::Object(fields) => {
            push_text(out, "{");
            fields.iter().enumerate().take(LONGEST).for_each(|(place, (key, value))| {
                push_text(out, if place > 0 { "," } else { "" });
                Json::new(out).text(key);
                push_text(out, ":");
                show(out, value);
            });
            push_text(out, "}");
        }
    }
}

fn show_float(out: &mut String, number: f64) {
    push_text(out, if number < 0.0 { "-" } else { "" });
    let thousandths = libm::round(libm::fabs(number) * 1_000.0);
    if thousandths < 1e18 {
        push_millis(out, Micros::new(thousandths as u64));
    } else {
        push_text(out, "1e15 or more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Value {
        Value::parse(text).unwrap()
    }

    proptest! {
        #[test]
        fn a_document_is_read_as_serde_json_reads_it(text in r#"(\{?\[?("[a-c]":|[0-9-]{1,3}(\.5|e3)?|"x"|null|true|,|\]|\}){1,9}){1,6}"#) {
            match (Value::parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(is_same(&ours, &theirs), "{text}"),
                (Err(ours), Err(theirs)) => prop_assert_eq!(ours.to_string(), theirs.to_string()),
                (ours, theirs) => prop_assert!(false, "{text}: {ours:?}, {theirs:?}"),
            }
        }
    }

    fn is_same(ours: &Value, theirs: &serde_json::Value) -> bool {
        match (ours, theirs) {
            (Value::List(ours), serde_json::Value::Array(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(ours, theirs)| is_same(ours, theirs))
            }
            (Value::Object(ours), serde_json::Value::Object(theirs)) => {
                // Theirs may keep the order of the text.
                ours.len() == theirs.len()
                    && ours
                        .iter()
                        .all(|(key, ours)| theirs.get(key).is_some_and(|theirs| is_same(ours, theirs)))
            }
            _ => {
                (ours == &Value::Null) == theirs.is_null()
                    && ours.as_flag() == theirs.as_bool()
                    && ours.as_text() == theirs.as_str()
                    && ours.as_count() == theirs.as_u64()
                    && ours.as_signed() == theirs.as_i64()
                    && ours.as_float() == theirs.as_f64()
            }
        }
    }

    #[test]
    fn documents_of_every_kind_are_read_as_serde_json_reads_them() {
        for text in [
            r#"{"b":1,"a":[null,true,-1,0.5,1e3,18446744073709551615,-9223372036854775808,1e19],"b":{"c":"x\u00e9"}}"#,
            r#"{"a":1,"a":2,"c":3,"b":4,"a":5}"#,
            "[]",
            "-0",
        ] {
            let theirs: serde_json::Value = serde_json::from_str(text).unwrap();
            assert!(is_same(&parsed(text), &theirs), "{text}");
        }
    }

    #[test]
    fn a_value_is_shown_as_it_stands() {
        for text in ["null", "true", "17", "-3", "0.5", "-1.25", r#"{"a":[1,"x\ny",{}],"b":[]}"#] {
            assert_eq!(shown(&parsed(text)), text);
        }
        assert_eq!(shown(&parsed("1e300")), "1e15 or more");
        assert_eq!(shown(&parsed(&alloc::format!("\"{}\"", "é".repeat(100)))).chars().count(), LONGEST + 1);
    }

    #[test]
    fn milliseconds_are_whole_microseconds() {
        let of = |text| millis(&parsed(text)).map(Micros::get);
        assert_eq!(
            (of("42.1"), of("0"), of("0.001"), of("1001")),
            (Some(42_100), Some(0), Some(1), Some(1_001_000))
        );
        for odd in ["-1", "1e15", "\"1\"", "null", "-0.5"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }
}
