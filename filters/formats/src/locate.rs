//! Finds the line of an access log inside a line as it was read: after prefixes, inside wrapping JSON objects.

use crate::auto::{detect_json, detect_text};
use crate::formats::{haproxy, matches, nginx};
use crate::log_format::LogFormat;
use crate::swar::contains_text;
use crate::text_shape::TextShape;
use crate::wrapper::{self, Unwrapper};
use crate::{Format, LineError, OtherLine, PriorVerdict, other_line, prefix};
use alloc::vec::Vec;
use nearmiss::Timestamp;

/// Maximum number of prefixes and wrappers around one line.
const MAX_LAYERS: usize = 8;

/// The result of looking for a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Located {
    /// Offset of the line.
    pub(crate) start: usize,
    /// True if the offset is one in [`Locator::inner`], not in the line that was read.
    pub(crate) is_inside: bool,
    pub(crate) found: Found,
}

/// The nature of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// A line in this format.
    Format(Format),
    /// A line in the common or the combined log format without a duration; holds the configured format.
    LacksDuration(Format),
    /// No line of an access log; holds its kind.
    Other(OtherLine),
    /// Invalid JSON.
    Invalid,
}

/// The knowledge about the lines of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'r> {
    /// The configured format.
    pub(crate) format: Format,
    /// The configured format string.
    pub(crate) log_format: Option<&'r LogFormat>,
    /// The format of the line before.
    pub(crate) last: Option<Format>,
    /// True if the line before had a prefix.
    pub(crate) has_prefix: bool,
    /// True if a format string is configured, whose lines may look like anything.
    pub(crate) has_own_format: bool,
    /// True if keys are configured, so that lines may have no key that is known.
    pub(crate) has_own_keys: bool,
}

/// Buffers for lines inside wrappers.
#[derive(Debug, Default)]
pub(crate) struct Locator {
    /// The line inside a wrapper.
    pub(crate) inner: Vec<u8>,
    next: Unwrapper,
}

enum Step {
    Done(Found),
    /// A prefix of this length comes first.
    Skip(usize),
    /// The line is inside a wrapper; the [`Unwrapper`] holds it.
    Unwrapped,
}

impl Locator {
    /// Finds the line inside `line`.
    pub(crate) fn locate(&mut self, line: &[u8], expected: Expected<'_>) -> Located {
        let (mut start, mut is_inside) = (0, false);
        let mut found = Found::Other(OtherLine::Unknown);
        (self.next.verdict, self.next.time) = (None, None);
        for _ in 0..MAX_LAYERS {
            let Self { inner, next } = self;
            let text = if is_inside { inner.as_slice() } else { line };
            let text = text.get(start..).unwrap_or_default();
            let next_step = match expected.log_format {
                Some(log_format) => log_format_step(text, log_format, next),
                None => match prefixed(text, expected).filter(|_| !is_inside && start == 0) {
                    Some(length) => Step::Skip(length),
                    None => step(text, expected, next),
                },
            };
            match next_step {
                Step::Done(done) => {
                    found = done;
                    break;
                }
                Step::Skip(length) => {
                    start += length;
                    let prefix = text.get(..length).unwrap_or_default();
                    self.next.time = prefix::time_in(prefix).or(self.next.time);
                }
                Step::Unwrapped => {
                    core::mem::swap(&mut self.inner, &mut self.next.inner);
                    (start, is_inside) = (0, true);
                }
            }
        }
        if found == Found::Other(OtherLine::Unknown) {
            found = Found::Other(other_line::kind(&TextShape::new(line)));
        }
        Located { start, is_inside, found }
    }

    /// Returns true if `line` is a valid JSON object in no known format.
    pub(crate) fn is_other_json(&mut self, line: &[u8]) -> bool {
        detect_json(line, &mut self.next.buffer) == Ok(None)
    }

    /// Returns the time in the prefixes and wrappers around the line that was located last.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.next.time
    }

    /// Returns the verdict beside the line that was located last.
    pub(crate) fn verdict(&self) -> Result<Option<PriorVerdict<'_>>, LineError> {
        match &self.next.verdict {
            None => Ok(None),
            Some(Ok(verdict)) => Ok(Some(verdict.at(self.next.time))),
            Some(Err(error)) => Err(error.clone()),
        }
    }
}

/// Returns the length of the prefix of a line like the one before, which had one.
fn prefixed(text: &[u8], expected: Expected<'_>) -> Option<usize> {
    let last = expected.last.filter(|_| expected.has_prefix)?;
    let rest = prefix::strip(text)?;
    let is_match = match last.is_json() {
        true => rest.starts_with(b"{"),
        false => matches(last, &TextShape::new(rest)),
    };
    is_match.then_some(text.len() - rest.len())
}

