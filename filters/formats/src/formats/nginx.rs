//! nginx in every format it can log: lists of attempts, and a final status.
//!
//! The meaning of the lists was observed on the real program. 502 and 504 stand for failed connections too, which only
//! a missing header time distinguishes from a response. A group without a live server puts its own name in the list of
//! addresses. ` : ` separates the groups that a redirect inside nginx visited; the last status before it says if the
//! redirect was a rescue or intended.

mod attempt_lists;
mod columns;
mod exchange;
mod fields;
mod ingress;
mod text;
mod words;

pub(crate) use columns::{read_apisix, read_ltsv};
pub(crate) use exchange::{is_complete, parse_values};
pub(crate) use fields::{FieldId, ParsedFields};
pub(crate) use ingress::read as read_ingress;
pub(crate) use text::{LineCache, count_keys, has_nginx_key, read_values};
pub(crate) use words::pieces;

use crate::error::LineError;
use crate::field_mapping::FieldMapping;
use crate::{AttemptList, ParsedLine};
use alloc::vec::Vec;

/// Reads one line of JSON, whose keys are the variables' names or the short names in docs/formats.md.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let values = mapping.read_json(&FieldId::SCHEMA, line, buffer)?;
    parse_values(line, &values, &mut ParsedFields::default(), attempts)
}

#[cfg(test)]
mod tests;
