//! Configured keys, which take precedence over the keys that the formats are known to use.

use crate::error::LineError;
use crate::exchange::annotation;
use crate::field_values::FieldValues;
use crate::json::{JsonCursor, Value};
use crate::schema::Schema;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::Timestamp;

/// Maps a user's log keys to fields.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct FieldMapping {
    /// Pairs of a log key and the name of its field in exchange lines.
    keys: Vec<(Box<str>, Box<str>)>,
    /// Timestamp of lines that have none of their own.
    pub(crate) default_time: Option<Timestamp>,
}

/// Maximum nesting of objects with configured keys.
const MAX_NESTING: u32 = 8;

impl FieldMapping {
    /// The name of no field: its key holds nothing, even if it is known to hold a field.
    pub(crate) const HIDDEN: &str = "-";

    /// Adds the key of the field that exchange lines call `name`.
    pub(crate) fn add(&mut self, key: &str, name: &str) {
        self.keys.push((key.into(), name.into()));
    }

    /// Returns the name of the field that a configured key holds.
    pub(crate) fn name_of(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(known, _)| **known == *key).map(|(_, name)| &**name)
    }

    /// Returns the id of the field that a configured key holds.
    pub(crate) fn id_of(&self, schema: &Schema, key: &str) -> Option<usize> {
        self.name_of(key).and_then(|name| schema.id_of_name(name))
    }

    /// Returns true if a configured key names a member of the object under `key`.
    fn has_below(&self, key: &str) -> bool {
        self.keys.iter().any(|(known, _)| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Returns true if a configured key names a member of a nested object.
    pub(crate) fn has_nested(&self) -> bool {
        self.keys.iter().any(|(key, _)| key.contains('.'))
    }

    /// Returns true if no key is configured.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Creates an empty set of values for one line.
    pub(crate) fn new_values<'a>(&self) -> FieldValues<'a, 'static> {
        FieldValues::new(self.default_time)
    }

    /// Sets the field that `key` holds; unknown keys are ignored.
    #[inline]
    pub(crate) fn set<'a>(
        &self,
        schema: &Schema,
        values: &mut FieldValues<'a, '_>,
        key: &str,
        value: &'a [u8],
    ) {
        if !self.keys.is_empty()
            && let Some(name) = self.name_of(key)
        {
            match schema.id_of_name(name) {
                Some(id) => values.set_override(id, value),
                None if name == Self::HIDDEN => {}
                None => Self::set_known(schema, values, key, value),
            }
        } else {
            Self::set_known(schema, values, key, value);
        }
    }

    fn set_known<'a>(schema: &Schema, values: &mut FieldValues<'a, '_>, key: &str, value: &'a [u8]) {
        if let Some(id) = (schema.id_of_key)(key) {
            values.set(id, value);
        }
    }

    /// Reads the field values on one line of JSON.
    pub(crate) fn read_json<'a>(
        &self,
        schema: &Schema,
        line: &'a [u8],
        buffer: &'a mut Vec<u8>,
    ) -> Result<FieldValues<'a, 'static>, LineError> {
        self.read_json_at(schema, self.default_time, line, buffer)
    }

    /// Reads the same. `default_time` is the timestamp of a line without one.
    pub(crate) fn read_json_at<'a>(
        &self,
        schema: &Schema,
        default_time: Option<Timestamp>,
        line: &'a [u8],
        buffer: &'a mut Vec<u8>,
    ) -> Result<FieldValues<'a, 'static>, LineError> {
        let mut json = JsonCursor::new(line, buffer);
        let mut values = FieldValues::new(default_time);
        json.open_object()?;
        let mut first = true;
        while let Some(key) = json.next_key(&mut first)? {
            if key == "near_miss"
                && let Some(id) = (schema.id_of_key)(key)
            {
                values.set_override(id, annotation(&mut json)?.as_bytes());
                continue;
            }
            match json.list_value()? {
                Value::Text(word) | Value::Number(word) => {
                    self.set(schema, &mut values, key, word.as_bytes())
                }
                Value::Null if schema.null_is_absent => self.set(schema, &mut values, key, b"-"),
                Value::Object => {
                    if !self.keys.is_empty() && self.has_below(key) {
                        json.allow_rewind();
                        let start = json.offset();
                        self.read_nested(schema, &mut json, &mut values, &mut key.into(), 1)?;
                        json.rewind(start);
                    }
                    (schema.nested)(key, &mut json, &mut values)?
                }
                Value::Array => match json.joined_array()? {
                    "" => {}
                    list => self.set(schema, &mut values, key, list.as_bytes()),
                },
                Value::Bool(_) | Value::Null => {}
            }
        }
        json.expect_end()?;
        Ok(values)
    }

    /// Reads the configured keys in the rest of an object. `path` has the keys of the objects around its members.
    fn read_nested<'a>(
        &self,
        schema: &Schema,
        json: &mut JsonCursor<'a>,
        values: &mut FieldValues<'a, '_>,
        path: &mut String,
        depth: u32,
    ) -> Result<(), LineError> {
        let outer = path.len();
        let mut first = true;
        while let Some(key) = json.next_key(&mut first)? {
            path.push('.');
            path.push_str(key);
            let id = self.id_of(schema, path);
            match (json.list_value()?, id) {
                (Value::Text(word) | Value::Number(word), Some(id)) => {
                    values.set_override(id, word.as_bytes())
                }
                (Value::Array, Some(id)) => values.set_override(id, json.joined_array()?.as_bytes()),
                (Value::Object, _) if depth < MAX_NESTING && self.has_below(path) => {
                    self.read_nested(schema, json, values, path, depth + 1)?
                }
                (Value::Object, _) => json.skip_rest(true)?,
                (Value::Array, _) => json.skip_rest(false)?,
                _ => {}
            }
            path.truncate(outer);
        }
        Ok(())
    }
}
