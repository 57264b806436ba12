//! Fields in a nested object: the member `addr` of the object `upstream` is the field with the key `upstream_addr`.

use crate::error::LineError;
use crate::field_values::FieldValues;
use crate::json::{JsonCursor, Value};
use crate::schema::Schema;

/// Maximum length of a key, in bytes.
const MAX_KEY: usize = 48;

/// Returns true if the members of the object under `key` may be fields.
pub(crate) fn may_hold(key: &str) -> bool {
    matches!(key, "upstream" | "request" | "response")
}

/// Reads the rest of the object under `key`. A field that has a value keeps it.
pub(crate) fn read<'a>(
    schema: &Schema,
    key: &str,
    json: &mut JsonCursor<'a>,
    values: &mut FieldValues<'a, '_>,
) -> Result<(), LineError> {
    if !may_hold(key) {
        return json.skip_rest(true);
    }
    let mut first = true;
    while let Some(member) = json.next_key(&mut first)? {
        let id = id_of(schema, key, member).filter(|id| !values.has(*id));
        let is_measured = member == "status" || member.ends_with("time");
        match (json.list_value()?, id) {
            // `healthy` is another status, and `12ms` another notation.
            (Value::Text(word), Some(_)) if is_measured && !is_numbers(word) => {}
            (Value::Text(word) | Value::Number(word), Some(id)) => values.set(id, word.as_bytes()),
            (Value::Array, Some(id)) => values.set(id, json.joined_array()?.as_bytes()),
            (Value::Object, _) => json.skip_rest(true)?,
            (Value::Array, None) => json.skip_rest(false)?,
            _ => {}
        }
    }
    Ok(())
}

/// Returns true for a number, or a list of numbers.
fn is_numbers(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b',' | b':' | b'-' | b' '))
}

/// Returns the field whose key is `key`, `_` and `member`.
fn id_of(schema: &Schema, key: &str, member: &str) -> Option<usize> {
    let mut joined = [0; MAX_KEY];
    let joined = joined.get_mut(..key.len() + 1 + member.len())?;
    let (head, tail) = joined.split_at_mut_checked(key.len())?;
    head.copy_from_slice(key.as_bytes());
    let (separator, tail) = tail.split_first_mut()?;
    *separator = b'_';
    tail.copy_from_slice(member.as_bytes());
    (schema.id_of_key)(core::str::from_utf8(joined).ok()?)
}
