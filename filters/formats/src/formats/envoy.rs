//! Envoy's text and JSON, and Istio's.

mod exchange;
mod text;
mod words;

pub(crate) use exchange::{FieldId, ParsedFields, parse_values};
pub(crate) use text::{Flavour, read as read_text, skip_rest_of_request};
pub(crate) use words::pieces;

use crate::error::LineError;
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::{JoinKey, ParsedLine};
use alloc::vec::Vec;

/// Reads one line of JSON. Its keys are the user's choice, and nearly always the names of Envoy's operators.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    buffer: &'a mut Vec<u8>,
    key: &mut JoinKey,
) -> Result<ParsedLine<'a>, LineError> {
    let values = mapping.read_json(&FieldId::SCHEMA, line, buffer)?;
    set_join_key(&values, key);
    parse_values(line, &values, &mut ParsedFields::default())
}

/// Sets the key by which a line is joined with others: the request's id, if the line shows that it is an attempt's, which has no
/// details, or that it is not.
pub(crate) fn set_join_key(values: &FieldValues<'_, '_>, key: &mut JoinKey) {
    let get = |id: FieldId| values.get(id as usize);
    if let Some(id) = get(FieldId::RequestId).filter(|_| values.has(FieldId::Details as usize)) {
        let has_details = get(FieldId::Details).is_some();
        if has_details || get(FieldId::Host).is_some() {
            key.set(id, !has_details);
        }
    }
}

#[cfg(test)]
mod tests;
