//! HAProxy with a `log-format` that writes JSON: the names of `%{+json}o`, or those of the variables.

use crate::error::{LineError, LineErrorKind};
use crate::exchange::{annotation, fate};
use crate::haproxy::{QUEUED, remarkable};
use crate::json::{JsonCursor, Value};
use crate::text::{invalid, utf8};
use crate::{AttemptList, ParsedLine, PriorVerdict, number, time};
use alloc::vec::Vec;
use nearmiss::{Attempt, Exchange, Fate, Timestamp, is_error};

/// The values found on one line, as logged.
#[derive(Default)]
struct Values<'a> {
    time: Option<&'a [u8]>,
    frontend: Option<&'a [u8]>,
    backend: Option<&'a [u8]>,
    waiting: Option<&'a [u8]>,
    server: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    state: Option<&'a [u8]>,
    retries: Option<&'a [u8]>,
    total: Option<&'a [u8]>,
    bytes: Option<&'a [u8]>,
    judged: Option<Fate>,
}

/// Reads one line.
pub(crate) fn read<'a>(
    line: &'a [u8],
    default_time: Option<Timestamp>,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut json = JsonCursor::new(line, buffer);
    let (mut values, mut first) = (Values::default(), true);
    json.open_object()?;
    while let Some(key) = json.next_key(&mut first)? {
        if key == "near_miss" {
            values.judged = Some(fate(annotation(&mut json)?)?);
            continue;
        }
        let value = match json.list_value()? {
            Value::Text(word) | Value::Number(word) => Some(word.as_bytes()),
            Value::Object => json.skip_rest(true).map(|()| None)?,
            Value::Array => json.skip_rest(false).map(|()| None)?,
            _ => None,
        };
        // A number that may still grow, and a count of retries on other servers, begin with `+`.
        let value = value.map(|value| value.strip_prefix(b"+").unwrap_or(value));
        match key.strip_prefix("haproxy_").unwrap_or(key) {
            "request_date" | "dateTime" | "accept_date" | "tr" | "trg" | "t" | "time" | "timestamp" => {
                values.time = value;
            }
            "fe_name" | "fe_name_transport" | "frontend" | "frontend_name" | "ft" | "f" => {
                values.frontend = value
            }
            "time_wait" | "time_queue" | "Tw" | "tw" => values.waiting = value,
            "be_name" | "backend" | "backend_name" | "backendName" | "b" => values.backend = value,
            "server_name" | "serverName" | "server" | "srv_name" | "s" => values.server = value,
            "status_code" | "statusCode" | "status" | "http_status" | "ST" => values.status = value,
            "termination_state_cookie" | "termination_state" | "terminationState" | "tsc" | "ts" => {
                values.state = value;
            }
            "retries" | "rc" => values.retries = value,
            "time_active" | "Ta" | "ta" | "Tt" | "tt" | "time_total" => values.total = values.total.or(value),
            "bytes_read" | "bytesRead" | "B" => values.bytes = value,
            _ => {}
        }
    }
    json.expect_end()?;
    values.finish(line, default_time, attempts)
}

