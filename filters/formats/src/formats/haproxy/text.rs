//! HAProxy's httplog and httpslog.

use super::exchange::{FieldId, parse_values};
use crate::error::{LineError, LineErrorKind};
use crate::field_values::FieldValues;
use crate::swar::contains_text;
use crate::text::{TextCursor, invalid};
use crate::{AttemptList, OtherLine, ParsedLine};

/// Reads one line, with or without the prefix of syslog.
pub(crate) fn read<'a>(
    line: &'a [u8],
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::EmptyLine));
    }
    let mut text = TextCursor::new(line);
    let accepted = match text.common_time() {
        Ok(accepted) => accepted,
        Err(_) if is_notice(line) => return Ok(ParsedLine::Other(OtherLine::Haproxy)),
        Err(error) => return Err(error),
    };
    let mut values = FieldValues::new(None);
    let mut set = |id: FieldId, value| values.set(id as usize, value);
    set(FieldId::Time, accepted);
    let frontend = text.word("the frontend's name")?;
    if frontend.ends_with(b":") {
        return Ok(ParsedLine::LeftOut("a connection that brought no request"));
    }
    set(FieldId::Frontend, frontend);
    set(FieldId::Backend, text.until(b'/', "the backend's name and `/`")?);
    set(FieldId::Server, text.word("the server's name")?);
    let timers = text.word("the timers TR/Tw/Tc/Tr/Ta")?;
    match timers.iter().filter(|byte| **byte == b'/').count() {
        2 if timers.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'/' | b'-' | b'+')) => {
            return Ok(ParsedLine::LeftOut("a TCP connection"));
        }
        _ if !text.rest().contains(&b'"') && !matches!(text.rest(), [b'0'..=b'9' | b'-', ..]) => {
            return Ok(ParsedLine::LeftOut("a connection that brought no request"));
        }
        _ => {}
    }
    let timers =
        five(timers).ok_or_else(|| invalid(line, timers, "TR/Tw/Tc/Tr/Ta", "five times in milliseconds"))?;
    let [request, waiting, _, response, active] = timers;
    set(FieldId::Request, request);
    set(FieldId::Waiting, waiting);
    set(FieldId::Response, response);
    set(FieldId::Active, active);
    set(FieldId::Status, text.word("the status")?);
    set(FieldId::Bytes, text.word("the bytes sent")?);
    text.word("the captured request cookie")?;
    text.word("the captured response cookie")?;
    set(FieldId::State, text.word("the termination state")?);
    let connections = text.word("the connections")?;
    let [.., retries] =
        five(connections).ok_or_else(|| invalid(line, connections, "%ac/%fc/%bc/%sc/%rc", "five counts"))?;
    set(FieldId::Retries, retries);
    text.word("the queues")?;
    while text.next_is(b'{') {
        braces(&mut text)?;
    }
    if !text.next_is(b'"') {
        return Err(text.unexpected("the request in quotes"));
    }
    set(FieldId::Method, text.rest().get(1..).unwrap_or_default());
    parse_values(line, &values, attempts)
}

/// Returns true if `line` is a message of HAProxy about itself.
pub(crate) fn is_notice(line: &[u8]) -> bool {
    contains_text(line, b"haproxy[")
        || [
            &b"[NOTICE]"[..],
            b"[WARNING]",
            b"[ALERT]",
            b"Proxy ",
            b"Server ",
            b"Connect from ",
            b"Health check for ",
        ]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Splits a word into five parts at its slashes.
fn five(word: &[u8]) -> Option<[&[u8]; 5]> {
    let mut parts = word.split(|byte| *byte == b'/');
    let five = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(five)
}

/// Skips captured headers. They may have spaces in them, so they end where another pair of braces or the request begins.
fn braces(text: &mut TextCursor<'_>) -> Result<(), LineError> {
    let rest = text.rest();
    let end = rest.windows(3).position(|window| matches!(window, [b'}', b' ', b'{' | b'"']));
    let end = end.ok_or_else(|| text.unexpected("captured headers in braces and the request in quotes"))?;
    text.advance(end + 2);
    Ok(())
}
