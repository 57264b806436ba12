//! Finds the records in a line of any transport.
//!
//! A line may be a record, a list of records, a line of a proxy's log with `nearmiss {…}` in it, or JSON of another program: with
//! records in `near_miss_summaries` and `near_miss_episodes`, or with such a line in `log` or `message`.

use super::error::RecordError;
use crate::json::outline::is_deeper_than;
use crate::json::value::{self, Value, ValueMap};
use crate::record::SCHEMA;

/// Maximum nesting depth of a line.
const MAX_DEPTH: usize = 32;

/// Callback for a summary or an episode.
type Visit<'a> = dyn FnMut(Mergeable, &ValueMap) -> Result<(), RecordError> + 'a;

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
    if !["summary", "episode", "near_miss_"].into_iter().any(|word| position(line, word).is_some()) {
        return Ok(());
    }
    if !(line.starts_with('{') || line.starts_with("[{")) {
        return logged(line).map_or(Ok(()), |record| for_each_record(record, visit));
    }
    if is_deeper_than(line, MAX_DEPTH) {
        return Err(RecordError::Syntax("the line nests deeper than 32 levels".into()));
    }
    let value = Value::parse(line)
        .map_err(|error| RecordError::Syntax(alloc::format!("the line is not JSON: {error}")))?;
    of_value(&value, visit)
}

/// Returns the record in a line of a proxy's log.
fn logged(line: &str) -> Option<&str> {
    const BEFORE: &str = "nearmiss ";
    line.get(position(line, "nearmiss {")? + BEFORE.len()..)
}

/// Returns the position of the first `word`. The standard library's search takes 2 KiB of a module.
fn position(line: &str, word: &str) -> Option<usize> {
    let (line, word) = (line.as_bytes(), word.as_bytes());
    let first = word.first()?;
    let mut from = 0;
    loop {
        from += line.get(from..)?.iter().position(|byte| byte == first)?;
        if line.get(from..)?.starts_with(word) {
            return Some(from);
        }
        from += 1;
    }
}

fn of_value(value: &Value, visit: &mut Visit<'_>) -> Result<(), RecordError> {
    match value {
        Value::List(items) => items.iter().map(|item| of_value(item, visit)).fold(Ok(()), Result::and),
        Value::Object(object) => of_object(object, visit),
        _ => Ok(()),
    }
}

fn of_object(object: &ValueMap, visit: &mut Visit<'_>) -> Result<(), RecordError> {
    if let Some(schema) = object.get("schema")
        && let Some(kind @ ("exchange" | "episode" | "summary")) = object.get("type").and_then(Value::as_text)
    {
        if schema.as_count() != Some(SCHEMA) {
            return Err(RecordError::Schema(value::shown(schema)));
        }
        return match kind {
            "episode" => visit(Mergeable::Episode, object),
            "summary" => visit(Mergeable::Summary, object),
            _ => Ok(()),
        };
    }
    let mut result = Ok(());
    for key in ["near_miss_summaries", "near_miss_episodes"] {
        if let Some(Value::List(items)) = object.get(key) {
            result = items.iter().map(|item| of_value(item, visit)).fold(result, Result::and);
        }
    }
    for key in ["log", "message"] {
        if let Some(Value::Text(text)) = object.get(key)
            && let Some(record) = logged(text)
        {
            result = result.and(for_each_record(record, visit));
        }
    }
    result
}