impl<'a> Values<'a> {
    fn finish(
        self,
        line: &'a [u8],
        default_time: Option<Timestamp>,
        attempts: &'a mut AttemptList<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        attempts.clear();
        let missing = |field| LineError::new(line.len(), LineErrorKind::MissingField { field });
        let start = match self.time {
            Some(part) => time::parse(part).ok_or_else(|| invalid(line, part, "%tr", time::TAKES))?,
            None => default_time.ok_or_else(|| missing("%tr"))?,
        };
        let backend = self.backend.map(|part| utf8(line, part)).transpose()?;
        if let Some(fate) = self.judged {
            return Ok(ParsedLine::Judged(PriorVerdict { ts: Some(start), upstream: backend, fate }));
        }
        let state = self.state.unwrap_or_default();
        let duration = self.total.ok_or_else(|| missing("%Ta"))?;
        let duration =
            time::millis(duration).ok_or_else(|| invalid(line, duration, "%Ta", "milliseconds"))?;
        let status = self.status.ok_or_else(|| missing("%ST"))?;
        let status = match status {
            b"-1" => 0,
            part => number::all_whole(part)
                .filter(|status| *status <= 999)
                .ok_or_else(|| invalid(line, part, "%ST", "a status, or -1"))? as u16,
        };
        let server = self.server.filter(|name| !name.starts_with(b"<") && !name.is_empty());
        let host = server.map(|name| utf8(line, name)).transpose()?;
        let retries =
            self.retries.and_then(number::all_whole).and_then(|retries| u32::try_from(retries).ok());
        let aborted = matches!(state.first(), Some(b'C' | b'c'));
        let frontend = self.frontend.map(|name| name.strip_suffix(b"~").unwrap_or(name));
        let is_own_frontend = server.is_none() && self.backend.is_some() && frontend == self.backend;
        let waiting = self.waiting.and_then(time::millis).unwrap_or_default();
        if retries.is_some_and(|retries| retries > 0) && host.is_some() {
            let status = Some(status).filter(|status| *status > 0);
            attempts.push(Attempt { host, status, ..Attempt::default() });
        }
        Ok(ParsedLine::Exchange(Exchange {
            ts: start.after(duration),
            upstream: backend.filter(|_| !is_own_frontend).unwrap_or("-"),
            host,
            status,
            duration,
            attempts: match server {
                Some(_) => retries.map(|retries| retries.saturating_add(1)),
                None => Some(0),
            },
            bytes: self.bytes.and_then(number::all_whole),
            partial: matches!(state, [_, b'D', ..]) && !aborted && !is_error(status) && status != 101,
            aborted,
            stream: status == 101,
            rejected: server.is_none() && state.starts_with(b"PR") && !is_own_frontend,
            pool: retries == Some(0) && waiting >= QUEUED,
            termination_state: remarkable(line, state)?,
            attempt_log: attempts.as_slice(),
            ..Exchange::default()
        }))
    }
}

#[cfg(all(test, feature = "all-formats"))]
mod tests {
    use crate::Format;
    use crate::testing::{error, with};
    use nearmiss::Micros;

    const LINE: &str = r#"{"request_date":"23/Nov/2026:08:00:00.123","fe_name_transport":"fe~","be_name":"be","server_name":"s1","time_wait":0,"time_active":21,"status_code":200,"termination_state_cookie":"----","retries":"+1"}"#;
    const BY_HAND: &str = r#"{"haproxy_dateTime":"23/Nov/2026:08:00:00.123","haproxy_backend":"be","haproxy_serverName":"s1","haproxy_Tt":"+21","haproxy_terminationState":"--NI","haproxy_retries":1,"haproxy_statusCode":"200"}"#;

    #[test]
    fn a_rejection_a_wait_and_the_state_are_read() {
        let rejected = LINE.replace("\"s1\"", "\"<NOSRV>\"").replace("----", "PR--");
        with(Format::HaproxyJson, &rejected, |exchange| {
            assert_eq!((exchange.upstream, exchange.rejected), ("be", true));
            assert_eq!(exchange.termination_state, Some("PR--"));
        });
        with(Format::HaproxyJson, &rejected.replace("\"be\"", "\"fe\""), |exchange| {
            assert_eq!((exchange.upstream, exchange.rejected), ("-", false));
        });
        let waited = LINE.replace("time_wait\":0", "time_wait\":51000").replace("\"+1\"", "0");
        with(Format::HaproxyJson, &waited, |exchange| assert!(exchange.pool));
    }

    #[test]
    fn retries_plus_1_are_the_attempts() {
        for line in [LINE, BY_HAND] {
            for format in [Format::HaproxyJson, Format::Auto] {
                with(format, line, |exchange| {
                    assert_eq!((exchange.upstream, exchange.host), ("be", Some("s1")));
                    assert_eq!((exchange.attempts, exchange.duration), (Some(2), Micros::from_millis(21)));
                    assert_eq!(exchange.ts.micros() % 1_000_000, 144_000);
                });
            }
        }
    }

    #[test]
    fn the_state_distinguishes_partial_from_aborted() {
        with(Format::Auto, &LINE.replace("----", "SD--"), |exchange| assert!(exchange.partial));
        with(Format::Auto, &LINE.replace("----", "CD--"), |exchange| {
            assert!(exchange.aborted && !exchange.partial);
        });
        with(Format::Auto, &LINE.replace("\"s1\"", "\"<NOSRV>\"").replace("200", "503"), |exchange| {
            assert_eq!((exchange.attempts, exchange.host), (Some(0), None));
        });
    }

    #[test]
    fn an_error_names_the_variable() {
        assert!(error(Format::Auto, &LINE.replace("time_active", "x")).starts_with("`%Ta` is missing"));
    }
}
