//! Envoy's text and JSON, and Istio's.

mod exchange;
mod text;
mod words;

pub(crate) use exchange::{FieldId, ParsedFields, parse_values};
pub(crate) use text::{Flavour, read as read_text};
pub(crate) use words::pieces;

use crate::ParsedLine;
use crate::error::LineError;
use crate::field_mapping::FieldMapping;
use alloc::vec::Vec;

/// Reads one line of JSON. Its keys are the user's choice, and nearly always the names of Envoy's operators.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    parse_values(line, &mapping.read_json(&FieldId::SCHEMA, line, buffer)?, &mut ParsedFields::default())
}

#[cfg(test)]
mod tests;
