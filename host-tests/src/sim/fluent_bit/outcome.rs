//! What becomes of a record, by the reply of the filter.

use serde_json::value::RawValue;
use serde_json::{Error, Value};
use std::collections::BTreeMap;

/// What becomes of a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It goes on as this JSON object.
    Kept(String),
    /// It is dropped, silently: the reply was empty.
    Dropped,
    /// It is lost, and the host goes on.
    Lost(String),
    /// It is lost with the rest of its chunk, or the host's memory is corrupt.
    Disaster(String),
}

/// The deepest nesting that survives on the way back, the object itself included.
const DEEPEST: usize = 63;

impl Outcome {
    /// What the host makes of the text of a reply.
    pub fn of(reply: &[u8]) -> Self {
        if reply.is_empty() {
            return Self::Dropped;
        }
        let Ok(text) = std::str::from_utf8(reply) else {
            return Self::Disaster("a reply that is not UTF-8".to_owned());
        };
        let depth = depth(text);
        if depth > DEEPEST {
            return Self::Disaster(format!("{depth} levels of nesting"));
        }
        // The second reading takes numbers that are beyond any float: the host makes infinities of them.
        let values = serde_json::from_str::<Value>(text).map(drop);
        match values.or_else(|wrong| raw(text, &wrong)) {
            Ok(()) if text.trim_ascii_start().starts_with('{') => Self::Kept(text.to_owned()),
            Ok(()) => Self::Lost("no object".to_owned()),
            Err(wrong) => Self::Disaster(format!("{wrong}: {text}")),
        }
    }

    /// The record that goes on.
    ///
    /// # Panics
    ///
    /// If none does.
    pub fn kept(self) -> String {
        match self {
            Self::Kept(record) => record,
            other => panic!("the record should have been kept: {other:?}"),
        }
    }

    /// The fields of the record that goes on, each as its JSON.
    ///
    /// # Panics
    ///
    /// If none does.
    pub fn fields(self) -> BTreeMap<String, Box<RawValue>> {
        let record = self.kept();
        serde_json::from_str(&record).unwrap_or_else(|error| panic!("{error}: {record}"))
    }
}

fn raw(text: &str, wrong: &Error) -> Result<(), Error> {
    let is_range = wrong.to_string().starts_with("number out of range");
    serde_json::from_str::<&RawValue>(if is_range { text } else { "" }).map(drop)
}

/// How deep brackets outside of texts nest.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
