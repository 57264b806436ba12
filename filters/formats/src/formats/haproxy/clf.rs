//! HAProxy's `option httplog clf`: the columns of httplog after those of the common log format.

use super::exchange::{FieldId, parse_values};
use crate::error::LineError;
use crate::field_values::FieldValues;
use crate::swar::contains_text;
use crate::text::TextCursor;
use crate::text_shape::{TextShape, is_digits};
use crate::{AttemptList, ParsedLine};

/// Reads `ADDRESS - - [TIME] "REQUEST" STATUS BYTES "" "" PORT MILLISECONDS "FRONTEND" "BACKEND" "SERVER" TR Tw Tc Tr Ta STATE
/// AC FC BC SC RETRIES …`.
pub(crate) fn read<'a>(
    line: &'a [u8],
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut text = TextCursor::new(line);
    let mut values = FieldValues::new(None);
    let mut set = |id: FieldId, value| values.set(id as usize, value);
    set(FieldId::Time, text.common_time()?);
    let request = text.quoted("the request in quotes")?;
    if request.starts_with(b"TCP ") {
        return Ok(ParsedLine::LeftOut("a TCP connection"));
    }
    set(FieldId::Method, request);
    set(FieldId::Status, text.word("the status")?);
    set(FieldId::Bytes, text.word("the bytes sent")?);
    text.quoted("an empty text in quotes")?;
    text.quoted("an empty text in quotes")?;
    text.word("the client's port")?;
    set(FieldId::StartMillis, text.word("the milliseconds of the time")?);
    set(FieldId::Frontend, text.quoted("the frontend's name in quotes")?);
    set(FieldId::Backend, text.quoted("the backend's name in quotes")?);
    set(FieldId::Server, text.quoted("the server's name in quotes")?);
    set(FieldId::Request, text.word("%TR")?);
    set(FieldId::Waiting, text.word("%Tw")?);
    text.word("%Tc")?;
    set(FieldId::Response, text.word("%Tr")?);
    set(FieldId::Active, text.word("%Ta")?);
    set(FieldId::State, text.word("the termination state")?);
    for count in ["%ac", "%fc", "%bc", "%sc"] {
        text.word(count)?;
    }
    set(FieldId::Retries, text.word("%rc")?);
    parse_values(line, &values, attempts)
}

/// Returns true if numbers and the three names follow two empty texts.
pub(crate) fn matches(shape: &TextShape<'_>) -> bool {
    let mut text = shape.after_combined();
    let mut numbers = || text.word("").is_ok_and(is_digits) && text.word("").is_ok_and(is_digits);
    shape.is_common_log() && numbers() && text.next_is(b'"') && contains_text(shape.tail, b" \"\" \"\"")
}

/// Returns true if a line of HAProxy has the shape of the common log format.
pub(crate) fn is_clf(line: &[u8]) -> bool {
    contains_text(line, b"] \"")
}
