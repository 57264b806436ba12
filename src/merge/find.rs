//! Finds the records in a line of any transport.
//!
//! A line may be a record, a list of records, a line of a proxy's log with `nearmiss {…}` in it, or JSON of another program: with
//! records in `near_miss_summaries` and `near_miss_episodes`, or with such a line in `log` or `message`.

use super::error::RecordError;
use crate::json::outline::is_deeper_than;
use crate::record::SCHEMA;
use alloc::string::String;
use serde_json::{Map, Value};

/// Maximum nesting depth of a line.
const MAX_DEPTH: usize = 32;

/// Callback for a summary or an episode.
type Visit<'a> = dyn FnMut(Mergeable, &Map<String, Value>) -> Result<(), RecordError> + 'a;

/// Type of a record that can be merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mergeable {
    Episode,
    Summary,
}

/// Passes every summary and episode in `line` to `visit` and ignores everything else. Returns the first error after all records
/// were passed.
pub(super) fn for_each_record(line: &str, visit: &mut Visit<'_>) -> Result<(), RecordError> {
    let line = line.trim_ascii();
    // A substring search rules out most lines of other programs without parsing them.
    if !["summary", "episode", "near_miss_"].into_iter().any(|word| line.contains(word)) {
        return Ok(());
    }
    if !(line.starts_with('{') || line.starts_with("[{")) {
        return logged(line).map_or(Ok(()), |record| for_each_record(record, visit));
    }
    if is_deeper_than(line, MAX_DEPTH) {
        return Err(RecordError::Syntax("the line nests deeper than 32 levels".into()));
    }
    let value: Value = serde_json::from_str(line)
        .map_err(|error| RecordError::Syntax(alloc::format!("the line is not JSON: {error}")))?;
    of_value(&value, visit)
}

/// Returns the record in a line of a proxy's log.
fn logged(line: &str) -> Option<&str> {
    let (_, record) = line.split_once("nearmiss {")?;
    line.get(line.len() - record.len() - 1..)
}

fn of_value(value: &Value, visit: &mut Visit<'_>) -> Result<(), RecordError> {
    match value {
        Value::Array(items) => items.iter().map(|item| of_value(item, visit)).fold(Ok(()), Result::and),
        Value::Object(object) => of_object(object, visit),
        _ => Ok(()),
    }
}

fn of_object(object: &Map<String, Value>, visit: &mut Visit<'_>) -> Result<(), RecordError> {
    if let Some(schema) = object.get("schema")
        && let Some(kind @ ("exchange" | "episode" | "summary")) = object.get("type").and_then(Value::as_str)
    {
        if schema.as_u64() != Some(SCHEMA) {
            return Err(RecordError::Schema(alloc::format!("{schema}")));
        }
        return match kind {
            "episode" => visit(Mergeable::Episode, object),
            "summary" => visit(Mergeable::Summary, object),
            _ => Ok(()),
        };
    }
    let mut result = Ok(());
    for key in ["near_miss_summaries", "near_miss_episodes"] {
        if let Some(Value::Array(items)) = object.get(key) {
            result = items.iter().map(|item| of_value(item, visit)).fold(result, Result::and);
        }
    }
    for key in ["log", "message"] {
        if let Some(Value::String(text)) = object.get(key)
            && let Some(record) = logged(text)
        {
            result = result.and(for_each_record(record, visit));
        }
    }
    result
}
