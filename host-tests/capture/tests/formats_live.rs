//! Real proxies in front of origins that fail on request: the verdict of each log line matches the origins' actions.

use capture::{DOCUMENTED, Expected, PROXIES};
use nearmiss::{Config, Feed, Monitor, SortedMap};
use nearmiss_formats::{Attempts, FieldConfig, Format, ParsedLine, Reader};

#[test]
fn nginx_logs_yield_the_true_verdicts() {
    assert_verdicts("nginx");
}

#[test]
fn haproxy_logs_yield_the_true_verdicts() {
    assert_verdicts("haproxy");
}

#[test]
fn traefik_logs_yield_the_true_verdicts() {
    assert_verdicts("traefik");
}

#[test]
fn caddy_logs_yield_the_true_verdicts() {
    assert_verdicts("caddy");
}

#[test]
fn envoy_logs_yield_the_true_verdicts() {
    assert_verdicts("envoy");
}

#[test]
fn apache_logs_yield_the_true_verdicts() {
    assert_verdicts("apache");
}

#[test]
fn varnish_logs_yield_the_true_verdicts() {
    assert_verdicts("varnish");
}

#[test]
fn the_tested_formats_are_documented() {
    let docs = std::fs::read_to_string(artifact::root().join("docs/formats.md")).expect("the page");
    for format in DOCUMENTED {
        assert!(docs.contains(format), "docs/formats.md lacks {format}");
    }
}

fn assert_verdicts(proxy: &str) {
    let (_, capture) = PROXIES.into_iter().find(|(name, _)| *name == proxy).expect("a known proxy");
    let mut wrong = Vec::new();
    for log in capture() {
        let format: Format = log.format.parse().expect("a format");
        for (case, expected, line) in &log.lines {
            for format in [format, Format::Auto] {
                let read = verdict(format, log.log_format.as_deref(), line);
                if read != Ok(*expected) {
                    wrong.push(format!(
                        "{} {format} {case}: {read:?} instead of {expected:?}\n  {line}",
                        log.program
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the verdict of the format and the core for one line; `log_format` is the configured format string.
fn verdict(format: Format, log_format: Option<&str>, line: &str) -> Result<Expected, String> {
    let section = match log_format {
        Some(text) => [("log_format".to_owned(), text.to_owned())].into(),
        None => SortedMap::default(),
    };
    let fields = FieldConfig::parse(&section, format).map_err(|error| error.to_string())?;
    let (mut reader, mut attempts) = (Reader::new(format).with_fields(fields), Attempts::default());
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
