//! HAProxy's httplog and httpslog.
//!
//! `%rc` counts the retries; `+` only means that the server changed in between. The line names the last server. `Tw`
//! includes the time lost with the servers before, so only the time after `Tw` belongs to the last attempt.

use crate::error::{LineError, LineErrorKind};
use crate::text::{TextCursor, invalid, utf8};
use crate::{AttemptList, OtherLine, ParsedLine, number, time};
use nearmiss::{Attempt, Exchange, MAX_ATTEMPT_LOG, Micros, Timestamp, is_error};

/// A request that waited this long for a connection was held up by the queue.
pub(crate) const QUEUED: Micros = Micros::from_seconds(1);

/// Reads one line, with or without the prefix of syslog.
pub(crate) fn read<'a>(
    line: &'a [u8],
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    attempts.clear();
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::EmptyLine));
    }
    let Some((start, mut text)) = accepted(line) else {
        if is_notice(line) {
            return Ok(ParsedLine::Other(OtherLine::Haproxy));
        }
        return Err(LineError::unexpected(line, 0, "a client's address and the time in brackets"));
    };
    let frontend = text.word("the frontend's name")?;
    if frontend.ends_with(b":") {
        return Ok(ParsedLine::LeftOut("a connection that brought no request"));
    }
    let backend = text.until(b'/', "the backend's name and `/`")?;
    let server = text.word("the server's name")?;
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
    let timers = Timers::read(line, timers)?;
    let status = text.word("the status")?;
    let bytes = text.word("the bytes sent")?;
    text.word("the captured request cookie")?;
    text.word("the captured response cookie")?;
    let state = text.word("the termination state")?;
    let connections = text.word("the connections")?;
    let retries = retries(line, connections)?;
    text.word("the queues")?;
    while text.next_is(b'{') {
        braces(&mut text)?;
    }
    if !text.next_is(b'"') {
        return Err(text.unexpected("the request in quotes"));
    }
    let request = text.rest().get(1..).unwrap_or_default();

    let no_server = server.starts_with(b"<");
    let (status, answered) = match status {
        b"-1" => (0, false),
        digits => {
            let status = number::all_whole(digits).filter(|status| *status <= 999);
            let status = status.ok_or_else(|| invalid(line, digits, "%ST", "a status, or -1"))? as u16;
            (status, timers.response.is_some())
        }
    };
    let by_client = matches!(state.first(), Some(b'C' | b'c'));
    // `D`: the body was being sent. A tunnel has no body.
    let truncated = matches!(state, [_, b'D', ..]) && !by_client && !is_error(status) && status != 101;
    // The backend of a request that its frontend answered is the frontend.
    let is_own_frontend = no_server && frontend.strip_suffix(b"~").unwrap_or(frontend) == backend;
    let host = if no_server { None } else { Some(utf8(line, server)?) };
    if retries > 0 && !no_server {
        // Without `+` the server stayed the same, so the failed attempts went to it.
        if !connections.contains(&b'+') {
            (0..retries.min(MAX_ATTEMPT_LOG as u32))
                .for_each(|_| attempts.push(Attempt { host, ..Attempt::default() }));
        }
        attempts.push(Attempt {
            host,
            status: answered.then_some(status),
            duration: timers.last_attempt(),
            ..Attempt::default()
        });
    }
    let total = timers.total.unwrap_or_default();
    Ok(ParsedLine::Exchange(Exchange {
        ts: start.after(total),
        upstream: if is_own_frontend { "-" } else { utf8(line, backend)? },
        host,
        status,
        duration: total,
        attempts: Some(if no_server { 0 } else { retries.saturating_add(1) }),
        bytes: number::all_whole(unsigned(bytes)),
        partial: truncated,
        aborted: by_client,
        stream: request.starts_with(b"CONNECT ") || status == 101,
        rejected: no_server && state.starts_with(b"PR") && !is_own_frontend,
        // The time of earlier attempts is part of that in the queue.
        pool: retries == 0 && timers.waiting.is_some_and(|waiting| waiting >= QUEUED),
        termination_state: remarkable(line, state)?,
        attempt_log: attempts.as_slice(),
        ..Exchange::default()
    }))
}

/// Returns the termination state unless it says that nothing went wrong; the cookies' part of it, `--NI`, is not about that.
pub(crate) fn remarkable<'a>(line: &[u8], state: &'a [u8]) -> Result<Option<&'a str>, LineError> {
    match state {
        [] | [b'-', b'-', ..] | b"-" => Ok(None),
        state => utf8(line, state).map(Some),
    }
}

