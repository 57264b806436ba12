//! Configured keys, which take precedence over the keys that the formats are known to use.

use crate::error::LineError;
use crate::exchange::annotation;
use crate::field_values::FieldValues;
use crate::json::{JsonCursor, Value};
use crate::schema::Schema;
use alloc::boxed::Box;
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

impl FieldMapping {
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
        self.name_of(key).and_then(schema.id_of_name)
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
            && let Some(id) = self.id_of(schema, key)
        {
            values.set_override(id, value);
        } else if let Some(id) = (schema.id_of_key)(key) {
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
        let mut json = JsonCursor::new(line, buffer);
        let mut values = self.new_values();
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
                Value::Object => (schema.nested)(key, &mut json, &mut values)?,
                Value::Array => json.skip_rest(false)?,
                Value::Bool(_) | Value::Null => {}
            }
        }
        json.expect_end()?;
        Ok(values)
    }
}
