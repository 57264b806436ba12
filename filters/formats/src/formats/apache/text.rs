//! The common or combined log format, and a duration, the balancer and its worker, or Varnish's handling after it.

use super::worker::without_scheme;
use crate::error::{LineError, LineErrorKind};
use crate::list::{Entry, List};
use crate::text::{TextCursor, invalid, present, utf8};
use crate::text_shape::{TextShape, is_digits};
use crate::{Format, ParsedLine, number, time};
use nearmiss::{Exchange, Micros};

/// Reads one line. The first number after the combined format is the duration: `%D` is a whole number of microseconds, and one
/// with a point is in seconds.
pub(crate) fn read(line: &[u8], format: Format) -> Result<ParsedLine<'_>, LineError> {
    let shape = TextShape::new(line);
    let Some(start) = shape.time.filter(|_| shape.is_common_log()) else {
        return Err(LineError::unexpected(line, 0, "a line in the common or combined log format"));
    };
    let mut text = TextCursor::new(line);
    text.advance(start.at);
    let start = text.bracketed("the time in brackets")?;
    let ts = time::common(start).ok_or_else(|| invalid(line, start, "%t", time::TAKES))?;
    let mut text = TextCursor::new(shape.tail);
    let status = text.word("the status")?;
    let status = number::all_whole(status).filter(|status| *status <= 999);
    let bytes = text.word("the size")?;
    let tail = Tail::read(shape.after_combined())?;
    if format != Format::Varnish && tail.is_nginx() {
        return Err(lacks_duration(Format::Nginx));
    }
    let duration = tail.duration.ok_or_else(|| lacks_duration(format))?.micros;
    let upstream = tail.balancer.map(|name| utf8(line, name)).transpose()?;
    Ok(ParsedLine::Exchange(Exchange {
        ts: ts.after(duration),
        upstream: upstream.unwrap_or(format.name()),
        host: tail.worker.map(|worker| utf8(line, worker)).transpose()?.map(without_scheme),
        // A request whose connection broke first has no status.
        status: status.unwrap_or_default() as u16,
        duration,
        bytes: present(bytes).and_then(number::all_whole),
        aborted: matches!(status, None | Some(0 | 499)),
        stream: status == Some(101)
            || shape.request.is_some_and(|request| request.starts_with(b"CONNECT"))
            || tail.handling == Some(b"pipe"),
        ..Exchange::default()
    }))
}

/// Returns the format of a line whose texts after the common or combined format show a duration and whose it is: Varnish writes
/// its handling; a number with a point or a unit, a balancer or a worker are signs of Apache.
pub(crate) fn detect(shape: &TextShape<'_>) -> Option<Format> {
    let tail = Tail::read(shape.after_combined()).ok();
    let tail = tail.filter(|tail| shape.is_common_log() && !tail.is_nginx())?;
    match tail.duration {
        Some(_) if tail.handling.is_some() => Some(Format::Varnish),
        Some(duration) if duration.notation != Notation::Whole || tail.worker.is_some() => {
            Some(Format::Apache)
        }
        _ => tail.balancer.map(|_| Format::Apache),
    }
}

/// The texts after the combined format.
#[derive(Default)]
struct Tail<'a> {
    duration: Option<Duration>,
    /// The name of the balancer.
    balancer: Option<&'a [u8]>,
    /// The URL of the balancer's worker.
    worker: Option<&'a [u8]>,
    /// Varnish's word for the handling of the request.
    handling: Option<&'a [u8]>,
    /// True if one of the numbers is in seconds, as all times of nginx are.
    has_seconds: bool,
    /// True if a value is one that only nginx logs.
    has_nginx_value: bool,
}

/// A duration, and the way it is written.
#[derive(Clone, Copy)]
struct Duration {
    micros: Micros,
    notation: Notation,
}

/// The notation of a duration.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Notation {
    /// A whole number: microseconds.
    Whole,
    /// A number with a point: seconds.
    Point,
    /// A number with its unit.
    Unit,
}

impl<'a> Tail<'a> {
    fn read(mut text: TextCursor<'a>) -> Result<Self, LineError> {
        let mut tail = Self::default();
        while !text.is_empty() {
            let before = text;
            let is_quoted = text.next_is(b'"');
            let token = token(&mut text)?;
            tail.has_nginx_value |= is_nginx_value(token, is_quoted);
            match token {
                b"hit" | b"miss" | b"pass" | b"pipe" | b"synth" | b"hitmiss" | b"hitpass" => {
                    tail.handling = Some(token);
                }
                // A number in quotes is that of a header.
                [b'0'..=b'9', ..] => {
                    if !is_quoted && let Some(duration) = Duration::read(token) {
                        tail.add(duration, before)?;
                    }
                }
                _ => {
                    if let Some(name) = token.strip_prefix(b"balancer://") {
                        tail.balancer = Some(name);
                    } else if is_worker(token) {
                        tail.worker = Some(token);
                    }
                }
            }
        }
        Ok(tail)
    }

