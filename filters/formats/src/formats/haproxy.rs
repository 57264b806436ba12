//! HAProxy: httplog and httpslog, the same in the shape of the common log format, and JSON.
//!
//! `%rc` counts the retries; `+` only means that the server changed in between. The line names the last server. `Tw`
//! includes the time lost with the servers before, so only the time after `Tw` belongs to the last attempt.

mod clf;
mod exchange;
mod text;
mod words;

pub(crate) use clf::{is_clf, matches as matches_clf, read as read_clf};
pub(crate) use exchange::{FieldId, parse_values};
pub(crate) use text::{is_notice, read as read_text};
pub(crate) use words::pieces;

use crate::error::LineError;
use crate::field_mapping::FieldMapping;
use crate::schema::Schema;
use crate::{AttemptList, ParsedLine};
use alloc::vec::Vec;

/// The fields under their keys in JSON, which some put a common prefix before.
const JSON_SCHEMA: Schema = Schema {
    id_of_key: |key| (FieldId::SCHEMA.id_of_key)(key.strip_prefix("haproxy_").unwrap_or(key)),
    ..FieldId::SCHEMA
};

/// Reads a line of JSON: the names of `%{+json}o`, or those of the variables.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    parse_values(line, &mapping.read_json(&JSON_SCHEMA, line, buffer)?, attempts)
}

#[cfg(test)]
mod tests;