fn step(text: &[u8], expected: Expected<'_>, next: &mut Unwrapper) -> Step {
    let spaces = text.len() - text.trim_ascii_start().len();
    if text.get(spaces) == Some(&b'{') {
        return if spaces > 0 { Step::Skip(spaces) } else { json_step(text, expected, next) };
    }
    if let Some(rest) = prefix::strip_certain(text) {
        return Step::Skip(text.len() - rest.len());
    }
    let shape = TextShape::new(text);
    let configured = Some(expected.format).filter(|format| *format != Format::Auto);
    if let Some(format) = detect_text(&shape, configured.or(expected.last)) {
        let is_foreign = configured.is_some_and(|asked| asked != format);
        return Step::Done(match other_line::kind(&shape) {
            kind if is_foreign && kind != OtherLine::Unknown => Found::Other(kind),
            _ => Found::Format(configured.unwrap_or(format)),
        });
    }
    let may_be_nginx = matches!(expected.format, Format::Auto | Format::Nginx);
    if shape.is_common_log() && may_be_nginx {
        return Step::Done(match expected.last {
            // Of a log whose other lines named the program, the unit of the number is known.
            Some(last @ (Format::Apache | Format::Varnish)) => Found::Format(last),
            _ if expected.has_own_keys => Found::Format(Format::Nginx),
            _ => Found::LacksDuration(expected.format),
        });
    }
    if let Some(rest) = prefix::strip(text) {
        return Step::Skip(text.len() - rest.len());
    }
    let kind = other_line::kind(&shape);
    let last = expected.last.filter(|last| shape.time.is_some() && !last.is_json());
    let damaged = configured.filter(|format| expected.has_own_format || looks_like(*format, &shape)).or(last);
    Step::Done(match damaged.filter(|_| kind == OtherLine::Unknown) {
        // Its error says what is wrong.
        Some(format) => Found::Format(format),
        None => Found::Other(kind),
    })
}

/// Returns true if a line that is in no format may be a damaged one of `format`, whose error says what is wrong.
fn looks_like(format: Format, shape: &TextShape<'_>) -> bool {
    match format {
        Format::Nginx => shape.time.is_some() || nginx::count_keys(shape.line).0 > 0,
        Format::Envoy | Format::Istio => contains_text(shape.line, b"] \""),
        Format::Haproxy => shape.time.is_some() || haproxy::is_notice(shape.line),
        // Exchange lines share their stream with no program.
        Format::Exchange => true,
        Format::Alb | Format::Elb | Format::Ltsv | Format::Cloudfront | Format::Heroku => true,
        format => shape.time.is_some() && !format.is_json(),
    }
}

fn log_format_step(text: &[u8], log_format: &LogFormat, next: &mut Unwrapper) -> Step {
    if log_format.matches(text) {
        return Step::Done(Found::Format(log_format.format));
    }
    let mut accepts = |inner: &[u8], is_usual: bool| is_usual || log_format.matches(inner);
    if text.starts_with(b"{") && next.unwrap(text, &mut accepts) {
        return Step::Unwrapped;
    }
    if let Some(rest) = prefix::strip(text) {
        return Step::Skip(text.len() - rest.len());
    }
    Step::Done(match other_line::kind(&TextShape::new(text)) {
        OtherLine::Unknown => Found::Format(log_format.format),
        kind => Found::Other(kind),
    })
}

fn json_step(text: &[u8], expected: Expected<'_>, next: &mut Unwrapper) -> Step {
    let configured = Some(expected.format).filter(|format| *format != Format::Auto);
    let detected = match detect_json(text, &mut next.buffer) {
        Ok(Some(format)) if configured.is_some_and(|asked| !asked.is_json() && asked != format) => Ok(None),
        Ok(Some(format)) => return Step::Done(Found::Format(configured.unwrap_or(format))),
        other => other,
    };
    let mut probe = Vec::new();
    let mut accepts = |inner: &[u8], is_usual: bool| {
        is_usual && configured.is_some() || is_line(inner, &mut probe, MAX_LAYERS / 2)
    };
    if next.unwrap(text, &mut accepts) {
        return Step::Unwrapped;
    }
    let last = expected.last.filter(|last| last.is_json());
    Step::Done(match (configured, detected) {
        (Some(format), _) if format == Format::Exchange || expected.has_own_keys => Found::Format(format),
        (_, Ok(_)) if expected.has_own_keys => Found::Format(Format::NginxJson),
        (_, Ok(_)) => Found::Other(OtherLine::Json),
        (format, Err(())) => format.or(last).map_or(Found::Invalid, Found::Format),
    })
}

/// Returns true if the value of a JSON member is a line of an access log.
fn is_line(mut text: &[u8], buffer: &mut Vec<u8>, layers: usize) -> bool {
    for layer in 0..layers {
        if text.starts_with(b"{") {
            let mut accepts = |inner: &[u8], is_usual: bool| {
                is_usual || is_line(inner, &mut Vec::new(), layers - layer - 1)
            };
            return matches!(detect_json(text, buffer), Ok(Some(_)))
                || wrapper::unwrap(text, &mut Vec::new(), &mut Vec::new(), &mut accepts).has_content;
        }
        let shape = TextShape::new(text);
        if shape.is_common_log() || detect_text(&shape, None).is_some() {
            return true;
        }
        match prefix::strip(text) {
            Some(rest) => text = rest,
            None => return false,
        }
    }
    false
}
