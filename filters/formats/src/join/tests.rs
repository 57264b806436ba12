use super::*;
use crate::{Attempts, Format, Reader};
use alloc::format;
use alloc::string::ToString;
use core::convert::Infallible;

/// Returns an attempt's line, or that of an exchange if it has details.
fn line(second: u32, id: &str, status: u16, details: &str, host: &str) -> String {
    format!(
        r#"{{"start_time":"2026-11-23T08:00:{second:02}.000Z","request_id":"{id}","response_code":{status},"response_flags":"-","response_code_details":{details},"duration":10,"upstream_cluster":"c","upstream_host":"{host}"}}"#
    )
}

const NONE: &str = "null";
const OWN: &str = "\"via_upstream\"";

/// Returns the outcome of each line, in the order in which they are passed on.
fn outcomes(lines: &[String]) -> Vec<String> {
    let (mut reader, mut joiner, mut key) =
        (Reader::new(Format::Auto), Joiner::default(), JoinKey::default());
    let mut out = Vec::new();
    let mut each = |_: &[u8], read: Result<ParsedLine<'_>, LineError>| {
        out.push(match read {
            Ok(ParsedLine::Exchange(exchange)) => {
                let log = exchange.attempt_log.iter().map(|attempt| {
                    format!("{}:{}", attempt.host.unwrap_or("?"), attempt.status.unwrap_or_default())
                });
                let log: Vec<_> = log.collect();
                format!("{} of {:?}, {}", exchange.status, exchange.attempts, log.join(" "))
            }
            Ok(ParsedLine::LeftOut(_)) => "left out".into(),
            other => format!("{other:?}"),
        });
        Ok::<_, Infallible>(())
    };
    for line in lines {
        let mut attempts = Attempts::default();
        let read = reader.read_part(line.as_bytes(), &mut attempts, &mut key);
        let _ = joiner.pass(line.as_bytes(), &key, read, &mut each);
    }
    let _ = joiner.finish(&mut each);
    out
}

#[test]
fn attempts_join_the_line_of_their_exchange() {
    let lines = [
        line(0, "r1", 503, NONE, "a:1"),
        line(0, "r2", 200, NONE, "a:1"),
        line(1, "r1", 200, NONE, "b:1"),
        line(1, "r1", 200, OWN, "b:1"),
        line(1, "r2", 200, OWN, "a:1"),
    ];
    assert_eq!(
        outcomes(&lines),
        ["left out", "left out", "200 of Some(2), a:1:503 b:1:200", "left out", "200 of Some(1), a:1:200"]
    );
}

#[test]
fn the_line_of_the_last_attempt_may_follow_that_of_the_exchange() {
    let lines =
        [line(0, "r1", 503, NONE, "a:1"), line(1, "r1", 200, OWN, "b:1"), line(1, "r1", 200, NONE, "b:1")];
    assert_eq!(outcomes(&lines), ["left out", "200 of Some(2), a:1:503 b:1:200", "left out"]);
}

#[test]
fn attempts_alone_are_an_exchange() {
    let lines = [line(5, "r1", 503, NONE, "a:1"), line(6, "r1", 200, NONE, "b:1")];
    assert_eq!(outcomes(&lines), ["left out", "200 of Some(2), a:1:503 b:1:200"]);
}

#[test]
fn attempts_wait_thirty_seconds() {
    let lines =
        [line(0, "r1", 503, NONE, "a:1"), line(31, "r2", 200, OWN, "a:1"), line(31, "r1", 200, OWN, "b:1")];
    let expected = ["503 of Some(1), a:1:503", "200 of None, ", "200 of None, "];
    assert_eq!(outcomes(&lines), expected);
    let soon = [line(0, "r1", 503, NONE, "a:1"), line(29, "r1", 200, OWN, "b:1")];
    assert_eq!(outcomes(&soon), ["left out", "200 of Some(2), a:1:503 b:1:200"]);
}

#[test]
fn lines_of_other_upstreams_or_without_a_key_are_no_attempts() {
    let other = line(1, "r1", 200, OWN, "b:1").replace("\"c\"", "\"d\"");
    assert_eq!(
        outcomes(&[line(0, "r1", 503, NONE, "a:1"), other]),
        ["200 of None, ", "503 of Some(1), a:1:503"]
    );
    // Without details, the lines of attempts and exchanges look alike.
    let plain = line(0, "r1", 503, NONE, "a:1").replace("\"response_code_details\":null,", "");
    assert_eq!(outcomes(&[plain.clone(), plain]), ["503 of None, ", "503 of None, "]);
}

#[test]
fn every_line_is_passed_on_once_and_few_are_kept() {
    let mut lines = Vec::new();
    for number in 0..500 {
        lines.push(line(number / 20, &number.to_string(), 503, NONE, "a:1"));
        if number % 3 == 0 {
            lines.push(line(number / 20, &number.to_string(), 200, OWN, "b:1"));
        }
    }
    let outcomes = outcomes(&lines);
    assert_eq!(outcomes.len(), lines.len());
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "left out").count(), 167);
}
