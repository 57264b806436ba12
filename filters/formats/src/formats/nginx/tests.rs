use crate::testing::{error, with};
use crate::{Attempts, FieldConfig, Format, ParsedLine, Reader};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use nearmiss::{Exchange, Micros, Substitute};

/// A line of `key=value`, with these lists and this final status.
fn line(status: u16, lists: &str) -> String {
    format!(
        r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET /p HTTP/1.1" {status} 612 "-" "curl/8" rt=0.684 {lists}"#
    )
}

/// Returns the attempts, the statuses of the attempt log, and the substitute.
fn outcome(status: u16, lists: &str) -> (Option<u32>, Vec<Option<u16>>, Option<Substitute>) {
    with(Format::Nginx, &line(status, lists), |exchange: &Exchange<'_>| {
        (
            exchange.attempts,
            exchange.attempt_log.iter().map(|attempt| attempt.status).collect(),
            exchange.substitute,
        )
    })
}

#[test]
fn every_attempt_of_a_retried_request_is_read() {
    let text = line(
        200,
        r#"uct="0.001, 0.001" uht="0.096, 0.587" urt="0.096, 0.588" ua="10.0.0.1:80, 10.0.0.2:80" us="502, 200" ucs="MISS" ph="cart""#,
    );
    with(Format::Nginx, &text, |exchange| {
        assert_eq!((exchange.upstream, exchange.host), ("cart", Some("10.0.0.2:80")));
        assert_eq!((exchange.status, exchange.duration), (200, Micros::from_millis(684)));
        assert_eq!((exchange.ts.seconds(), exchange.bytes), (1_795_420_800, Some(612)));
        assert_eq!(exchange.attempts, Some(2));
        assert_eq!(exchange.attempt_log[0].host, Some("10.0.0.1:80"));
        assert_eq!(exchange.attempt_log[0].status, Some(502));
        assert_eq!(exchange.attempt_log[0].duration, Some(Micros::from_millis(96)));
        assert_eq!(exchange.attempt_log[1].status, Some(200));
        assert_eq!((exchange.cache_status, exchange.substitute), (Some("MISS"), None));
    });
}

#[test]
fn lists_need_no_quotes() {
    let text = "time=2026-11-23T08:00:00+00:00 status=200 rt=0.1 ua=10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80 us=502, 502 : 200 ph=cart";
    with(Format::Nginx, text, |exchange| {
        assert_eq!((exchange.attempts, exchange.substitute), (Some(2), Some(Substitute::Fallback)));
        assert_eq!((exchange.upstream, exchange.host), ("cart", Some("10.0.0.3:80")));
    });
}

#[test]
fn a_bare_time_has_its_zone_after_a_space() {
    let rest = "client=192.0.2.26 request=\"GET /jira HTTP/1.1\" status=200 upstream_addr=10.0.0.1:80, 10.0.0.2:80 upstream_status=502, 200 request_time=0.016";
    for time in ["22/Aug/2022:09:06:56 +0200 ", "site=\"x\" time_local=22/Aug/2022:09:06:56 +0200 "] {
        for line in
            [format!("{time}{rest}"), format!("{time}{rest}").replace("+0200", "-0000").replace("09:", "07:")]
        {
            with(Format::Auto, &line, |exchange| {
                assert_eq!((exchange.ts.seconds(), exchange.attempts), (1_661_152_016, Some(2)), "{line}");
            });
        }
    }
}

