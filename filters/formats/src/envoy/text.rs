//! Envoy's default text, and Istio's, which has more in the middle and at the end.

use super::{Facts, Slot, exchange};
use crate::ParsedLine;
use crate::bag::Bag;
use crate::error::{LineError, LineErrorKind};
use crate::text::Text;

/// Whose default it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flavour {
    Envoy,
    Istio,
}

/// Reads one line. An annotation may follow as `near_miss="…"`.
pub(crate) fn read(line: &[u8], flavour: Flavour) -> Result<ParsedLine<'_>, LineError> {
    let mut text = Text::new(line);
    let mut bag = Bag::new(None);
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::Empty));
    }
    let mut put = |slot: Slot, value| bag.set(slot as usize, value);
    put(Slot::Start, text.bracketed("the start time in brackets")?);
    put(Slot::Method, text.quoted("the request in quotes")?);
    put(Slot::Status, text.word("the response code")?);
    put(Slot::Flags, text.word("the response flags")?);
    if flavour == Flavour::Istio {
        while !text.sees(b'"') {
            text.word("the response code's details")?;
        }
        while text.sees(b'"') {
            text.quoted("the transport failure reason in quotes")?;
        }
    }
    text.word("the bytes received")?;
    put(Slot::Bytes, text.word("the bytes sent")?);
    put(Slot::Duration, text.word("the duration")?);
    text.word("the upstream's service time")?;
    text.quoted("X-Forwarded-For in quotes")?;
    put(Slot::Agent, text.quoted("the user agent in quotes")?);
    text.quoted("the request's id in quotes")?;
    put(Slot::Authority, text.quoted("the authority in quotes")?);
    put(Slot::Host, text.quoted("the upstream's host in quotes")?);
    if flavour == Flavour::Istio {
        put(Slot::Upstream, text.word("the upstream's cluster")?);
        for wanted in
            ["the upstream's local address", "the local address", "the client's address", "the server name"]
        {
            text.word(wanted)?;
        }
        put(Slot::Route, text.word("the route's name")?);
    }
    if text.rest().starts_with(b"near_miss=") {
        text.advance(b"near_miss=".len());
        put(Slot::NearMiss, if text.sees(b'"') { text.quoted("a closing quote")? } else { text.rest() });
    }
    exchange(line, &bag, &mut Facts::default())
}
