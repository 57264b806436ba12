//! Reads the fields of a record that a monitor of this process has emitted. The monitor notes where each value is and its type while it
//! writes the record, so no JSON is parsed.

use nearmiss::json::tokens::{TokenKind, Value};
use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use std::borrow::Cow;

/// A value of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldValue<'a>(pub(super) Value<'a>);

impl<'de> Deserializer<'de> for FieldValue<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.0.text();
        match self.0.kind() {
            TokenKind::String => match unescaped(unquoted(text)) {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            TokenKind::Bool => visitor.visit_bool(text == "true"),
            TokenKind::Double => visitor.visit_f64(text.parse().map_err(Error::custom)?),
            TokenKind::Integer if text.starts_with('-') => {
                visitor.visit_i64(text.parse().map_err(Error::custom)?)
            }
            TokenKind::Integer => visitor.visit_u64(text.parse().map_err(Error::custom)?),
            TokenKind::Array => visitor.visit_seq(SeqDeserializer::new(self.0.items().map(Self))),
            TokenKind::Object | TokenKind::Key | TokenKind::Close => {
                let members = self.0.members().map(|(key, value)| (unescaped(key), Self(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // An unknown value is absent, so this one is known.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de> for FieldValue<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Returns the text without its escapes.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut plain = vec![0; text.len()];
    let length = nearmiss_formats::unescape(text.as_bytes(), &mut plain).unwrap_or(0);
    plain.truncate(length);
    String::from_utf8_lossy(&plain).into_owned().into()
}

fn unquoted(text: &str) -> &str {
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::records::{AnyRecord, parse};
    use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Timestamp};

    #[test]
    fn a_record_of_a_monitor_is_that_of_its_line() {
        let config = Config::parse(r#"{"reorder":"0s","summary_every":"10m"}"#).unwrap();
        let mut monitor = Monitor::new(config, Feed::Log, "a \"test\"");
        monitor.note_tokens();
        for second in 0..4_000 {
            let is_bad = second > 3_000 && second % 2 == 0;
            monitor.observe(&Exchange {
                ts: Timestamp::from_seconds(1_795_420_800 + second),
                upstream: "c\\\"art\u{1}é",
                status: if is_bad { 503 } else { 200 },
                duration: Micros::new(42_460),
                host: Some("10.0.0.7:80"),
                ..Exchange::default()
            });
        }
        monitor.finish();
        let mut types = [0; 3];
        while let Some(record) = monitor.poll_record() {
            let (fields, line) = (AnyRecord::of(&record).unwrap(), parse(record.json.as_bytes()).unwrap());
            assert_eq!(format!("{fields:?}"), format!("{line:?}"));
            types[match fields {
                AnyRecord::Exchange(_) => 0,
                AnyRecord::Episode(_) => 1,
                AnyRecord::Summary(_) => 2,
            }] += 1;
        }
        assert!(types.iter().all(|count| *count > 0), "{types:?}");
    }
}