#[test]
fn a_redirect_inside_nginx_is_a_rescue_only_after_a_failure() {
    let two = r#"ua="a:1 : b:1""#;
    assert_eq!(outcome(200, &format!(r#"us="200 : 200" {two}"#)), (Some(1), [Some(200)].into(), None));
    assert_eq!(outcome(502, &format!(r#"us="200 : 502" {two}"#)), (Some(1), [Some(502)].into(), None));
    let three = r#"ua="a:1, b:1 : c:1""#;
    let retried = outcome(200, &format!(r#"us="502, 200 : 200" {three}"#));
    assert_eq!(retried, (Some(2), [Some(502), Some(200)].into(), None));
    let four = r#"ua="a:1, b:1, c:1 : d:1""#;
    let rescued = outcome(200, &format!(r#"us="502, 502, 502 : 200" {four}"#));
    assert_eq!(rescued, (Some(3), [Some(502); 3].into(), Some(Substitute::Fallback)));
    let looped = ["200"; 11].join(" : ");
    let hosts = ["a:1"; 11].join(" : ");
    assert_eq!(outcome(500, &format!(r#"us="{looped}" ua="{hosts}""#)), (Some(1), [Some(200)].into(), None));
}

#[test]
fn a_static_page_after_failures_is_a_fallback_and_a_stale_one_is_not() {
    let lists = r#"ua="a:1, b:1, c:1" us="502, 502, 502""#;
    assert_eq!(outcome(200, lists).2, Some(Substitute::Fallback));
    assert_eq!(outcome(502, lists).2, None);
    let stale = format!(r#"{lists} ucs="STALE""#);
    assert_eq!(outcome(200, &stale).2, None);
    with(Format::Nginx, &line(200, &stale), |exchange| assert_eq!(exchange.cache_status, Some("STALE")));
}

#[test]
fn a_group_without_a_live_server_is_no_attempt() {
    let text = line(502, r#"ua="gone" us="502" uct="-" urt="0.000""#);
    with(Format::Nginx, &text, |exchange| {
        assert_eq!((exchange.attempts, exchange.upstream, exchange.host), (Some(0), "gone", None));
        assert!(exchange.attempt_log.is_empty());
    });
    assert_eq!(
        outcome(200, r#"ua="gone : a:1" us="502 : 200""#),
        (Some(0), [].into(), Some(Substitute::Fallback))
    );
}

#[test]
fn a_request_without_attempts_has_no_upstream() {
    let text = line(304, r#"ua="-" us="-" urt="-""#);
    with(Format::Nginx, &text, |exchange| assert_eq!((exchange.upstream, exchange.attempts), ("-", Some(0))));
    for (status, upstream) in [(429, "-"), (301, "-"), (503, "cart")] {
        let own = line(status, r#"ua="-" us="-" upstream="cart""#);
        with(Format::Nginx, &own, |exchange| assert_eq!(exchange.upstream, upstream, "{status}"));
    }
    let hit = line(200, r#"ua="-" us="-" ucs="HIT" ph="cart""#);
    with(Format::Nginx, &hit, |exchange| {
        assert_eq!((exchange.upstream, exchange.substitute), ("cart", None))
    });
    with(Format::Nginx, &line(200, ""), |exchange| {
        assert_eq!((exchange.upstream, exchange.attempts), ("nginx", None), "unknown is not none");
    });
}

#[test]
fn a_failed_connection_has_no_status() {
    let lists = r#"ua="a:1, b:1, c:1" us="502, 502, 200" uht="-, 0.001, 0.002" urt="0.000, 0.001, 0.002""#;
    assert_eq!(outcome(200, lists).1, [None, Some(502), Some(200)]);
}

#[test]
fn times_of_any_phase_are_attempts() {
    for (lists, attempts) in [
        (r#"uht="0.096, 0.288""#, Some(2)),
        (r#"uht="-, 0.288""#, Some(2)),
        (r#"uct="0.001, 0.001""#, Some(2)),
        (r#"uct="0.001, 0.001" uht="-, 0.288""#, Some(2)),
        ("uht=0.288", Some(1)),
        // No connection at all, or one that failed.
        ("uct=- uht=-", None),
    ] {
        assert_eq!(outcome(200, lists), (attempts, [].into(), None), "{lists}");
    }
}

#[test]
fn minus_one_stands_for_a_value_that_is_not_there() {
    let none = line(304, "ua=- us=-1 urt=-1 uht=-1 uct=-1");
    with(Format::Nginx, &none, |exchange| assert_eq!((exchange.upstream, exchange.attempts), ("-", Some(0))));
    let lists = r#"ua="a:1, b:1" us="502, -1" uht="-1, -1" urt="0.000, -1""#;
    assert_eq!(outcome(499, lists), (Some(2), [None, None].into(), None));
}

#[test]
fn a_client_that_disconnected_is_aborted() {
    let text = line(499, r#"ua="a:1, b:1" us="502, -""#);
    with(Format::Nginx, &text, |exchange| {
        assert!(exchange.aborted && exchange.substitute.is_none());
        assert_eq!(exchange.attempts, Some(2));
    });
}

#[test]
fn lists_of_different_lengths_are_rejected() {
    let message = error(Format::Nginx, &line(200, r#"us="502, 200" ua="a:1, b:1, c:1""#));
    assert!(
        message.starts_with("`upstream_addr` has 3 entries, but the lists before it have 2"),
        "{message}"
    );
}

#[test]
fn a_list_that_a_parser_split_is_rejected() {
    // The output of Fluent Bit's k8s-nginx-ingress parser for three attempts, for two, and for a redirect inside nginx.
    let parsed = |addr: &str, length: &str, time: &str, status: &str| {
        format!(
            r#"{{"date":1787534933.0,"code":"200","size":"28","request_time":"0.683","proxy_upstream_name":"default-web-80",
            "upstream_addr":"{addr}","upstream_response_length":"{length}","upstream_response_time":"{time}","upstream_status":"{status}","reg_id":"0,"}}"#
        )
    };
    for line in [
        parsed("10.0.0.1:443,", "10.0.0.2:443,", "10.0.0.3:443", "0,"),
        parsed("10.0.0.1:443,", "10.0.0.2:443", "0,", "39"),
        parsed("10.0.0.1:443", ":", "10.0.0.2:443", "0"),
        // Only one of the values.
        parsed("10.0.0.1:443,", "28", "0.680", "200"),
        parsed("10.0.0.1:443", "28", "0.680,", "200"),
        parsed("10.0.0.1:443", "28", "0.680", "502,"),
        parsed("10.0.0.1:443", "28", "0.680", "10.0.0.2:443"),
        parsed("backend", "28", "10.0.0.2:443", "502"),
        parsed(":", "28", "0.680", "200"),
    ] {
        for format in [Format::NginxJson, Format::Auto] {
            let message = error(format, &line);
            assert!(message.contains("an earlier parser has split the list"), "{message}");
        }
    }
    with(Format::Auto, &parsed("10.0.0.1:443", "28", "0.680", "200"), |exchange| {
        assert_eq!(
            (exchange.upstream, exchange.attempts),
            ("default-web-80", Some(1)),
            "one attempt is parsed correctly"
        );
    });
}

#[test]
fn ingress_lines_may_have_optional_fields() {
    let text = r#"203.0.113.9 - - [24/Aug/2026:01:28:53 +0000] "GET /p HTTP/2.0" 200 28 "-" "curl/8" 60 0.683 [default-web-80] [] 10.0.0.1:443, 10.0.0.2:443, 10.0.0.3:443 0, 0, 39 0.096, 0.092, 0.496 502, 502, 200 d0f69894df9d4b231eca7773a6759ba2"#;
    let check = |exchange: &Exchange<'_>| {
        assert_eq!((exchange.upstream, exchange.attempts), ("default-web-80", Some(3)));
        assert_eq!(exchange.attempt_log[2].duration, Some(Micros::from_millis(496)));
    };
    with(Format::IngressNginx, text, check);
    with(Format::IngressNginx, &text.replace(" d0f69894df9d4b231eca7773a6759ba2", ""), check);
    with(Format::IngressNginx, &text.replace("[] ", "").replace(" - - ", " - [203.0.113.9] - - "), check);
    let canary = text.replace("[]", "[default-web-canary-80]");
    with(Format::IngressNginx, &canary, |exchange| assert_eq!(exchange.upstream, "default-web-canary-80"));
    let cut = error(Format::IngressNginx, &text.replace(" 502, 502, 200 ", " 502, 200 "));
    assert!(cut.starts_with("`upstream_status` is `d0f6"), "{cut}");
}

#[test]
fn json_may_have_numbers_strings_and_null() {
    let line = r#"{"msec":1795420800.123,"status":200,"request_time":"0.684","upstream_addr":"10.0.0.1:80 : 10.0.0.2:80",
        "upstream_status":"500 : 404","upstream_response_time":"0.1 : 0.2","proxy_upstream_name":"default-web-80",
        "upstream_cache_status":null,"nested":{"a":[1]},"request":"GET \/ HTTP\/1.1"}"#;
    with(Format::NginxJson, line, |exchange| {
        assert_eq!(exchange.ts.micros(), 1_795_420_800_123_000);
        assert_eq!((exchange.upstream, exchange.substitute), ("default-web-80", Some(Substitute::Fallback)));
    });
}

#[test]
fn a_configured_log_format_is_read() {
    let format = "log_format up '$remote_addr|$time_iso8601|$status '\n '$request_time $upstream_addr $upstream_status ${my_name}';";
    let configured = |format: &str| {
        let section = [("log_format", format), ("upstream", "my_name")];
        FieldConfig::parse(&section.map(|(name, key)| (name.into(), key.into())).into(), Format::Nginx)
    };
    let line = "1.2.3.4|2026-11-23T08:00:00+00:00|200 0.010 10.0.0.1:80, 10.0.0.2:80 502, 200 cart";
    let mut reader = Reader::new(Format::Nginx).with_fields(configured(format).unwrap());
    match reader.read(line.as_bytes(), &mut Attempts::default()) {
        Ok(ParsedLine::Exchange(exchange)) => {
            assert_eq!((exchange.upstream, exchange.attempts), ("cart", Some(2)));
            assert_eq!(exchange.duration, Micros::from_millis(10));
        }
        other => panic!("{other:?}"),
    }
    let message = reader.read(b"1.2.3.4|2026", &mut Attempts::default()).unwrap_err().to_string();
    assert!(message.contains("the configured log_format"), "{message}");
    for (wrong, why) in [("$status", "request_time"), ("$status$request_time", "between"), ("$", "name")] {
        assert!(configured(wrong).unwrap_err().to_string().contains(why));
    }
}

#[test]
fn configured_keys_take_precedence_over_built_in_ones() {
    let section = [("upstream", "svc"), ("attempts", "n"), ("duration_ms", "took"), ("route", "uri")];
    let fields =
        FieldConfig::parse(&section.map(|(name, key)| (name.into(), key.into())).into(), Format::NginxJson)
            .unwrap();
    let mut reader = Reader::new(Format::NginxJson).with_fields(fields);
    let line = br#"{"svc":"cart","upstream":"no","n":3,"took":12.5,"uri":"/buy?id=7","time":"2026-11-23T08:00:00Z","status":200}"#;
    match reader.read(line, &mut Attempts::default()) {
        Ok(ParsedLine::Exchange(exchange)) => {
            assert_eq!(
                (exchange.upstream, exchange.attempts, exchange.route),
                ("cart", Some(3), Some("/buy"))
            );
            assert_eq!(exchange.duration, Micros::new(12_500));
        }
        other => panic!("{other:?}"),
    }
    let wrong =
        FieldConfig::parse(&[("colour".into(), "x".into())].into(), Format::Auto).unwrap_err().to_string();
    assert!(wrong.starts_with("`fields.colour` is not a field; there are log_format, ts"), "{wrong}");
    let wrong =
        FieldConfig::parse(&[("host".into(), "".into())].into(), Format::Auto).unwrap_err().to_string();
    assert_eq!(wrong, "`fields.host` takes a key; only `fields.route` may be null");
}

#[test]
fn a_limit_that_rejected_is_a_rejection() {
    for (status, is_rejected) in [("REJECTED", true), ("DELAYED", false)] {
        let line = format!("{} upstream=cart limit_req_status={status}", line(429, "ua=- us=- urt=-"));
        with(Format::Nginx, &line, |exchange| {
            assert_eq!(exchange.rejected, is_rejected, "{line}");
            assert_eq!(exchange.upstream == "cart", is_rejected, "{line}");
        });
    }
}