/// Finds the time at which the request was accepted; returns it and a cursor after it. Syslog's own brackets hold no time.
fn accepted(line: &[u8]) -> Option<(Timestamp, TextCursor<'_>)> {
    let mut from = 0;
    loop {
        let open = crate::swar::find(line, from, b'[')?;
        let mut text = TextCursor::new(line);
        text.advance(open);
        if let Ok(inside) = text.bracketed("")
            && let Some(at) = time::common(inside)
        {
            return Some((at, text));
        }
        from = open + 1;
    }
}

/// Returns true if `line` is a message of HAProxy about itself.
fn is_notice(line: &[u8]) -> bool {
    let tag = b"haproxy[";
    line.windows(tag.len()).any(|window| window == tag)
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

/// The timers `TR/Tw/Tc/Tr/Ta`; `None` for -1, a phase that did not complete.
struct Timers {
    request: Option<Micros>,
    waiting: Option<Micros>,
    response: Option<Micros>,
    total: Option<Micros>,
}

impl Timers {
    fn read(line: &[u8], word: &[u8]) -> Result<Self, LineError> {
        const TAKES: &str = "five times in milliseconds";
        let mut timers = [None; 5];
        let mut parts = word.split(|byte| *byte == b'/');
        for timer in &mut timers {
            let part = parts.next().ok_or_else(|| invalid(line, word, "TR/Tw/Tc/Tr/Ta", TAKES))?;
            if part != b"-1" {
                let millis = time::millis(unsigned(part));
                *timer = Some(millis.ok_or_else(|| invalid(line, part, "TR/Tw/Tc/Tr/Ta", TAKES))?);
            }
        }
        if parts.next().is_some() {
            return Err(invalid(line, word, "TR/Tw/Tc/Tr/Ta", TAKES));
        }
        let [request, waiting, _, response, total] = timers;
        Ok(Self { request, waiting, response, total })
    }

    /// Returns the duration of the last attempt, from the start of its connection.
    fn last_attempt(&self) -> Option<Micros> {
        let before = self.request?.saturating_add(self.waiting?);
        Some(Micros::new(self.total?.get().saturating_sub(before.get())))
    }
}

/// Returns the retries at the end of `actconn/feconn/beconn/srv_conn/retries`.
fn retries(line: &[u8], word: &[u8]) -> Result<u32, LineError> {
    let mut parts = word.split(|byte| *byte == b'/');
    let retries = parts.nth(4).filter(|_| parts.next().is_none());
    let retries =
        retries.and_then(|text| number::all_whole(unsigned(text))).and_then(|n| u32::try_from(n).ok());
    retries.ok_or_else(|| invalid(line, word, "%ac/%fc/%bc/%sc/%rc", "five counts"))
}

/// Strips the `+` that HAProxy puts before numbers that may still grow, and before redispatched retries.
fn unsigned(number: &[u8]) -> &[u8] {
    number.strip_prefix(b"+").unwrap_or(number)
}

/// Skips captured headers. They may have spaces in them, so they end where another pair of braces or the request begins.
fn braces(text: &mut TextCursor<'_>) -> Result<(), LineError> {
    let rest = text.rest();
    let end = rest.windows(3).position(|window| matches!(window, [b'}', b' ', b'{' | b'"']));
    let end = end.ok_or_else(|| text.unexpected("captured headers in braces and the request in quotes"))?;
    text.advance(end + 2);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::testing::{error, left_out, with};
    use alloc::format;
    use alloc::string::String;

    fn line(server: &str, timers: &str, status: &str, state: &str, retries: &str) -> String {
        format!(
            r#"10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in {server} {timers} {status} 2750 - - {state} 1/1/1/1/{retries} 0/0 "GET /index.html HTTP/1.1""#
        )
    }

    #[test]
    fn attempts_are_retries_plus_1() {
        with(Format::Haproxy, &line("static/srv2", "10/0/30/69/109", "200", "----", "0"), |exchange| {
            assert_eq!(exchange.ts.micros(), 1_770_380_054_764_000);
            assert_eq!((exchange.upstream, exchange.host), ("static", Some("srv2")));
            assert_eq!((exchange.attempts, exchange.bytes), (Some(1), Some(2750)));
        });
        with(Format::Haproxy, &line("static/srv2", "0/602/0/3/605", "200", "----", "+2"), |exchange| {
            assert_eq!((exchange.attempts, exchange.duration), (Some(3), Micros::from_millis(605)));
            assert_eq!(exchange.attempt_log[0].duration, Some(Micros::from_millis(3)), "Tw hides the others");
            assert_eq!(exchange.attempt_log[0].status, Some(200));
        });
        with(Format::Haproxy, &line("static/srv2", "0/1804/1/-1/2406", "504", "sH--", "3"), |exchange| {
            assert_eq!(
                (exchange.attempts, exchange.attempt_log.len()),
                (Some(4), 4),
                "always the same server"
            );
            assert!(
                exchange
                    .attempt_log
                    .iter()
                    .all(|attempt| attempt.host == Some("srv2") && attempt.status.is_none())
            );
        });
    }

    #[test]
    fn without_a_server_there_is_no_attempt_and_a_local_response_has_no_upstream() {
        with(Format::Haproxy, &line("static/<NOSRV>", "0/-1/-1/-1/0", "503", "SC--", "0"), |exchange| {
            assert_eq!((exchange.upstream, exchange.attempts, exchange.host), ("static", Some(0), None));
        });
        for state in ["LR--", "PR--"] {
            with(Format::Haproxy, &line("http-in/<NOSRV>", "0/-1/-1/-1/0", "403", state, "0"), |exchange| {
                assert_eq!(exchange.upstream, "-");
            });
        }
    }

    #[test]
    fn the_termination_state_distinguishes_partial_from_aborted() {
        with(Format::Haproxy, &line("static/srv2", "0/0/0/1/2", "200", "SD--", "0"), |exchange| {
            assert!(exchange.partial && !exchange.aborted);
        });
        with(Format::Haproxy, &line("static/srv2", "0/0/0/1/2", "200", "CD--", "0"), |exchange| {
            assert!(exchange.aborted && !exchange.partial);
        });
        with(Format::Haproxy, &line("static/<NOSRV>", "-1/-1/-1/-1/5", "-1", "CR--", "0"), |exchange| {
            assert!(exchange.aborted && exchange.status == 0);
        });
    }

    #[test]
    fn prefix_captures_and_tls_fields_are_optional() {
        let bare = line("static/srv2", "10/0/30/69/+109", "200", "----", "1");
        let full = format!(
            "<134>Nov 23 10:01:22 haproxy[14389]: {bare} 0/00000000/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384"
        )
        .replace("0/0 \"", "0/0 {1wt.eu|Mozilla {5.0} x} {} \"");
        for text in [bare, full] {
            with(Format::Haproxy, &text, |exchange| assert_eq!(exchange.attempts, Some(2)));
        }
    }

    #[test]
    fn a_rejection_is_the_backends_unless_it_is_the_frontend_itself() {
        let in_backend = line("back/<NOSRV>", "0/-1/-1/-1/0", "429", "PR--", "0");
        with(Format::Haproxy, &in_backend, |exchange| {
            assert_eq!((exchange.upstream, exchange.rejected), ("back", true));
            assert_eq!((exchange.termination_state, exchange.attempts), (Some("PR--"), Some(0)));
        });
        with(Format::Haproxy, &in_backend.replace("back/", "http-in/"), |exchange| {
            assert_eq!((exchange.upstream, exchange.rejected), ("-", false));
        });
    }

    #[test]
    fn a_long_wait_in_the_queue_is_one_for_the_pool() {
        let waited = line("back/s1", "0/51000/0/12/51012", "200", "----", "0");
        with(Format::Haproxy, &waited, |exchange| {
            assert!(exchange.pool && exchange.termination_state.is_none());
        });
        let short = line("back/s1", "0/999/0/12/1011", "200", "--NI", "0");
        let retried = line("back/s1", "0/3000/0/12/3012", "200", "----", "3");
        for other in [short, retried] {
            with(Format::Haproxy, &other, |exchange| {
                assert!(!exchange.pool && exchange.termination_state.is_none());
            });
        }
    }

    #[test]
    fn notices_are_left_out() {
        for text in [
            "Nov 23 10:01:22 haproxy[77]: Server api/s1 is DOWN, reason: Layer4 connection problem",
            "[NOTICE]   (77) : New worker (79) forked",
            "Proxy http-in started.",
        ] {
            assert_eq!(left_out(Format::Haproxy, text), "message of HAProxy");
        }
        let text = "10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in/1: SSL handshake failure";
        assert_eq!(left_out(Format::Haproxy, text), "a connection that brought no request");
    }

    #[test]
    fn a_tcp_log_is_left_out_by_its_timers() {
        let text = "10.0.1.2:33317 [06/Feb/2026:12:14:14] tcp-in back/s1 0/0/5007 212 -- 0/0/0/0/3 0/0";
        assert_eq!(left_out(Format::Haproxy, text), "a TCP connection");
        assert!(error(Format::Haproxy, "hello [there] you").contains("a client's address"));
    }
}
