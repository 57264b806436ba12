//! Lines that somebody has put a wrapping around: container runtimes, and we ourselves.

use crate::PriorVerdict;
use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation_and_upstream, fate};
use crate::json::{Json, Value};
use alloc::vec::Vec;

/// `line` without what Kubernetes' runtimes put before it: `2026-11-23T08:00:00.1Z stdout F `.
pub(crate) fn without_prefix(line: &[u8]) -> &[u8] {
    let [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _, b'T', ..] = line else { return line };
    let mut words = line.splitn(4, |byte| *byte == b' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(_), Some(b"stdout" | b"stderr"), Some(b"F" | b"P"), Some(rest)) => rest,
        _ => line,
    }
}

/// What is in a wrapping.
pub(crate) enum Inside<'a> {
    /// A line to read.
    Line(&'a [u8]),
    /// The line, and its verdict beside it.
    Judged(&'a [u8], PriorVerdict<'a>),
}

/// The verdict that stands in an object, whatever else is in it.
///
/// # Errors
///
/// If there is none, or the object makes no sense.
pub fn prior_verdict<'a>(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<PriorVerdict<'a>, LineError> {
    match inside(line, buffer)? {
        Inside::Judged(_, judged) => Ok(judged),
        Inside::Line(_) => Err(LineError::new(line.len(), LineErrorKind::Missing { field: "near_miss" })),
    }
}

/// Whether `line` is an object around a line of text: `{"log":"…"`, as Docker writes it and as `--annotate` does.
pub(crate) fn is_object(line: &[u8]) -> bool {
    line.starts_with(br#"{"log":""#)
}

/// What is inside such an object; the line in it is decoded into `buffer`.
pub(crate) fn inside<'a>(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<Inside<'a>, LineError> {
    let mut json = Json::new(line, buffer);
    let (mut text, mut judged, mut first) = ("", None, true);
    json.open()?;
    while let Some(key) = json.key(&mut first)? {
        match key {
            "log" => text = json.text_of("log")?,
            "near_miss" => judged = Some(annotation_and_upstream(&mut json)?),
            _ => match json.value()? {
                Value::Object => json.leave(true)?,
                Value::Array => json.leave(false)?,
                _ => {}
            },
        }
    }
    json.end()?;
    let text = text.trim_end_matches(['\n', '\r']).as_bytes();
    match judged {
        Some((name, upstream)) => {
            Ok(Inside::Judged(text, PriorVerdict { ts: None, upstream, fate: fate(name)? }))
        }
        None => Ok(Inside::Line(text)),
    }
}
