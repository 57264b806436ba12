//! Envoy's default text format, and Istio's, which has more fields in the middle and at the end.

use super::exchange::{FieldId, ParsedFields, parse_values};
use crate::ParsedLine;
use crate::error::{LineError, LineErrorKind};
use crate::field_values::FieldValues;
use crate::swar::find;
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
    set(FieldId::Method, request(&mut text)?);
    set(FieldId::Status, text.word("the response code")?);
    set(FieldId::Flags, text.word("the response flags")?);
    if flavour == Flavour::Istio {
        if !text.next_is(b'"') {
            set(FieldId::Details, text.word("the response code's details")?);
        }
        while !text.next_is(b'"') {
            text.word("the connection's termination details")?;
        }
        if text.next_is(b'"') {
            set(FieldId::Transport, text.quoted("the transport failure reason in quotes")?);
        }
        while text.next_is(b'"') {
            text.quoted("a text in quotes")?;
        }
    }
    text.word("the bytes received")?;
    set(FieldId::Bytes, text.word("the bytes sent")?);
    set(FieldId::Duration, text.word("the duration")?);
    text.word("the upstream's service time")?;
    let [agent, authority, host] = read_quoted(&mut text)?;
    set(FieldId::Agent, agent);
    set(FieldId::Authority, authority);
    set(FieldId::Host, host);
    if flavour == Flavour::Istio {
        set(FieldId::Upstream, text.word("the upstream's cluster")?);
        for wanted in
            ["the upstream's local address", "the local address", "the client's address", "the server name"]
        {
            text.word(wanted)?;
        }
    }
    if !text.is_empty() && !text.rest().starts_with(b"near_miss=") {
        match flavour {
            // Istio up to 1.0 appended its columns to those of Envoy.
            Flavour::Envoy => set(FieldId::Upstream, text.word("the upstream's cluster")?),
            // Istio up to 1.3 ended with the server name.
            Flavour::Istio => set(FieldId::Route, text.word("the route's name")?),
        }
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

/// Reads the request in quotes.
fn request<'a>(text: &mut TextCursor<'a>) -> Result<&'a [u8], LineError> {
    let whole = text.rest();
    text.quoted("the request in quotes")?;
    skip_rest_of_request(text);
    let length = whole.len() - text.rest().len();
    let request = whole.get(1..length).unwrap_or_default().trim_ascii_end();
    Ok(request.strip_suffix(b"\"").unwrap_or(request))
}

/// Skips the rest of a request after a quote in its path: Envoy does not escape quotes, and only the last one comes before the response
/// code.
pub(crate) fn skip_rest_of_request(text: &mut TextCursor<'_>) {
    let mut after = *text;
    while !matches!(after.rest(), [] | [b'0'..=b'9', ..]) {
        let Some(quote) = find(after.rest(), 0, b'"') else { return };
        after.advance(quote + 1);
        after.skip_spaces();
    }
    *text = after;
}

/// Reads `"X-Forwarded-For" "user agent" "request's id" "authority" "upstream's host"`; returns user agent, authority and
/// host.
///
/// Envoy does not escape quotes. Where they do not delimit five texts, the last three are the last quotes of the line, and
/// what stands between them and the first is the user agent.
fn read_quoted<'a>(text: &mut TextCursor<'a>) -> Result<[&'a [u8]; 3], LineError> {
    let before = *text;
    let read = read_plain_quoted(text);
    let is_complete =
        text.is_empty() || !text.rest().contains(&b'"') || text.rest().starts_with(b"near_miss=");
    if read.is_ok() && is_complete {
        return read;
    }
    let rest = before.rest();
    let last = rest.iter().rposition(|byte| *byte == b'"').unwrap_or_default();
    let group = rest.get(1..last).unwrap_or_default();
    let split = |group: &'a [u8]| {
        let at = group.windows(3).rposition(|window| window == b"\" \"")?;
        Some((group.get(..at)?, group.get(at + 3..)?))
    };
    let parts = split(group).and_then(|(group, host)| {
        let (group, authority) = split(group)?;
        let (group, _) = split(group)?;
        let at = group.windows(3).position(|window| window == b"\" \"")?;
        Some([group.get(at + 3..)?, authority, host])
    });
    let Some(parts) = parts else { return read };
    *text = before;
    text.advance(last + 1);
    text.skip_spaces();
    Ok(parts)
}

fn read_plain_quoted<'a>(text: &mut TextCursor<'a>) -> Result<[&'a [u8]; 3], LineError> {
    text.quoted("X-Forwarded-For in quotes")?;
    let agent = text.quoted("the user agent in quotes")?;
    text.quoted("the request's id in quotes")?;
    let authority = text.quoted("the authority in quotes")?;
    Ok([agent, authority, text.quoted("the upstream's host in quotes")?])
}
