//! Lines inside a wrapper: those of container runtimes, and those that nearmiss has annotated.

use crate::PriorVerdict;
use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation_and_upstream, fate};
use crate::json::{JsonCursor, Value};
use alloc::vec::Vec;

/// Strips the prefix of Kubernetes' container runtimes (CRI), such as `2026-11-23T08:00:00.1Z stdout F `.
pub(crate) fn without_cri_prefix(line: &[u8]) -> &[u8] {
    let [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _, b'T', ..] = line else { return line };
    let mut words = line.splitn(4, |byte| *byte == b' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(_), Some(b"stdout" | b"stderr"), Some(b"F" | b"P"), Some(rest)) => rest,
        _ => line,
    }
}

/// The content of a wrapper.
pub(crate) enum Unwrapped<'a> {
    /// A line to read.
    Line(&'a [u8]),
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
        Unwrapped::Line(_) => {
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
            _ => match json.value()? {
                Value::Object => json.skip_rest(true)?,
                Value::Array => json.skip_rest(false)?,
                _ => {}
            },
        }
    }
    json.expect_end()?;
    let text = text.trim_end_matches(['\n', '\r']).as_bytes();
    match verdict {
        Some((name, upstream)) => {
            Ok(Unwrapped::Judged(text, PriorVerdict { ts: None, upstream, fate: fate(name)? }))
        }
        None => Ok(Unwrapped::Line(text)),
    }
}
