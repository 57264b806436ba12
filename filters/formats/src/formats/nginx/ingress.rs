//! The default format of ingress-nginx.

use super::exchange::parse_values;
use super::fields::{FieldId, ParsedFields};
use crate::error::{LineError, LineErrorKind};
use crate::field_values::FieldValues;
use crate::text::TextCursor;
use crate::{AttemptList, ParsedLine};

/// Reads one line.
///
/// The line ends with four lists of the same length and the request's id (which old versions lack), so the number of
/// words left gives the length of each list.
pub(crate) fn read<'a>(
    line: &'a [u8],
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut text = TextCursor::new(line);
    let mut values = FieldValues::new(None);
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::EmptyLine));
    }
    // Old versions put the address in brackets as well.
    values.set(FieldId::Time as usize, text.common_time()?);
    values.set(FieldId::Method as usize, text.quoted("the request in quotes")?);
    values.set(FieldId::Status as usize, text.word("the status")?);
    values.set(FieldId::Bytes as usize, text.word("the bytes sent")?);
    text.quoted("the referer in quotes")?;
    text.quoted("the user agent in quotes")?;
    text.word("the request's length")?;
    values.set(FieldId::Duration as usize, text.word("the request's time")?);
    values.set(FieldId::Upstream as usize, text.bracketed("the upstream's name in brackets")?);
    if text.next_is(b'[') {
        values.set(FieldId::Canary as usize, text.bracketed("the alternative upstream's name in brackets")?);
    }
    let words = words(text.rest()).count();
    if words < 4 || words % 4 > 1 {
        return Err(text.unexpected("four lists of the same length and the request's id"));
    }
    values.set(FieldId::Hosts as usize, take_words(&mut text, words / 4)?);
    take_words(&mut text, words / 4)?;
    values.set(FieldId::Times as usize, take_words(&mut text, words / 4)?);
    values.set(FieldId::Codes as usize, take_words(&mut text, words / 4)?);
    parse_values(line, &values, &mut ParsedFields::default(), attempts)
}

fn words(rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

/// Reads the next `count` words as one text.
fn take_words<'a>(text: &mut TextCursor<'a>, count: usize) -> Result<&'a [u8], LineError> {
    let whole = text.rest();
    for _ in 0..count {
        text.word("an entry of a list")?;
    }
    let length = whole.len() - text.rest().len();
    Ok(whole.get(..length).unwrap_or(whole).trim_ascii_end())
}
