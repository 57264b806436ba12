//! Envoy's default text format, and Istio's, which has more fields in the middle and at the end.

use super::exchange::{FieldId, ParsedFields, parse_values};
use crate::ParsedLine;
use crate::error::{LineError, LineErrorKind};
use crate::field_values::FieldValues;
use crate::text::TextCursor;

/// The program whose default format it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flavour {
    Envoy,
    Istio,
}

/// Reads one line. An annotation may follow as `near_miss="…"`.
pub(crate) fn read(line: &[u8], flavour: Flavour) -> Result<ParsedLine<'_>, LineError> {
    let mut text = TextCursor::new(line);
    let mut values = FieldValues::new(None);
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::EmptyLine));
    }
    let mut set = |id: FieldId, value| values.set(id as usize, value);
    set(FieldId::Start, text.bracketed("the start time in brackets")?);
    set(FieldId::Method, text.quoted("the request in quotes")?);
    set(FieldId::Status, text.word("the response code")?);
    set(FieldId::Flags, text.word("the response flags")?);
    if flavour == Flavour::Istio {
        while !text.next_is(b'"') {
            text.word("the response code's details")?;
        }
        while text.next_is(b'"') {
            text.quoted("the transport failure reason in quotes")?;
        }
    }
    text.word("the bytes received")?;
    set(FieldId::Bytes, text.word("the bytes sent")?);
    set(FieldId::Duration, text.word("the duration")?);
    text.word("the upstream's service time")?;
    text.quoted("X-Forwarded-For in quotes")?;
    set(FieldId::Agent, text.quoted("the user agent in quotes")?);
    text.quoted("the request's id in quotes")?;
    set(FieldId::Authority, text.quoted("the authority in quotes")?);
    set(FieldId::Host, text.quoted("the upstream's host in quotes")?);
    if flavour == Flavour::Istio {
        set(FieldId::Upstream, text.word("the upstream's cluster")?);
        for wanted in
            ["the upstream's local address", "the local address", "the client's address", "the server name"]
        {
            text.word(wanted)?;
        }
        set(FieldId::Route, text.word("the route's name")?);
    }
    if text.rest().starts_with(b"near_miss=") {
        text.advance(b"near_miss=".len());
        set(
            FieldId::NearMiss,
            if text.next_is(b'"') { text.quoted("a closing quote")? } else { text.rest() },
        );
    }
    parse_values(line, &values, &mut ParsedFields::default())
}
