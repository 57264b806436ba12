//! The access logs of AWS application load balancers and of classic ones, which have neither type nor target group.

use crate::error::{LineError, LineErrorKind};
use crate::swar::split_at_text;
use crate::text::{TextCursor, invalid, present, utf8};
use crate::{AttemptList, ParsedLine, number, time};
use nearmiss::{Attempt, Exchange, Micros, Substitute, Timestamp, is_error};

/// A generation of load balancers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LoadBalancer {
    Application,
    Classic,
}

/// Reads one line. Fields after the target group's name may be missing, as in older logs.
pub(crate) fn read<'a>(
    line: &'a [u8],
    kind: LoadBalancer,
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let load_balancer = kind;
    attempts.clear();
    let mut text = TextCursor::new(line);
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::EmptyLine));
    }
    let kind = match kind {
        LoadBalancer::Application => text.word("the type")?,
        LoadBalancer::Classic => b"http",
    };
    if !matches!(kind, b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss") {
        return Err(invalid(line, kind, "type", "http, https, h2, grpcs, ws or wss"));
    }
    let time = text.word("the time")?;
    let ts = time::rfc3339(time).ok_or_else(|| invalid(line, time, "time", time::TAKES))?;
    let name = text.word("the load balancer")?;
    text.word("the client")?;
    let target = text.word("the target")?;
    let mut times = [None; 3];
    for (time, field) in times.iter_mut().zip([
        "request_processing_time",
        "target_processing_time",
        "response_processing_time",
    ]) {
        let part = text.word(field)?;
        if part != b"-1" {
            *time = Some(time::seconds(part).ok_or_else(|| invalid(line, part, field, "seconds, or -1"))?);
        }
    }
    let status = code(line, text.word("elb_status_code")?, "elb_status_code")?.unwrap_or(0);
    // A classic load balancer writes 0 for a target that gave no answer.
    let target_status =
        code(line, text.word("target_status_code")?, "target_status_code")?.filter(|status| *status > 0);
    text.word("received_bytes")?;
    let bytes = text.word("sent_bytes")?;
    let request = text.quoted("the request in quotes")?;
    if request.starts_with(b"- - -") {
        return Ok(ParsedLine::LeftOut("a TCP connection"));
    }
    let upstream = match load_balancer {
        LoadBalancer::Application => group_name(utf8(line, target_group(line, &mut text)?)?),
        LoadBalancer::Classic => utf8(line, name)?,
    };

    let host = present(target).map(|host| utf8(line, host)).transpose()?;
    let [_, target_time, _] = times;
    let reason = if load_balancer == LoadBalancer::Application { error_reason(text) } else { None };
    // The target of a Lambda function is not logged, but its status or its error is.
    let is_function = reason.is_some_and(|reason| reason.starts_with(b"Lambda"));
    let is_called = host.is_some() || is_function || target_status.is_some();
    if is_called {
        attempts.push(Attempt { host, status: target_status, duration: target_time, ..Attempt::default() });
    }
    // 460 is the load balancer's own status for a client that closed the connection.
    let aborted = status == 460;
    let good = !is_error(status) && !aborted;
    let sum = times.iter().flatten().fold(Micros::default(), |sum, time| sum.saturating_add(*time));
    // A phase that did not complete is logged as -1; the sum of the others says nothing.
    let is_incomplete = times.contains(&None);
    let (duration, is_unknown) = match creation_time(text) {
        Some(start) if is_incomplete && !aborted => (ts.since(start), false),
        _ if is_incomplete && !aborted => (Micros::default(), true),
        _ => (sum, false),
    };
    Ok(ParsedLine::Exchange(Exchange {
        ts,
        upstream,
        host,
        status,
        duration,
        attempts: Some(is_called.into()),
        bytes: number::all_whole(bytes),
        aborted,
        // An unknown duration says as little as that of a tunnel.
        stream: is_unknown || kind.starts_with(b"ws") || request.starts_with(b"CONNECT "),
        substitute: (good && target_status.is_some_and(is_error)).then_some(Substitute::Fallback),
        reason: reason.and_then(present).map(|reason| utf8(line, reason)).transpose()?,
        attempt_log: attempts.as_slice(),
        ..Exchange::default()
    }))
}

/// Skips the user agent, the cipher and the protocol, and reads the target group. A user agent that has quotes in it ends where
/// these follow.
fn target_group<'a>(line: &[u8], text: &mut TextCursor<'a>) -> Result<&'a [u8], LineError> {
    text.quoted("the user agent in quotes")?;
    loop {
        let mut after = *text;
        after.word("ssl_cipher")?;
        after.word("ssl_protocol")?;
        let group = after.word("target_group_arn")?;
        let is_end = after.is_empty() || after.next_is(b'"');
        if group.starts_with(b"arn:") || group == b"-" && is_end {
            *text = after;
            return Ok(group);
        }
        let next = text.rest().windows(2).position(|pair| pair == b"\" ");
        let next = next.ok_or_else(|| invalid(line, group, "target_group_arn", "an ARN, or -"))?;
        text.advance(next + 2);
    }
}

/// Reads `request_creation_time`, after the target group's name; older logs lack it.
fn creation_time(mut text: TextCursor<'_>) -> Option<Timestamp> {
    for field in ["trace_id", "domain_name", "chosen_cert_arn"] {
        text.quoted(field).ok()?;
    }
    text.word("matched_rule_priority").ok()?;
    time::rfc3339(text.word("request_creation_time").ok()?)
}

