use super::*;
use alloc::format;
use alloc::string::{String, ToString};
use nearmiss::{Micros, Timestamp};

/// Returns the result of `check` for the exchange on `line`.
fn with<T>(line: &str, check: impl FnOnce(&Exchange<'_>) -> T) -> T {
    let (mut attempts, mut buffer) = (AttemptList::default(), Vec::new());
    match read(line.as_bytes(), &mut attempts, &mut buffer) {
        Ok(ParsedLine::Exchange(exchange)) => check(&exchange),
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &[u8]) -> String {
    let (mut attempts, mut buffer) = (AttemptList::default(), Vec::new());
    match read(line, &mut attempts, &mut buffer) {
        Err(error) => error.to_string(),
        Ok(other) => panic!("{other:?}"),
    }
}

const SMALLEST: &str = r#"{"ts":1,"upstream":"cart","status":200,"duration_ms":2}"#;

#[test]
fn every_field_is_read() {
    let line = r#"{"ts":1795423554.513089,"upstream":"cart","host":"10.0.0.1:80","route":"checkout?q=1","status":200,
        "duration_ms":42.46,"attempts":3,"max_attempts":4,"timeout_ms":500,"deadline_ms":2000,"flags":"UF,URX",
        "grpc_status":0,"bytes":512,"partial":false,"aborted":false,"hedged":false,
        "fallback":"stale","cache_status":"hit; ttl=-1","proxy_status":"…","client_attempt":2,
        "quota_remaining":3,"quota_limit":100,
        "attempt_log":[{"host":"10.0.0.2:80","status":503,"duration_ms":12.1},{"host":"10.0.0.3:80","duration_ms":10},
        {"host":"10.0.0.1:80","status":200,"duration_ms":18}],"trace_id":"4bf9"}"#;
    with(line, |exchange| {
        assert_eq!(exchange.ts, Timestamp::from_micros(1_795_423_554_513_089));
        assert_eq!((exchange.upstream, exchange.host), ("cart", Some("10.0.0.1:80")));
        assert_eq!(exchange.route, Some("checkout"));
        assert_eq!((exchange.status, exchange.duration), (200, Micros::new(42_460)));
        assert_eq!((exchange.attempts, exchange.max_attempts), (Some(3), Some(4)));
        assert_eq!(exchange.timeout, Some(Micros::from_millis(500)));
        assert_eq!(exchange.deadline, Some(Micros::from_seconds(2)));
        assert_eq!(exchange.flags, Flags::UF.with(Flags::URX));
        assert_eq!((exchange.grpc_status, exchange.bytes), (Some(0), Some(512)));
        assert_eq!(exchange.substitute, Some(Substitute::Stale));
        assert_eq!(exchange.client_attempt, Some(2));
        assert_eq!(exchange.quota, Some(Quota { limit: 100, remaining: 3 }));
        assert_eq!(exchange.attempt_log.len(), 3);
        assert_eq!(exchange.attempt_log[0].duration, Some(Micros::new(12_100)));
        assert_eq!((exchange.attempt_log[1].status, exchange.attempt_log[2].status), (None, Some(200)));
        assert_eq!(exchange.trace_id, Some("4bf9"));
    });
}

#[test]
fn only_four_fields_are_required_and_attempts_default_to_1() {
    with(SMALLEST, |exchange| {
        assert_eq!(exchange.attempts, Some(1));
        assert!(exchange.host.is_none() && exchange.timeout.is_none() && exchange.attempt_log.is_empty());
    });
    for field in ["ts", "upstream", "status", "duration_ms"] {
        let line = SMALLEST
            .replace(&format!("\"{field}\""), "\"route\"")
            .replace(":2", ":\"x\"")
            .replace(":1", ":\"x\"");
        assert!(error(line.as_bytes()).contains('`'), "{line}");
    }
    assert!(error(br#"{"ts":1,"upstream":"cart","status":200}"#).starts_with("`duration_ms` is missing"));
}

#[test]
fn the_last_eight_attempts_are_kept() {
    let log: Vec<_> = (0..11).map(|n| format!(r#"{{"host":"h{n}","status":503}}"#)).collect();
    let line = SMALLEST.replace('}', &format!(r#","attempts":11,"attempt_log":[{}]}}"#, log.join(",")));
    with(&line, |exchange| {
        assert_eq!(exchange.attempt_log.len(), 8);
        assert_eq!(exchange.attempt_log[0].host, Some("h3"));
        assert_eq!(exchange.attempt_log[7].host, Some("h10"));
    });
}

#[test]
fn escaped_strings_are_decoded() {
    let line =
        r#"{"ts":1,"upstream":"ca\"rt","host":"\u00e9","st\u0061tus":200,"duration_ms":2,"route":"a\/b"}"#;
    with(line, |exchange| {
        assert_eq!((exchange.upstream, exchange.host, exchange.route), ("ca\"rt", Some("é"), Some("a/b")));
    });
}

#[test]
fn an_error_names_the_field_the_value_and_the_accepted_values() {
    let error_of = |field: &str, value: &str| {
        error(SMALLEST.replace('}', &format!(",\"{field}\":{value}}}")).as_bytes())
    };
    assert_eq!(error_of("colour", "1"), "unknown field `colour` (byte 64)");
    assert_eq!(
        error_of("attempts", "\"abc\""),
        "`attempts` is `\"abc\"`; it takes a whole number, 0 to 4294967295 (byte 66)"
    );
    for (field, value) in [
        ("attempts", "-1"),
        ("attempts", "1000000000000"),
        ("attempts", "1.5"),
        ("attempts", "null"),
        ("host", "null"),
        ("host", "7"),
        ("partial", "1"),
        ("partial", "truest"),
        ("flags", "[]"),
        ("fallback", "\"maybe\""),
        ("timeout_ms", "-3"),
        ("attempt_log", "{}"),
        ("attempt_log", "[7]"),
        ("bytes", "1e40"),
        ("near_miss", "3"),
        ("near_miss", "\"odd;attempts=3\""),
    ] {
        let message = error_of(field, value);
        assert!(message.starts_with(&format!("`{field}` is `")), "{message}");
    }
    assert!(error_of("attempt_log", r#"[{"port":1}]"#).starts_with("unknown field `port`"));
    assert!(error_of("attempt_log", r#"[{"status":1000}]"#).starts_with("`attempt_log.status` is `1000`"));
    assert!(error_of("ts", "2").starts_with("duplicate field `ts`"));
    let millis = SMALLEST.replace("\"ts\":1", "\"ts\":1795423554513");
    assert!(error(millis.as_bytes()).starts_with("`ts` is `1795423554513`; it takes Unix seconds"));
}

#[test]
fn an_invalid_line_gives_the_offset_of_the_error() {
    assert_eq!(error(b""), "the line is empty");
    assert_eq!(error(b" \t\r"), "the line is empty");
    assert_eq!(error(b"hello"), "expected `{`, found `hello` (byte 0)");
    assert_eq!(error(b"[]"), "expected `{`, found `[]` (byte 0)");
    assert!(error(b"{}").starts_with("`ts` is missing"));
    let trailing = format!("{SMALLEST} {{}}");
    assert!(error(trailing.as_bytes()).contains("expected the end of the line"));
    for end in 1..SMALLEST.len() {
        let message = error(&SMALLEST.as_bytes()[..end]);
        assert!(message.contains("truncated") || message.contains("expected"), "{end}: {message}");
    }
    let mut bytes = SMALLEST.as_bytes().to_vec();
    bytes[21] = 0xff;
    assert_eq!(error(&bytes), "invalid UTF-8 (byte 21)");
    let long = SMALLEST.replace("cart", &"x".repeat(10 << 20));
    with(&long, |exchange| assert_eq!(exchange.upstream.len(), 10 << 20));
    assert!(error(&long.as_bytes()[..10 << 20]).contains("a closing quote"));
}

#[test]
fn a_line_that_carries_a_verdict_keeps_it() {
    for (value, fate) in [
        ("null", "clean"),
        ("\"\"", "clean"),
        ("\"retried;attempts=3;margin=33, slow;ratio=4.1\"", "retried"),
        (r#"{"schema":1,"signals":["retry"],"fate":"stale"}"#, "stale"),
    ] {
        let line = SMALLEST.replace('}', &format!(",\"near_miss\":{value}}}"));
        let (mut attempts, mut buffer) = (AttemptList::default(), Vec::new());
        match read(line.as_bytes(), &mut attempts, &mut buffer) {
            Ok(ParsedLine::Judged(judged)) => {
                assert_eq!((judged.fate.name(), judged.upstream), (fate, Some("cart")));
                assert_eq!(judged.ts, Some(Timestamp::from_seconds(1)));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_written_line_reads_as_the_same_exchange() {
    let attempts = [
        Attempt { host: Some("10.0.0.2:80"), reason: Some("tcp \"reset\""), ..Default::default() },
        Attempt {
            host: Some("10.0.0.3:80"),
            status: Some(200),
            duration: Some(Micros::new(18)),
            reason: None,
        },
    ];
    let full = Exchange {
        ts: Timestamp::from_micros(1_795_423_554_513_080),
        upstream: "outbound|80||c\u{1}\u{e9}\\rt",
        host: Some("10.0.0.1:80"),
        route: Some("checkout"),
        status: 200,
        duration: Micros::new(42_460),
        attempts: Some(3),
        max_attempts: Some(4),
        timeout: Some(Micros::new(1)),
        deadline: Some(Micros::new(2_000)),
        timeout_used: Some(Micros::new(3_000_000)),
        deadline_used: Some(Micros::new(999)),
        service: Some(Micros::default()),
        flags: Flags::parse("UF,URX"),
        reason: Some("because"),
        grpc_status: Some(0),
        bytes: Some(u64::MAX),
        partial: true,
        aborted: true,
        hedged: true,
        rejected: true,
        fail_open: true,
        pool: true,
        stream: true,
        substitute: Some(Substitute::Failover),
        cache_status: Some("hit; ttl=-1"),
        proxy_status: Some("p; error=x"),
        client_attempt: Some(2),
        client_trusted: Some(false),
        quota: Some(Quota { limit: 100, remaining: 3 }),
        attempt_log: &attempts,
        trace_id: Some("4bf9"),
        ..Exchange::default()
    };
    let state = |state| Exchange { termination_state: Some(state), attempts: None, ..Exchange::default() };
    for exchange in [full, Exchange { attempts: Some(1), ..Exchange::default() }, state("sH--"), state("LR")]
    {
        let mut line = String::new();
        write(&mut line, &exchange);
        with(&line, |read| assert_eq!(format!("{read:?}"), format!("{exchange:?}"), "{line}"));
    }
}

#[test]
fn a_written_verdict_is_not_judged_again() {
    let verdict = PriorVerdict { ts: None, upstream: Some("cart"), fate: Fate::Retried };
    let mut line = String::new();
    write_verdict(&mut line, &verdict);
    assert_eq!(line, r#"{"upstream":"cart","near_miss":"retried"}"#);
    let (mut attempts, mut buffer) = (AttemptList::default(), Vec::new());
    match read(line.as_bytes(), &mut attempts, &mut buffer) {
        Ok(ParsedLine::Judged(judged)) => assert_eq!(judged, verdict),
        other => panic!("{other:?}"),
    }
}
