//! JSON objects around a line: those of container runtimes and log shippers, and those that nearmiss has annotated.

use crate::PriorVerdict;
use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation_and_upstream, fate};
use crate::json::{JsonCursor, Value};
use alloc::vec::Vec;

/// The keys under which log shippers put the line as it was logged.
const LINE_KEYS: [&str; 14] = [
    "log",
    "message",
    "msg",
    "line",
    "MESSAGE",
    "textPayload",
    "_raw",
    "event",
    "body",
    "content",
    "@message",
    "raw",
    "original",
    "data",
];
/// The keys under which log shippers put the object that was logged.
const OBJECT_KEYS: [&str; 8] =
    ["jsonPayload", "json", "message", "log", "log_processed", "nginx", "parsed", "access_log"];

/// The content of a wrapper.
pub(crate) enum Unwrapped<'a> {
    /// A line without a verdict.
    Line,
    /// A line, and the verdict next to it.
    Judged(&'a [u8], PriorVerdict<'a>),
}

/// Returns the verdict in a JSON object, whatever its other members.
///
/// # Errors
///
/// If there is none, or the object is invalid.
pub fn prior_verdict<'a>(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<PriorVerdict<'a>, LineError> {
    match unwrap_line(line, buffer)? {
        Unwrapped::Judged(_, verdict) => Ok(verdict),
        Unwrapped::Line => {
            Err(LineError::new(line.len(), LineErrorKind::MissingField { field: "near_miss" }))
        }
    }
}

/// Returns true if `line` is an object around a line of text: `{"log":"…"`, as Docker and `--annotate` write it.
pub(crate) fn is_wrapper(line: &[u8]) -> bool {
    line.starts_with(br#"{"log":""#)
}

/// Returns the content of such an object; the line in it is decoded into `buffer`.
pub(crate) fn unwrap_line<'a>(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<Unwrapped<'a>, LineError> {
    let mut json = JsonCursor::new(line, buffer);
    let (mut text, mut verdict, mut first) = ("", None, true);
    json.open_object()?;
    while let Some(key) = json.next_key(&mut first)? {
        match key {
            "log" => text = json.text_of("log")?,
            "near_miss" => verdict = Some(annotation_and_upstream(&mut json)?),
            _ => json.skip()?,
        }
    }
    json.expect_end()?;
    let text = text.trim_end_matches(['\n', '\r']).as_bytes();
    match verdict {
        Some((name, upstream)) => {
            Ok(Unwrapped::Judged(text, PriorVerdict { ts: None, upstream, fate: fate(name)? }))
        }
        None => Ok(Unwrapped::Line),
    }
}

/// Copies the line or the object inside a JSON object into `inner`; returns false if it has none.
///
/// The content is a member that `accepts` takes. The last argument of `accepts` is true if log shippers use its key.
pub(crate) fn unwrap_any(
    line: &[u8],
    buffer: &mut Vec<u8>,
    inner: &mut Vec<u8>,
    accepts: &mut dyn FnMut(&[u8], bool) -> bool,
) -> bool {
    /// Minimum length of a line that an access log could have, in bytes.
    const MIN_LINE: usize = 24;
    inner.clear();
    let mut json = JsonCursor::new(line, buffer);
    let mut first = true;
    if json.open_object().is_err() {
        return false;
    }
    while let Ok(Some(key)) = json.next_key(&mut first) {
        let start = json.offset();
        let Ok(value) = json.value() else { return false };
        let (text, is_usual) = match value {
            Value::Text(text) => (text.trim_end_matches(['\n', '\r']).as_bytes(), LINE_KEYS.contains(&key)),
            Value::Object => {
                if json.skip_rest(true).is_err() {
                    return false;
                }
                (line.get(start..json.offset()).unwrap_or_default(), OBJECT_KEYS.contains(&key))
            }
            Value::Array if json.skip_rest(false).is_err() => return false,
            _ => continue,
        };
        if text.len() >= MIN_LINE && accepts(text, is_usual) {
            inner.extend_from_slice(text);
            return true;
        }
    }
    false
}