    /// Returns true for the columns of nginx, whose names the line lacks: one of them shows a retry, a fallback or a stale copy.
    fn is_nginx(&self) -> bool {
        self.has_nginx_value && self.has_seconds && self.handling.is_none()
    }

    fn add(&mut self, duration: Duration, text: TextCursor<'_>) -> Result<(), LineError> {
        self.has_seconds |= duration.notation == Notation::Point;
        let Some(first) = self.duration else {
            self.duration = Some(duration);
            return Ok(());
        };
        match (first.notation, duration.notation) {
            (Notation::Whole, Notation::Unit) => return Err(text.unexpected("one duration")),
            // Of several numbers of seconds, the largest is that of the request: others are those of its upstream.
            (Notation::Point, Notation::Point) if duration.micros > first.micros => {
                self.duration = Some(duration);
            }
            // The first was `%T`, the same time in whole seconds.
            (Notation::Whole, Notation::Whole) if duration.micros.get() / 1_000_000 == first.micros.get() => {
                self.duration = Some(duration);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Duration {
    /// Parses a number, with or without a unit; of `%T/%D`, the second number.
    fn read(token: &[u8]) -> Option<Self> {
        let mut parts = token.splitn(2, |byte| *byte == b'/');
        let (first, second) = (parts.next()?, parts.next());
        let token = match second {
            Some(micros) if is_digits(first) && is_digits(micros) => micros,
            Some(_) => return None,
            None => first,
        };
        let (micros, length) = number::scaled(token, 6)?;
        let (number, unit) = token.split_at_checked(length)?;
        let (micros, notation) = match unit {
            b"" if number.contains(&b'.') => (micros, Notation::Point),
            b"" => (micros / 1_000_000, Notation::Whole),
            b"us" => (micros / 1_000_000, Notation::Unit),
            b"ms" => (micros / 1_000, Notation::Unit),
            b"s" => (micros, Notation::Unit),
            _ => return None,
        };
        (micros <= time::MAX_DURATION).then_some(Self { micros: Micros::new(micros), notation })
    }
}

/// Returns true for the URL of a worker.
fn is_worker(token: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 9] =
        [b"http:", b"https:", b"h2:", b"h2c:", b"ajp:", b"fcgi:", b"uwsgi:", b"scgi:", b"unix:"];
    SCHEMES.iter().any(|scheme| token.starts_with(scheme))
}

/// Returns true for a value that nginx logs, and neither Apache nor Varnish: a list, an address, a cache status, or a name before a
/// colon. In quotes, an address may be the requested host, addresses those of `X-Forwarded-For`, and `HIT` a header.
fn is_nginx_value(token: &[u8], is_quoted: bool) -> bool {
    match token {
        b"BYPASS" | b"EXPIRED" | b"STALE" | b"UPDATING" | b"REVALIDATED" => true,
        b"HIT" | b"MISS" => !is_quoted,
        _ if is_quoted => {
            let is_number = |entry: Entry<'_>| number::all_scaled(entry.text, 0).is_some();
            List::new(token).nth(1).is_some() && List::new(token).all(is_number)
        }
        [.., b',' | b':'] => true,
        token => has_port(token),
    }
}

/// Returns true for `10.0.0.1:80`. A name with a port may be the requested host.
fn has_port(text: &[u8]) -> bool {
    let colon = text.iter().position(|byte| *byte == b':');
    let (address, port) = colon.and_then(|colon| text.split_at_checked(colon)).unwrap_or_default();
    port.get(1..).is_some_and(is_digits) && address.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.'))
}

/// Reads a word, or a text in quotes.
fn token<'a>(text: &mut TextCursor<'a>) -> Result<&'a [u8], LineError> {
    if text.next_is(b'"') {
        return text.quoted("a closing quote");
    }
    if text.next_is(b'[') {
        return Err(text.unexpected("a duration, the balancer and its worker"));
    }
    let token = text.word("a value")?;
    Ok(token.strip_prefix(b"**").and_then(|token| token.strip_suffix(b"**")).unwrap_or(token))
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
