//! The common or combined log format, and a duration, the balancer and its worker, or Varnish's handling after it.

use super::exchange::{FieldId, parse_values};
use crate::error::{LineError, LineErrorKind};
use crate::field_values::FieldValues;
use crate::text::{TextCursor, invalid, offset_in};
use crate::text_shape::{TextShape, is_digits};
use crate::{Format, ParsedLine, number};

/// Reads one line. The first number after the combined format is the duration: `%D` is a whole number of microseconds, and one
/// with a point is in seconds.
pub(crate) fn read(line: &[u8], format: Format) -> Result<ParsedLine<'_>, LineError> {
    let shape = TextShape::new(line);
    let Some(time) = shape.time.filter(|_| shape.is_common_log()) else {
        return Err(LineError::unexpected(
            line,
            0,
            "an address, a time in brackets, a request in quotes, a status and a size",
        ));
    };
    let mut values = FieldValues::new(None);
    let mut set = |id: FieldId, value| values.set(id as usize, value);
    let mut text = TextCursor::new(line);
    text.advance(time.at);
    set(FieldId::Start, text.bracketed("the time in brackets")?);
    set(FieldId::Method, shape.request.unwrap_or_default());
    let mut text = TextCursor::new(shape.tail);
    set(FieldId::Status, text.word("the status")?);
    set(FieldId::Bytes, text.word("the size")?);
    let mut duration: Option<(FieldId, &[u8])> = None;
    let mut text = shape.after_combined();
    while !text.is_empty() {
        let token = token(&mut text)?;
        match Kind::of(token) {
            Kind::Duration(id) => {
                let has_other_unit =
                    duration.is_some_and(|(known, _)| known == FieldId::Micros && id == FieldId::Millis);
                if has_other_unit {
                    return Err(invalid(line, token, "%D", "one duration"));
                }
                let number = number_in(token);
                // Of several numbers of seconds, the largest is that of the request: others are those of its upstream.
                let is_larger = |(known, last)| {
                    (known, id) == (FieldId::Seconds, FieldId::Seconds)
                        && number::all_scaled(number, 6) > number::all_scaled(last, 6)
                };
                if duration.is_none_or(is_larger) {
                    duration = Some((id, number));
                }
            }
            Kind::Balancer => set(FieldId::Upstream, token),
            Kind::Worker => set(FieldId::Worker, token),
            Kind::Handling => set(FieldId::Handling, token),
            Kind::Other => {}
        }
    }
    let (id, number) = duration.ok_or_else(|| lacks_duration(format))?;
    set(id, number);
    parse_values(line, &values, format)
}

/// The kind of a text after the combined format.
enum Kind {
    Duration(FieldId),
    Balancer,
    Worker,
    Handling,
    Other,
}

impl Kind {
    fn of(token: &[u8]) -> Self {
        let number = number_in(token);
        let unit = token.get(token.len().min(offset_in(token, number) + number.len())..).unwrap_or_default();
        match token {
            b"hit" | b"miss" | b"pass" | b"pipe" | b"synth" | b"hitmiss" | b"hitpass" => {
                return Self::Handling;
            }
            _ if token.starts_with(b"balancer://") => return Self::Balancer,
            _ if is_worker(token) => return Self::Worker,
            _ => {}
        }
        match unit {
            _ if number.is_empty() => Self::Other,
            b"us" => Self::Duration(FieldId::Micros),
            b"ms" => Self::Duration(FieldId::Millis),
            b"s" => Self::Duration(FieldId::Seconds),
            b"" if number.contains(&b'.') => Self::Duration(FieldId::Seconds),
            b"" => Self::Duration(FieldId::Micros),
            _ => Self::Other,
        }
    }
}

/// Returns the number that a token begins with, the second of `%T/%D`; an empty text if there is none.
fn number_in(token: &[u8]) -> &[u8] {
    if let Some(slash) = token.iter().position(|byte| *byte == b'/')
        && let Some((seconds, micros)) = token.split_at_checked(slash)
        && is_digits(seconds)
        && micros.get(1..).is_some_and(is_digits)
    {
        return micros.get(1..).unwrap_or_default();
    }
    number::scaled(token, 6).and_then(|(_, length)| token.get(..length)).unwrap_or_default()
}

fn is_worker(token: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 9] =
        [b"http", b"https", b"h2", b"h2c", b"ajp", b"fcgi", b"uwsgi", b"scgi", b"unix"];
    let end = token
        .windows(3)
        .position(|part| part == b"://")
        .or_else(|| token.iter().position(|byte| *byte == b':'));
    end.and_then(|end| token.get(..end)).is_some_and(|scheme| SCHEMES.contains(&scheme))
}

/// Reads a word; a text in quotes counts if it is no number.
fn token<'a>(text: &mut TextCursor<'a>) -> Result<&'a [u8], LineError> {
    if text.next_is(b'"') {
        let token = text.quoted("a closing quote")?;
        return Ok(if token.first().is_some_and(u8::is_ascii_digit) { &[] } else { token });
    }
    if text.next_is(b'[') {
        return Err(text.unexpected("a duration, the balancer and its worker"));
    }
    let token = text.word("a value")?;
    Ok(token.strip_prefix(b"**").and_then(|token| token.strip_suffix(b"**")).unwrap_or(token))
}

/// Returns true if the texts after the common or combined format show a duration beyond doubt, or a balancer or worker.
pub(crate) fn has_seconds_or_worker(shape: &TextShape<'_>) -> bool {
    let mut text = shape.after_combined();
    let (mut numbers, mut certain) = (0, 0);
    while !text.is_empty() {
        let Ok(token) = token(&mut text) else { return false };
        match Kind::of(token) {
            Kind::Duration(FieldId::Micros) if is_digits(token) => numbers += 1,
            Kind::Duration(_) | Kind::Balancer => certain += 1,
            Kind::Worker => certain += u32::from(numbers > 0 || certain > 0),
            Kind::Handling | Kind::Other => {}
        }
    }
    certain > 0 && shape.is_common_log()
}

/// Returns true for a whole number and Varnish's word for the handling of the request.
pub(crate) fn ends_with_handling(shape: &TextShape<'_>) -> bool {
    let mut text = shape.after_combined();
    let (mut has_duration, mut has_handling) = (false, false);
    while !text.is_empty() {
        let Ok(token) = token(&mut text) else { return false };
        match Kind::of(token) {
            Kind::Duration(_) => has_duration = true,
            Kind::Handling => has_handling = true,
            _ => {}
        }
    }
    has_duration && has_handling && shape.is_common_log()
}

/// Creates the error for a line in the common or combined log format, which has no duration.
#[cold]
pub(crate) fn lacks_duration(format: Format) -> LineError {
    let (format, instead) = match format {
        Format::Apache => (
            "the common or combined log format",
            "in Apache, append to the LogFormat (for request_time): %D %{BALANCER_NAME}e %{BALANCER_WORKER_NAME}e",
        ),
        Format::Varnish => (
            "the common or combined log format",
            "in Varnish: varnishncsa -F '%h %l %u %t \"%r\" %s %b \"%{Referer}i\" \"%{User-agent}i\" %D \
             %{Varnish:handling}x' (for request_time)",
        ),
        _ => (
            "the common or combined log format of nginx and Apache",
            "in nginx, append this to the log_format: rt=$request_time ua=\"$upstream_addr\" us=\"$upstream_status\" \
             urt=\"$upstream_response_time\"; in Apache, append %D and use --format apache",
        ),
    };
    LineError::new(0, LineErrorKind::Lacks { format, missing: "request_time", instead })
}
