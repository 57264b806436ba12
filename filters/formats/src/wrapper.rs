//! JSON objects around a line: those of container runtimes and log shippers, and those that nearmiss has annotated.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation_and_upstream, fate};
use crate::json::{JsonCursor, Value};
use crate::{PriorVerdict, time};
use alloc::boxed::Box;
use alloc::vec::Vec;
use nearmiss::{Fate, Timestamp};

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
/// The keys under which log shippers put the time.
const TIME_KEYS: [&str; 7] =
    ["timestamp", "@timestamp", "time", "_time", "ts", "date", "__REALTIME_TIMESTAMP"];
/// The key of the verdict.
const VERDICT_KEY: &str = "near_miss";

/// Buffers for the content of wrappers.
#[derive(Debug, Default)]
pub(crate) struct Unwrapper {
    /// The content of the last wrapper.
    pub(crate) inner: Vec<u8>,
    /// The time beside the line, in the innermost prefix or wrapper that has one.
    pub(crate) time: Option<Timestamp>,
    /// The verdict beside the content of the outermost wrapper that has one.
    pub(crate) verdict: Option<Result<OwnedVerdict, LineError>>,
    pub(crate) buffer: Vec<u8>,
}

/// The fate and the upstream of a verdict.
#[derive(Clone, Debug)]
pub(crate) struct OwnedVerdict {
    fate: Fate,
    upstream: Option<Box<str>>,
}

/// The members of an object that make it a wrapper.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Members {
    pub(crate) has_content: bool,
    has_verdict: bool,
    time: Option<Timestamp>,
}

impl Unwrapper {
    /// Copies the content of a wrapper as [`unwrap`] does, and keeps its verdict and its time; returns true if it has content.
    pub(crate) fn unwrap(&mut self, line: &[u8], accepts: &mut dyn FnMut(&[u8], bool) -> bool) -> bool {
        let members = unwrap(line, &mut self.buffer, &mut self.inner, accepts);
        if members.has_verdict && self.verdict.is_none() {
            self.verdict = Some(prior_verdict(line, &mut self.buffer).map(OwnedVerdict::from));
        }
        self.time = members.time.or(self.time);
        members.has_content
    }
}

impl OwnedVerdict {
    /// Returns the verdict of an exchange at a time.
    pub(crate) fn at(&self, ts: Option<Timestamp>) -> PriorVerdict<'_> {
        PriorVerdict { ts, upstream: self.upstream.as_deref(), fate: self.fate }
    }
}

impl From<PriorVerdict<'_>> for OwnedVerdict {
    fn from(verdict: PriorVerdict<'_>) -> Self {
        Self { fate: verdict.fate, upstream: verdict.upstream.map(Into::into) }
    }
}

/// Returns the verdict in a JSON object, whatever its other members.
///
/// # Errors
///
/// If there is none, or the object is invalid.
pub fn prior_verdict<'a>(line: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<PriorVerdict<'a>, LineError> {
    let mut json = JsonCursor::new(line, buffer);
    let (mut verdict, mut first) = (None, true);
    json.open_object()?;
    while let Some(key) = json.next_key(&mut first)? {
        match key {
            VERDICT_KEY => verdict = Some(annotation_and_upstream(&mut json)?),
            _ => json.skip()?,
        }
    }
    json.expect_end()?;
    let missing = LineErrorKind::MissingField { field: VERDICT_KEY };
    let (name, upstream) = verdict.ok_or_else(|| LineError::new(line.len(), missing))?;
    Ok(PriorVerdict { ts: None, upstream, fate: fate(name)? })
}

/// Parses a time; a small number is another quantity, such as a duration.
fn plausible_time(text: &str) -> Option<Timestamp> {
    const YEAR_2001_S: u64 = 1_000_000_000;
    time::parse(text.as_bytes()).filter(|time| time.seconds() >= YEAR_2001_S)
}

/// Returns true if `line` is an object around a line of text: `{"log":"…"`, as Docker and `--annotate` write it.
pub(crate) fn is_wrapper(line: &[u8]) -> bool {
    line.starts_with(br#"{"log":""#)
}

/// Copies the line or the object inside a JSON object into `inner`.
///
/// The content is the first member that `accepts` takes. The last argument of `accepts` is true if log shippers use its key.
pub(crate) fn unwrap(
    line: &[u8],
    buffer: &mut Vec<u8>,
    inner: &mut Vec<u8>,
    accepts: &mut dyn FnMut(&[u8], bool) -> bool,
) -> Members {
    /// Minimum length of a line that an access log could have, in bytes.
    const MIN_LINE: usize = 24;
    inner.clear();
    let mut json = JsonCursor::new(line, buffer);
    let (mut members, mut first) = (Members::default(), true);
    if json.open_object().is_err() {
        return members;
    }
    while let Ok(Some(key)) = json.next_key(&mut first) {
        let start = json.offset();
        members.has_verdict |= key == VERDICT_KEY;
        let Ok(value) = json.value() else { break };
        let (text, is_usual) = match value {
            // A log pipeline has a time for each record.
            Value::Text(text) | Value::Number(text)
                if cfg!(feature = "all-formats") && TIME_KEYS.contains(&key) =>
            {
                members.time = members.time.or_else(|| plausible_time(text));
                continue;
            }
            Value::Text(text) => (text.trim_end_matches(['\n', '\r']).as_bytes(), LINE_KEYS.contains(&key)),
            Value::Object => {
                if json.skip_rest(true).is_err() {
                    break;
                }
                (line.get(start..json.offset()).unwrap_or_default(), OBJECT_KEYS.contains(&key))
            }
            Value::Array if json.skip_rest(false).is_err() => break,
            _ => continue,
        };
        let may_be_content = !members.has_content && key != VERDICT_KEY && text.len() >= MIN_LINE;
        if may_be_content && accepts(text, is_usual) {
            inner.extend_from_slice(text);
            members.has_content = true;
        }
    }
    members
}
