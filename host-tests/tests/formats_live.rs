//! Real proxies in front of origins that misbehave: the verdict from each log line is what the origins know they did.

use host_tests::capture::{DOCUMENTED, Expected, PROGRAMS};
use nearmiss::{Config, Feed, Monitor};
use nearmiss_formats::{Attempts, Format, ParsedLine, Reader};

#[test]
fn nginx_logs_what_its_origins_did() {
    play("nginx");
}

#[test]
fn haproxy_logs_what_its_origins_did() {
    play("haproxy");
}

#[test]
fn traefik_logs_what_its_origins_did() {
    play("traefik");
}

#[test]
fn caddy_logs_what_its_origins_did() {
    play("caddy");
}

#[test]
fn envoy_logs_what_its_origins_did() {
    play("envoy");
}

#[test]
fn the_documented_formats_are_the_ones_that_are_played() {
    let docs =
        std::fs::read_to_string(host_tests::artifact::root().join("docs/formats.md")).expect("the page");
    for format in DOCUMENTED {
        assert!(docs.contains(format), "docs/formats.md lacks {format}");
    }
}

fn play(program: &str) {
    let (_, play) =
        PROGRAMS.into_iter().find(|(name, _)| *name == program).expect("a program that is played");
    let mut wrong = Vec::new();
    for logged in play() {
        let format: Format = logged.format.parse().expect("a format");
        for (case, expected, line) in &logged.lines {
            for format in [format, Format::Auto] {
                let read = verdict(format, line);
                if read != Ok(*expected) {
                    wrong.push(format!(
                        "{} {format} {case}: {read:?} instead of {expected:?}\n  {line}",
                        logged.program
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the format and the core make of one line.
fn verdict(format: Format, line: &str) -> Result<Expected, String> {
    let (mut reader, mut attempts) = (Reader::new(format), Attempts::default());
    match reader.read(line.as_bytes(), &mut attempts) {
        Ok(ParsedLine::Exchange(exchange)) => {
            let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
            let fate = monitor.observe(&exchange).verdict.fate;
            Ok(Expected { fate, attempts: exchange.attempts })
        }
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}
