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
mod log_format;
mod text;

pub(crate) use columns::{read_apisix, read_ltsv};
pub(crate) use exchange::{is_complete, parse_values};
pub(crate) use fields::{FieldId, ParsedFields};
pub(crate) use ingress::read as read_ingress;
pub(crate) use log_format::LogFormat;
pub(crate) use text::{KeyCache, has_nginx_key, read_values};

use crate::error::{LineError, LineErrorKind};
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

/// Creates the error for a line in the common or combined log format, which has no duration.
#[cold]
pub(crate) fn lacks_duration() -> LineError {
    LineError::new(
        0,
        LineErrorKind::Lacks {
            format: "the common or combined log format of nginx and Apache",
            missing: "request_time",
            instead: "in nginx, append this to the log_format: rt=$request_time ua=\"$upstream_addr\" \
                      us=\"$upstream_status\" urt=\"$upstream_response_time\"",
        },
    )
}

#[cfg(test)]
mod tests;
