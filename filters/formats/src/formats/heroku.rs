//! The lines of Heroku's router: `TIME heroku[router]: at=info method=GET … connect=1ms service=8ms status=200 bytes=275`.

use crate::error::{LineError, LineErrorKind};
use crate::swar::{contains, contains_text};
use crate::text::{TextCursor, invalid, present, utf8};
use crate::{ParsedLine, number, time};
use nearmiss::{Exchange, Micros, Timestamp, is_error};

/// The name of the upstream if the line has no dyno.
const DEFAULT_UPSTREAM: &str = "heroku";

/// The values found on one line, as logged.
#[derive(Default)]
struct Values<'a> {
    code: Option<&'a [u8]>,
    dyno: Option<&'a [u8]>,
    connect: Option<&'a [u8]>,
    service: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    bytes: Option<&'a [u8]>,
    is_socket_of_client: bool,
}

/// Reads one line. Its time stands before the router's name; without one it is that of the pipeline.
pub(crate) fn read(line: &[u8], default_time: Option<Timestamp>) -> Result<ParsedLine<'_>, LineError> {
    let mut text = TextCursor::new(line);
    let (mut values, mut logged) = (Values::default(), default_time);
    while !text.is_empty() {
        let rest = text.rest();
        let word = text.word("a value")?;
        if !contains(word, b'=') {
            logged = logged.or_else(|| time::rfc3339(word));
            continue;
        }
        let length = word.iter().position(|byte| *byte == b'=').unwrap_or_default();
        let key = word.get(..length).unwrap_or_default();
        let mut value = word.get(length + 1..).unwrap_or_default();
        if value.starts_with(b"\"") {
            text = TextCursor::new(rest);
            text.advance(length + 1);
            value = text.quoted("a closing quote")?;
        }
        match key {
            b"code" => values.code = Some(value),
            b"dyno" => values.dyno = present(value),
            b"connect" => values.connect = present(value),
            b"service" => values.service = present(value),
            b"status" => values.status = present(value),
            b"bytes" => values.bytes = present(value),
            b"sock" => values.is_socket_of_client = value == b"client",
            _ => {}
        }
    }
    values.finish(line, logged)
}

impl<'a> Values<'a> {
    fn finish(self, line: &'a [u8], logged: Option<Timestamp>) -> Result<ParsedLine<'a>, LineError> {
        let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
        let ts = logged.ok_or_else(|| missing("the time"))?;
        let millis = |part: Option<&'a [u8]>, field| match part {
            None => Ok(Micros::default()),
            Some(part) => time::millis(part.strip_suffix(b"ms").unwrap_or(part))
                .ok_or_else(|| invalid(line, part, field, "milliseconds")),
        };
        if self.connect.is_none() && self.service.is_none() && self.status.is_none() {
            return Err(missing("service"));
        }
        let duration = millis(self.connect, "connect")?.saturating_add(millis(self.service, "service")?);
        let code = self.code.map(|code| utf8(line, code)).transpose()?;
        // H27: the client interrupted the request. H18: one of the two sockets broke.
        let aborted = code == Some("H27") || code == Some("H18") && self.is_socket_of_client;
        let status = match self.status {
            Some(part) => number::all_whole(part)
                .filter(|status| *status <= 999)
                .ok_or_else(|| invalid(line, part, "status", "a status, 0 to 999"))?
                as u16,
            None if aborted => 0,
            None => return Err(missing("status")),
        };
        let host = self.dyno.map(|dyno| utf8(line, dyno)).transpose()?;
        Ok(ParsedLine::Exchange(Exchange {
            ts,
            upstream: host.map_or(DEFAULT_UPSTREAM, |dyno| dyno.split('.').next().unwrap_or(dyno)),
            host,
            status,
            duration,
            bytes: self.bytes.and_then(number::all_whole),
            partial: code == Some("H18") && !self.is_socket_of_client && !is_error(status),
            aborted,
            stream: status == 101,
            reason: code,
            ..Exchange::default()
        }))
    }
}

/// Returns true for a line of the router.
pub(crate) fn matches(line: &[u8]) -> bool {
    let has = |text: &[u8]| contains_text(line, text);
    has(b" at=") && has(b" connect=") && has(b" service=") && has(b" status=")
        || has(b"heroku[router]: ")
        || has(b" heroku router - ")
}

#[cfg(all(test, feature = "all-formats"))]
mod tests {
    use crate::Format;
    use crate::testing::{error, with};
    use nearmiss::Micros;

    const LINE: &str = r#"2026-11-23T08:00:00.5+00:00 heroku[router]: at=error code=H12 desc="Request timeout" method=GET path="/" host=a.test dyno=web.1 connect=1ms service=30000ms status=503 bytes=0 protocol=https"#;

    #[test]
    fn the_code_is_the_reason_and_the_process_type_the_upstream() {
        for format in [Format::Heroku, Format::Auto] {
            with(format, LINE, |exchange| {
                assert_eq!((exchange.upstream, exchange.host), ("web", Some("web.1")));
                assert_eq!((exchange.status, exchange.reason), (503, Some("H12")));
                assert_eq!(exchange.duration, Micros::from_millis(30_001));
                assert_eq!(exchange.ts.micros(), 1_795_420_800_500_000);
            });
        }
        with(Format::Auto, &LINE.replace("H12", "H27"), |exchange| assert!(exchange.aborted));
        assert!(error(Format::Heroku, &LINE.replace("30000ms", "soon")).starts_with("`service` is `soon`"));
    }
}