/// Reads `error_reason`, after the target group's name: the error of a Lambda function; older logs lack it.
fn error_reason(mut text: TextCursor<'_>) -> Option<&[u8]> {
    for field in ["trace_id", "domain_name", "chosen_cert_arn"] {
        text.quoted(field).ok()?;
    }
    for field in ["matched_rule_priority", "request_creation_time"] {
        text.word(field).ok()?;
    }
    for field in ["actions_executed", "redirect_url"] {
        text.quoted(field).ok()?;
    }
    text.quoted("error_reason").ok()
}

/// Returns the name in `arn:…:targetgroup/NAME/ID`.
fn group_name(arn: &str) -> &str {
    split_at_text(arn, ":targetgroup/").map_or(arn, |(_, rest)| rest.split('/').next().unwrap_or(rest))
}

fn code(line: &[u8], part: &[u8], field: &'static str) -> Result<Option<u16>, LineError> {
    let Some(part) = present(part) else { return Ok(None) };
    let code = number::all_whole(part).filter(|code| *code <= 999).map(|code| code as u16);
    code.map(Some).ok_or_else(|| invalid(line, part, field, "a status, or -"))
}

#[cfg(all(test, feature = "all-formats"))]
mod tests {
    use crate::Format;
    use crate::testing::{error, with};
    use nearmiss::Micros;

    #[test]
    fn the_reason_is_that_of_the_lambda_function() {
        with(Format::Alb, LINE, |exchange| assert_eq!(exchange.reason, None));
        let failed = LINE.replace("\"forward\" \"-\" \"-\"", "\"forward\" \"-\" \"LambdaUnhandled\"");
        with(Format::Alb, &failed, |exchange| assert_eq!(exchange.reason, Some("LambdaUnhandled")));
    }

    const LINE: &str = r#"h2 2026-07-02T22:23:00.186641Z app/lb/50dc6c495c0c9188 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.001 200 200 5 257 "GET https://10.0.2.105:773/ HTTP/2.0" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/t/73e2d6bc24d8a067 "Root=1-58337327-72bd00b0343d75b906739c42" "-" "-" 1 2026-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.66:9000" "200" "-" "-" TID_1"#;

    #[test]
    fn the_target_group_is_the_upstream() {
        with(Format::Alb, LINE, |exchange| {
            assert_eq!(exchange.ts.micros(), 1_783_030_980_186_641);
            assert_eq!((exchange.upstream, exchange.host), ("t", Some("10.0.0.66:9000")));
            assert_eq!((exchange.status, exchange.duration), (200, Micros::from_millis(3)));
            assert_eq!((exchange.attempts, exchange.bytes), (Some(1), Some(257)));
        });
    }

    #[test]
    fn a_request_that_was_not_dispatched_has_no_attempt() {
        let line = LINE.replace(" 10.0.0.66:9000 0.000 0.002 0.001 200 200", " - -1 -1 -1 503 -");
        with(Format::Alb, &line, |exchange| {
            assert_eq!((exchange.upstream, exchange.attempts, exchange.status), ("t", Some(0), 503));
            assert_eq!(exchange.duration, Micros::new(11_822_641), "the time since the request was created");
        });
        with(Format::Alb, &LINE.replace("200 200 5", "460 - 5"), |exchange| assert!(exchange.aborted));
        with(Format::Alb, &LINE.replace("h2 ", "wss "), |exchange| assert!(exchange.stream));
    }

    #[test]
    fn a_classic_load_balancer_is_its_own_upstream() {
        let line = r#"2026-11-23T08:00:00.945958Z my-lb 192.0.2.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://a.test:80/ HTTP/1.1" "curl/8" - -"#;
        for format in [Format::Elb, Format::Auto] {
            with(format, line, |exchange| {
                assert_eq!((exchange.upstream, exchange.host), ("my-lb", Some("10.0.0.1:80")));
                assert_eq!((exchange.attempts, exchange.duration), (Some(1), Micros::new(1_178)));
            });
        }
    }

    #[test]
    fn a_target_status_of_0_is_no_answer() {
        let refused = r#"2026-11-23T08:00:00.945958Z my-lb 192.0.2.39:2817 - -1 -1 -1 400 0 0 0 "- http://a.test:80- " "-" - -"#;
        with(Format::Elb, refused, |exchange| {
            assert_eq!((exchange.attempts, exchange.substitute), (Some(0), None));
        });
        let timeout = refused.replace("- -1 -1 -1 400", "10.0.0.1:80 0.000073 -1 -1 504");
        with(Format::Elb, &timeout, |exchange| {
            assert_eq!((exchange.attempts, exchange.attempt_log[0].status), (Some(1), None));
        });
    }

    #[test]
    fn a_duration_of_phases_that_did_not_complete_is_unknown() {
        let line = r#"2026-11-23T08:00:00.945958Z my-lb 192.0.2.39:2817 - -1 -1 -1 503 0 0 0 "GET http://a.test:80/ HTTP/1.1" "curl/8" - -"#;
        for line in [line, &line.replace("- -1 -1 -1 503", "10.0.0.1:80 0.000073 -1 -1 504")] {
            with(Format::Elb, line, |exchange| {
                assert!(exchange.stream && exchange.duration == Micros::default(), "{line}");
            });
        }
    }

    #[test]
    fn an_error_names_the_field() {
        assert!(
            error(Format::Alb, &LINE.replace("0.002", "fast"))
                .starts_with("`target_processing_time` is `fast`")
        );
        assert!(error(Format::Alb, &LINE[..80]).contains("is truncated"));
        assert!(error(Format::Alb, "quic x").starts_with("`type` is `quic`"));
    }
}
