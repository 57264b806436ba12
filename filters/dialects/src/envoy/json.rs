//! Envoy's JSON: the user chooses the keys, and nearly everybody takes the operators' names.

use super::{Slot, exchange};
use crate::Line;
use crate::error::LineError;
use crate::exchange::annotation;
use crate::fields::Fields;
use crate::json::{Json, Value};
use alloc::vec::Vec;

/// Reads one line.
pub(crate) fn read<'a>(
    line: &'a [u8],
    fields: &Fields,
    buffer: &'a mut Vec<u8>,
) -> Result<Line<'a>, LineError> {
    let mut json = Json::new(line, buffer);
    let mut bag = fields.bag();
    json.open()?;
    let mut first = true;
    while let Some(key) = json.key(&mut first)? {
        if key == "near_miss" {
            bag.pin(Slot::NearMiss as usize, annotation(&mut json)?.as_bytes());
            continue;
        }
        match json.value()? {
            Value::Text(word) | Value::Number(word) => fields.put::<Slot>(&mut bag, key, word.as_bytes()),
            // A cluster of `null` is none, a line without the key does not say.
            Value::Null => fields.put::<Slot>(&mut bag, key, b"-"),
            Value::Object => json.leave(true)?,
            Value::Array => json.leave(false)?,
            Value::Bool(_) => {}
        }
    }
    json.end()?;
    exchange(line, &bag)
}
