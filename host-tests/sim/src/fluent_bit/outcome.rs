//! The fate of a record, derived from the reply of the filter.

use serde_json::value::RawValue;
use serde_json::{Error, Value};
use std::collections::BTreeMap;

/// The result of filtering one record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RecordOutcome {
    /// The record continues as this JSON object.
    Kept(String),
    /// The record is dropped silently: the reply was empty.
    Dropped,
    /// The record is lost; the host continues.
    Lost(String),
    /// The record is lost with the rest of its chunk, or the host's memory is corrupt.
    ChunkLost(String),
}

/// Maximum nesting depth that the host parses back, including the object itself.
const DEEPEST: usize = 63;

impl RecordOutcome {
    /// Interprets the text of a reply as the host does.
    pub fn of(reply: &[u8]) -> Self {
        if reply.is_empty() {
            return Self::Dropped;
        }
        let Ok(text) = std::str::from_utf8(reply) else {
            return Self::ChunkLost("a reply that is not UTF-8".to_owned());
        };
        let depth = depth(text);
        if depth > DEEPEST {
            return Self::ChunkLost(format!("{depth} levels of nesting"));
        }
        // The second parse accepts numbers beyond the range of a float: the host turns them into infinities.
        let values = serde_json::from_str::<Value>(text).map(drop);
        match values.or_else(|wrong| raw(text, &wrong)) {
            Ok(()) if text.trim_ascii_start().starts_with('{') => Self::Kept(text.to_owned()),
            Ok(()) => Self::Lost("not an object".to_owned()),
            Err(wrong) => Self::ChunkLost(format!("{wrong}: {text}")),
        }
    }

    /// Returns the record that continues.
    ///
    /// # Panics
    ///
    /// If the record was not kept.
    pub fn kept(self) -> String {
        match self {
            Self::Kept(record) => record,
            other => panic!("the record should have been kept: {other:?}"),
        }
    }

    /// Returns the fields of the kept record, each as its JSON.
    ///
    /// # Panics
    ///
    /// If the record was not kept.
    pub fn fields(self) -> BTreeMap<String, Box<RawValue>> {
        let record = self.kept();
        serde_json::from_str(&record).unwrap_or_else(|error| panic!("{error}: {record}"))
    }
}

fn raw(text: &str, wrong: &Error) -> Result<(), Error> {
    let is_range = wrong.to_string().starts_with("number out of range");
    serde_json::from_str::<&RawValue>(if is_range { text } else { "" }).map(drop)
}

/// Returns the maximum nesting depth of brackets outside strings.
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
