#![cfg(feature = "all-formats")]

use crate::testing::{error, left_out, with};
use crate::{Attempts, FieldConfig, Format, ParsedLine, Reader};
use alloc::format;
use alloc::string::{String, ToString};
use nearmiss::{Exchange, Micros};

fn combined(rest: &str) -> String {
    format!(r#"192.0.2.1 - - [23/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 559 "-" "curl/8"{rest}"#)
}

/// Returns the result of `check` for the exchange on `line`, in the words of `format`.
fn with_words<T>(format: Format, words: &str, line: &str, check: impl FnOnce(&Exchange<'_>) -> T) -> T {
    let fields = FieldConfig::parse(&[("log_format".into(), words.into())].into(), format).unwrap();
    let (mut reader, mut attempts) = (Reader::new(format).with_fields(fields), Attempts::default());
    match reader.read(line.as_bytes(), &mut attempts) {
        Ok(ParsedLine::Exchange(exchange)) => check(&exchange),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_duration_after_the_combined_format_has_the_unit_of_its_notation() {
    for (rest, micros) in [
        (" 73105", 73_105),
        (" 0.073", 73_000),
        (" 0/73105", 73_105),
        (" **0/73105**", 73_105),
        (" 73ms", 73_000),
        (" 73105us", 73_105),
        (" 0.065 0.073", 73_000),
        (" 0 73105", 73_105),
        (" 3 3073105", 3_073_105),
        (" 3073105 3", 3_073_105),
        (" 12000 1200 5000000", 12_000),
        (" \"203.0.113.7\" 0.073", 73_000),
    ] {
        with(Format::Apache, &combined(rest), |exchange| {
            assert_eq!(exchange.duration, Micros::new(micros), "{rest}");
            assert_eq!((exchange.upstream, exchange.attempts, exchange.status), ("apache", None, 200));
            assert_eq!(exchange.ts.micros(), 1_795_420_800_000_000 + micros, "%t is the start");
        });
    }
    let common = r#"192.0.2.1 - - [23/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 559 73105"#;
    with(Format::Apache, common, |exchange| assert_eq!(exchange.duration, Micros::new(73_105)));
    with(Format::Apache, &format!("shop.test:443 {common}"), |exchange| assert_eq!(exchange.status, 200));
}

#[test]
fn the_balancer_is_the_upstream_and_its_worker_the_host() {
    for format in [Format::Apache, Format::Auto] {
        let line = combined(" 73105 balancer://cart http://10.0.0.1:8080");
        with(format, &line, |exchange| {
            assert_eq!((exchange.upstream, exchange.host), ("cart", Some("10.0.0.1:8080")));
        });
    }
}

#[test]
fn a_number_of_unknown_unit_is_detected_in_no_format() {
    for rest in ["", " 114", " \"203.0.113.7\"", " \"3.14\""] {
        let message = error(Format::Auto, &combined(rest));
        assert!(message.contains("combined") && message.contains("--format apache"), "{message}");
    }
    with(Format::Auto, &combined(" 0.073"), |exchange| assert_eq!(exchange.duration, Micros::new(73_000)));
    assert!(error(Format::Apache, &combined("")).contains("%D %{BALANCER_NAME}e"));
    assert!(error(Format::Varnish, &combined("")).contains("varnishncsa -F"));
}

#[test]
fn columns_of_nginx_are_not_read_as_apaches() {
    for rest in [
        r#" "-" 0.684 0.096, 0.588"#,
        " 0.684 10.0.0.1:80, 10.0.0.2:80 502, 200 0.096, 0.588",
        r#" 0.684 "10.0.0.1:80, 10.0.0.2:80" "502, 200" "0.096, 0.588""#,
        r#" 0.684 "unix:/run/a, unix:/run/b" "502, 200""#,
        r#" "-" "a.example.com" 0.684 502 : 200"#,
        r#" 0.684 "502 : 200""#,
        " 0.684 STALE",
        r#" 0.684 "STALE""#,
        " 0.684 10.0.0.1:80 502 0.096",
        " request_time: 0.016 upstream_response_time: 0.004, 0.012 upstream_status: 502, 200",
    ] {
        for format in [Format::Auto, Format::Apache] {
            let message = error(format, &combined(rest));
            assert!(message.contains("rt=$request_time"), "{rest}: {message}");
        }
    }
    // The same words of Apache: the requested host, addresses of proxies, and a header.
    for rest in [
        r#" 0.073 "a.test:8443" "203.0.113.7, 10.0.0.1""#,
        r#" 0.073 a.test:8443 "10.0.0.1:4711, 10.0.0.2:80""#,
        r#" 73105 a.test:443 "HIT""#,
        r#" 0.073 "MISS""#,
    ] {
        with(Format::Apache, &combined(rest), |exchange| assert_eq!(exchange.status, 200, "{rest}"));
    }
    with(Format::Varnish, &combined(r#" 0.000412 "STALE""#), |exchange| assert_eq!(exchange.status, 200));
}

#[test]
fn the_columns_of_nginx_are_no_lines_of_apache_after_one_that_may_be() {
    let mut reader = Reader::new(Format::Auto);
    let (ambiguous, retried) = (combined(" 0.684 0.588"), combined(" 0.684 0.096, 0.588"));
    assert!(reader.read(ambiguous.as_bytes(), &mut Attempts::default()).is_ok());
    assert!(reader.read(retried.as_bytes(), &mut Attempts::default()).is_err());
}

#[test]
fn a_number_has_the_unit_of_the_lines_before() {
    let mut reader = Reader::new(Format::Auto);
    for rest in [" 73105 balancer://cart http://10.0.0.1:8080", " 200 - -"] {
        let line = combined(rest);
        let mut attempts = Attempts::default();
        let read = reader.read(line.as_bytes(), &mut attempts);
        assert!(matches!(read, Ok(ParsedLine::Exchange(_))), "{line}: {read:?}");
    }
}

#[test]
fn varnish_shows_the_handling() {
    for format in [Format::Varnish, Format::Auto] {
        with(format, &combined(" 212 hit"), |exchange| {
            assert_eq!((exchange.upstream, exchange.duration), ("varnish", Micros::new(212)));
        });
        with(format, &combined(" 212 pipe"), |exchange| assert!(exchange.stream));
    }
}

#[test]
fn the_words_of_apache_name_the_fields() {
    let words = r#"LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" %{ms}T %X %{BALANCER_WORKER_NAME}e" timed"#;
    let line = r#"shop.test:443 192.0.2.1 - - [23/Nov/2026:08:00:00 +0000] "GET /\" x HTTP/1.1" 200 559 "-" 73 X http://10.0.0.1:80"#;
    for format in [Format::Apache, Format::Auto] {
        with_words(format, words, line, |exchange| {
            assert_eq!((exchange.upstream, exchange.host), ("shop.test", Some("10.0.0.1:80")));
            assert_eq!((exchange.duration, exchange.bytes), (Micros::from_millis(73), Some(559)));
            assert!(exchange.aborted, "%X says that the connection was cut");
        });
    }
    for (word, value, micros) in [("%D", "73105", 73_105), ("%T", "2", 2_000_000), ("%{us}T", "9", 9)] {
        let words = format!("%h %t %>s {word}");
        let line = format!("192.0.2.1 [23/Nov/2026:08:00:00 +0000] 503 {value}");
        with_words(Format::Apache, &words, &line, |exchange| {
            assert_eq!((exchange.status, exchange.duration), (503, Micros::new(micros)));
        });
    }
}

#[test]
fn a_format_that_writes_json_is_read_by_its_keys() {
    let words = r#"{"t":"%t","http":{"status":%>s,"us":%D},"client":"%h","host":"%{Host}i"}"#;
    let line = r#"{"client":"192.0.2.1","t":"[23/Nov/2026:08:00:00 +0000]","http":{"us":73105,"status":502},"host":"evil"}"#;
    with_words(Format::Apache, words, line, |exchange| {
        assert_eq!((exchange.status, exchange.duration), (502, Micros::new(73_105)));
        assert_eq!((exchange.upstream, exchange.host), ("apache", None));
    });
}

#[test]
fn the_words_of_varnish_name_the_fields() {
    let words = r#"%h %l %u %t "%r" %s %b %D %{Varnish:handling}x %{Varnish:side}x"#;
    let line =
        r#"192.0.2.9 - - [23/Nov/2026:08:00:00 +0000] "GET http://a.test/ HTTP/1.1" 503 282 60010450 miss c"#;
    with_words(Format::Varnish, words, line, |exchange| {
        assert_eq!((exchange.upstream, exchange.status), ("varnish", 503));
        assert_eq!(exchange.duration, Micros::new(60_010_450));
    });
    let fields = FieldConfig::parse(&[("log_format".into(), words.into())].into(), Format::Varnish).unwrap();
    let (mut reader, mut attempts) = (Reader::new(Format::Varnish).with_fields(fields), Attempts::default());
    let backend = line.replace(" c", " b");
    match reader.read(backend.as_bytes(), &mut attempts) {
        Ok(ParsedLine::LeftOut(why)) => assert_eq!(why, "a request of Varnish to its backend"),
        other => panic!("{other:?}"),
    }
    assert_eq!(left_out(Format::Auto, "hello"), "text in no known format");
}

#[test]
fn a_format_without_a_duration_is_refused() {
    for (format, words, needs) in [
        (Format::Apache, "%h %t %>s", "%D"),
        (Format::Varnish, "%h %t %D", "%>s"),
        (Format::Envoy, "%START_TIME% %RESPONSE_CODE%", "%DURATION%"),
        (Format::Haproxy, "%ci %ST", "%Ta"),
        (Format::Nginx, "$status", "$request_time"),
        (Format::Envoy, "%START_TIME", "operator"),
        (Format::Apache, "%>s%D", "between"),
    ] {
        let section = [("log_format".into(), words.into())].into();
        let message = FieldConfig::parse(&section, format).unwrap_err().to_string();
        assert!(message.contains(needs), "{message}");
    }
}
