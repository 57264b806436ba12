use super::*;
use alloc::string::String;

/// One line of each format.
const LINES: [(Format, &str); 14] = [
    (Format::Exchange, r#"{"ts":1,"upstream":"cart","status":200,"duration_ms":2}"#),
    (
        Format::Envoy,
        r#"[2026-11-23T08:47:50.310Z] "GET / HTTP/2" 204 - 154 0 226 100 "10.0.35.28, 10.1.1.1" "a" "b" "c" "10.0.2.1:80""#,
    ),
    (
        Format::EnvoyJson,
        r#"{"start_time":"2026-06-02T17:26:41.766Z","response_code":200,"duration":3,"response_flags":"-","upstream_cluster":"cart"}"#,
    ),
    (
        Format::Istio,
        r#"[2026-11-25T21:26:18.409Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 135 303 301 "-" "curl/8" "8496" "httpbin:8000" "10.44.1.27:80" outbound|8000||httpbin 10.44.1.23:37652 10.0.45.184:8000 10.44.1.23:46520 - default"#,
    ),
    (
        Format::IstioJson,
        r#"{"start_time":"2026-06-02T17:26:41.766Z","response_code":200,"duration":3,"response_flags":"-","upstream_cluster":"outbound|80||cart"}"#,
    ),
    (
        Format::Nginx,
        r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET /p HTTP/1.1" 200 612 "-" "curl/8" rt=0.684 us="502, 200""#,
    ),
    (
        Format::NginxJson,
        r#"{"time":"2026-11-23T08:00:00Z","status":"200","request_time":"0.684","upstream_status":"200"}"#,
    ),
    (
        Format::IngressNginx,
        r#"203.0.113.9 - - [24/Aug/2026:01:28:53 +0000] "GET /p HTTP/2.0" 200 28 "-" "curl/8" 60 0.683 [default-web-80] [] 10.0.0.1:443 39 0.496 200 d0f6"#,
    ),
    (
        Format::Haproxy,
        r#"Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in static/srv2 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /?a=b HTTP/1.1""#,
    ),
    (
        Format::Traefik,
        r#"{"ServiceName":"web@docker","DownstreamStatus":200,"Duration":312000000,"StartUTC":"2026-11-23T08:00:00Z"}"#,
    ),
    (
        Format::TraefikClf,
        r#"127.0.0.1 - - [23/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "-" 5 "router@file" "http://127.0.0.1:9001" 12ms"#,
    ),
    (
        Format::Caddy,
        r#"{"level":"info","ts":1763888400.12,"logger":"http.log.access","request":{"method":"GET"},"duration":0.309,"size":109,"status":200,"resp_headers":{}}"#,
    ),
    (
        Format::Kong,
        r#"{"request":{},"response":{"status":200},"latencies":{"request":515},"tries":[{"ip":"10.0.0.1","port":80}],"service":{"name":"s"},"started_at":1726783838999}"#,
    ),
    (
        Format::Apache,
        r#"192.0.2.1 - - [23/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 559 "-" "curl/8" 73105 balancer://cart http://10.0.0.1:80"#,
    ),
];

/// One line of each format that only some builds read.
const OTHER_LINES: [(Format, &str); 16] = [
    (
        Format::Alb,
        r#"h2 2026-07-02T22:23:00.186641Z app/lb/5 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.001 200 200 5 257 "GET https://a:773/ HTTP/2.0" "curl" c TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/t/73"#,
    ),
    (
        Format::Elb,
        r#"2026-11-23T08:00:00.945958Z my-lb 192.0.2.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://a.test:80/ HTTP/1.1" "curl/8" - -"#,
    ),
    (
        Format::Varnish,
        r#"192.0.2.9 - - [23/Nov/2026:08:00:00 +0200] "GET http://a.test/a HTTP/1.1" 200 27189 "-" "curl/8" 212 hit"#,
    ),
    (
        Format::HaproxyJson,
        r#"{"request_date":"23/Nov/2026:08:00:00.123","be_name":"be","server_name":"s1","time_active":21,"status_code":200,"termination_state_cookie":"----","retries":1}"#,
    ),
    (
        Format::Apisix,
        r#"192.0.2.1 - - [23/Nov/2026:08:00:00 +0000] a.test "GET /x HTTP/1.1" 200 556 0.684 "-" "curl/8" 10.0.0.1:80, 10.0.0.2:80 502, 200 0.096, 0.588 "http://a.test""#,
    ),
    (
        Format::Apisix,
        r#"{"apisix_latency":3.0,"latency":103.9,"response":{"headers":{},"size":190,"status":200},"service_id":"cart","start_time":1795420800177,"upstream":"10.2.0.1:1980"}"#,
    ),
    (Format::Ltsv, "time:23/Nov/2026:08:00:00 +0000\tstatus:200\treqtime:2.900\tupstream_status:502, 200"),
    (
        Format::Cloudflare,
        r#"{"ClientRequestSource":"eyeball","EdgeEndTimestamp":"2026-11-23T08:00:06Z","EdgeResponseStatus":200,"EdgeStartTimestamp":"2026-11-23T08:00:00Z","ZoneName":"shop.test"}"#,
    ),
    (
        Format::Cloudfront,
        "2026-11-23\t08:00:00\tSEA19\t900\t192.0.2.1\tGET\td1.cloudfront.net\t/a\t200\t-\tcurl\t-\t-\tMiss\tID==\twww.a.test\thttps\t675\t0.102\t-\t-\t-\tMiss",
    ),
    (
        Format::GcpLb,
        r#"{"jsonPayload":{"statusDetails":"x"},"httpRequest":{"status":403,"latency":"0.010999s"},"resource":{"labels":{"backend_service_name":"web"}},"timestamp":"2026-11-23T08:00:00.5Z"}"#,
    ),
    (
        Format::AzureAppgw,
        r#"{"timeStamp":"2026-11-23T08:00:00+00:00","backendPoolName":"pool","category":"ApplicationGatewayAccessLog","properties":{"httpStatus":200,"timeTaken":0.034}}"#,
    ),
    (
        Format::AzureFrontdoor,
        r#"{"category":"FrontdoorAccessLog","time":"2026-11-23T08:00:00.92Z","properties":{"timeTaken":"0.384","httpStatusCode":"200","routingRuleName":"erp"}}"#,
    ),
    (
        Format::Linkerd,
        r#"{"host":"web:7000","processing_ns":"39826","status":200,"timestamp":"2026-11-23T08:00:00.5Z","total_ns":"3442875"}"#,
    ),
    (
        Format::Akamai,
        r#"{"type":"cloud_monitor","start":"1795420800.807","message":{"status":"200","bytes":"512"},"netPerf":{"downloadTime":"19","originName":"o.test","originRetry":"0"}}"#,
    ),
    (
        Format::Fastly,
        r#"{"timestamp":"2026-11-23T08:00:00+0000","response_state":"HIT","response_status":200,"time_elapsed":412,"fastly_is_edge":true}"#,
    ),
    (
        Format::Heroku,
        r#"2026-11-23T08:00:00.5+00:00 heroku[router]: at=info method=GET path="/" host=a.test dyno=web.1 connect=1ms service=8ms status=302 bytes=275"#,
    ),
];

/// Returns one line of each format that this build reads.
fn lines() -> impl Iterator<Item = (Format, &'static str)> {
    LINES.into_iter().chain(OTHER_LINES).filter(|(format, _)| format.is_built())
}

fn is_exchange(reader: &mut Reader, line: &str) -> bool {
    let mut attempts = Attempts::default();
    matches!(reader.read(line.as_bytes(), &mut attempts), Ok(ParsedLine::Exchange(_)))
}

#[test]
fn auto_detects_each_format() {
    let mut reader = Reader::new(Format::Auto);
    for round in 0..2 {
        for (format, line) in lines() {
            assert!(is_exchange(&mut reader, line), "{format} {round}: {line}");
            assert_eq!(reader.format(), format);
        }
    }
}

#[test]
fn each_format_reads_its_line_with_any_line_ending() {
    for (format, line) in lines() {
        for ending in ["", "\n", "\r\n"] {
            assert!(is_exchange(&mut Reader::new(format), &alloc::format!("{line}{ending}")), "{format}");
        }
    }
}

#[test]
fn no_format_reads_a_line_of_another() {
    let alike = |a: Format, b: Format| {
        a == b
            || matches!(
                (a, b),
                (Format::EnvoyJson | Format::IstioJson, Format::EnvoyJson | Format::IstioJson)
                    | (Format::Apache | Format::Varnish, Format::Apache | Format::Varnish)
            )
    };
    for (format, _) in lines() {
        for (other, line) in lines() {
            // Every format accepts the names of exchange lines, and Caddy's keys are among those used for nginx.
            let known = other == Format::Exchange || (format, other) == (Format::NginxJson, Format::Caddy);
            if !alike(format, other) && !known {
                assert!(!is_exchange(&mut Reader::new(format), line), "{format} read {other}");
            }
        }
    }
}

#[test]
fn a_line_in_no_format_is_an_error() {
    let mut reader = Reader::new(Format::Auto);
    for line in ["", "hello", "{", "{}", "[", "[]", "\"", "a=b", "[x] y", "h2 z", "\u{0}"] {
        assert!(!is_exchange(&mut reader, line), "{line}");
    }
    assert!(is_exchange(&mut reader, LINES[0].1));
}

#[test]
fn wrappers_of_container_runtimes_are_removed() {
    for (format, line) in lines() {
        let kubernetes = alloc::format!("2026-11-23T08:00:00.123456789Z stdout F {line}");
        let escaped = line.replace('\\', "\\\\").replace('"', "\\\"");
        let docker =
            alloc::format!(r#"{{"log":"{escaped}\n","stream":"stdout","time":"2026-11-23T08:00:00.1Z"}}"#);
        for wrapped in [kubernetes, docker] {
            for reader in [&mut Reader::new(format), &mut Reader::new(Format::Auto)] {
                assert!(is_exchange(reader, &wrapped), "{format}: {wrapped}");
                assert_eq!(reader.format(), format);
            }
        }
    }
}

#[test]
fn an_annotated_text_line_is_not_judged_again_and_keeps_its_time() {
    let line = br#"{"log":"GET \"x\"","near_miss":{"schema":1,"upstream":"cart","fate":"retried","attempt_log":[{"host":"a"}]}}"#;
    match Reader::new(Format::Auto).read(line, &mut Attempts::default()) {
        Ok(ParsedLine::Judged(judged)) => {
            assert_eq!((judged.upstream, judged.fate.name()), (Some("cart"), "retried"));
            assert_eq!(judged.ts, None, "the line beside it says nothing");
        }
        other => panic!("{other:?}"),
    }
    let line = br#"{"log":"{\"ts\":7.5,\"upstream\":\"cart\",\"status\":200,\"duration_ms\":1}","near_miss":{"upstream":"cart","fate":"clean"}}"#;
    match Reader::new(Format::Auto).read(line, &mut Attempts::default()) {
        Ok(ParsedLine::Judged(judged)) => {
            assert_eq!(judged.ts, Some(Timestamp::from_micros(7_500_000)))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_beside_a_verdict_is_not_judged_again_whatever_the_wrapper() {
    const VERDICT: &str = r#""near_miss": {"upstream":"x","fate":"slow"}"#;
    let judged = |wrapped: &str| match Reader::default().read(wrapped.as_bytes(), &mut Attempts::default()) {
        Ok(ParsedLine::Judged(judged)) => {
            assert_eq!((judged.upstream, judged.fate.name()), (Some("x"), "slow"), "{wrapped}");
            judged.ts
        }
        other => panic!("{wrapped}: {other:?}"),
    };
    for (_, line) in lines() {
        let text = alloc::format!("{line:?}");
        let escaped = alloc::format!(r#"{{"log":{text},{VERDICT}}}"#);
        for wrapped in [
            alloc::format!(r#"{{"log": {text}, {VERDICT}}}"#),
            alloc::format!(r#"{{"stream":"stdout","log":{text},{VERDICT}}}"#),
            alloc::format!(r#"{{{VERDICT},"log":{text}}}"#),
            alloc::format!(r#"{{"message":{text},{VERDICT},"@timestamp":"2026-11-23T08:00:00Z"}}"#),
            alloc::format!(
                r#"{{"log":"{}\n","stream":"stdout"}}"#,
                escaped.replace('\\', r"\\").replace('"', r#"\""#)
            ),
        ] {
            assert!(judged(&wrapped).is_some(), "{wrapped}");
        }
        if line.starts_with('{') {
            assert!(judged(&alloc::format!(r#"{{"stream":"a","log":{line},{VERDICT}}}"#)).is_some());
        }
    }
    assert_eq!(judged(&alloc::format!(r#"{{"message":"hello",{VERDICT}}}"#)), None);
    for other in ["7", "null", "\"something\""] {
        let line = alloc::format!(r#"{{"stream":"stdout","log":"hello","near_miss":{other}}}"#);
        let mut attempts = Attempts::default();
        let read = Reader::default()
            .read(line.as_bytes(), &mut attempts)
            .map(|read| matches!(read, ParsedLine::Other(_)));
        assert_eq!(read, Ok(true), "{line}");
    }
}

#[test]
fn a_record_may_have_lost_its_time_and_gained_fields() {
    let lines: [(&[u8], u64); 6] = [
        (br#"{"upstream":"cart","status":200,"duration_ms":2,"kubernetes":{"pod":["a"]}}"#, 1_000_000),
        (br#"{"response_code":200,"response_flags":"-","duration":5,"upstream_cluster":"cart"}"#, 1_005_000),
        (br#"{"status":"200","request_time":"0.1","upstream_status":"200","proxy_host":"cart"}"#, 1_000_000),
        (br#"{"DownstreamStatus":200,"Duration":7000000,"RouterName":"r","ServiceName":"cart"}"#, 1_000_000),
        (br#"{"logger":"http.log.access.cart","duration":0.1,"status":200}"#, 1_000_000),
        (br#"{"response":{"status":200},"latencies":{"request":3},"service":{"name":"cart"}}"#, 1_003_000),
    ];
    for (line, ts) in lines {
        let mut reader = Reader::new(Format::Auto);
        assert!(reader.read(line, &mut Attempts::default()).is_err(), "a line of a file needs a time");
        reader.set_default_time(Some(Timestamp::from_seconds(1)));
        match reader.read(line, &mut Attempts::default()) {
            Ok(ParsedLine::Exchange(exchange)) => {
                assert_eq!(exchange.ts.micros(), ts, "{:?}", reader.format())
            }
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn a_line_after_an_nginx_line_is_read_like_a_first_line() {
    let nginx = LINES[5].1;
    let turned = nginx.replace(r#"rt=0.684 us="502, 200""#, r#"us="502, 200" more=1 rt=0.684"#);
    let others = lines().map(|(_, line)| line).chain([turned.as_str(), "", "no line at all", "rt=1 [x"]);
    for line in others {
        let read = |reader: &mut Reader| {
            let mut attempts = Attempts::default();
            alloc::format!("{:?}", reader.read(line.as_bytes(), &mut attempts))
        };
        let read = |lines: &[&str]| {
            let mut reader = Reader::default();
            lines.iter().for_each(|line| assert!(is_exchange(&mut reader, line)));
            read(&mut reader)
        };
        if read(&[]).starts_with("Ok") {
            assert_eq!(read(&[nginx]), read(&[]), "{line}");
        }
    }
}

#[test]
fn a_record_among_others_is_read_like_a_first_record() {
    let read = |reader: &mut Reader, parser: &mut RecordParser, record: &str| {
        let mut attempts = Attempts::default();
        assert!(parser.parse(record.as_bytes()), "{record}");
        alloc::format!("{:?}", reader.read_record(record.as_bytes(), parser, &mut attempts))
    };
    let records: Vec<_> = lines().filter(|(_, line)| line.starts_with('{')).collect();
    let (mut reader, mut parser) = (Reader::default(), RecordParser::default());
    let mut random = 1_u64;
    for _ in 0..5_000 {
        let mut next = |below: usize| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (random >> 33) as usize % below
        };
        let (_, record) = records[next(records.len())];
        // Change some digits.
        let other = |c: char| if matches!(c, '1'..='8') && next(8) == 0 { (c as u8 + 1).into() } else { c };
        let record: String = record.chars().map(other).collect();
        let first = read(&mut Reader::default(), &mut RecordParser::default(), &record);
        assert_eq!(read(&mut reader, &mut parser, &record), first, "{record}");
    }
}

/// Returns the attempts and the upstream of an exchange, or the reason why the line is none.
fn outcome(reader: &mut Reader, line: &str) -> Result<(Option<u32>, String), String> {
    match reader.read(line.as_bytes(), &mut Attempts::default()) {
        Ok(ParsedLine::Exchange(exchange)) => Ok((exchange.attempts, exchange.upstream.into())),
        Ok(ParsedLine::LeftOut(why)) => Err(why.into()),
        Ok(ParsedLine::Other(kind)) => Err(alloc::format!("{kind}")),
        other => Err(alloc::format!("{other:?}")),
    }
}

#[test]
fn every_format_is_read_after_every_prefix() {
    for prefix in [
        "proxy-1  | ",
        "[pod/proxy-0/proxy] ",
        "proxy-7d5f-x2 proxy ",
        "2026-11-23T08:00:00.123456789Z ",
        "<190>Nov 23 08:00:00 host proxy: ",
        "<134>1 2026-11-23T08:00:00Z host proxy 77 - - ",
        "Nov 23 08:00:00 host proxy[77]: ",
        "\u{feff}",
    ] {
        for (format, line) in lines() {
            let mut reader = Reader::new(Format::Auto);
            assert!(is_exchange(&mut reader, &alloc::format!("{prefix}{line}")), "{format} after {prefix}");
            assert_eq!(reader.format(), format, "{prefix}");
        }
    }
}

#[test]
fn json_and_lines_with_a_time_in_brackets_are_read_after_any_text() {
    let has_no_mark = [Format::Alb, Format::Elb, Format::Ltsv, Format::Cloudfront, Format::Heroku];
    for prefix in [
        "[proxy-7d5f-x2] ",
        "[proxy-7d5f-x2 proxy] ",
        "[ 1234.567890] host proxy[77]: ",
        "shop/proxy-7d5f-x2[proxy]: ",
        "2026-11-23T08:00:00.123000+00:00 ecs/proxy/0f3a ",
        "2026-11-23T08:00:00.12+0000 [APP/PROC/WEB/0] OUT ",
        "148 <134>1 2026-11-23T08:00:00Z host proxy 77 - - \u{feff}",
        "/var/log/access.log:",
        "ACCESS ",
        "  ",
    ] {
        for (format, line) in lines().filter(|(format, _)| !has_no_mark.contains(format)) {
            let mut reader = Reader::new(Format::Auto);
            assert!(is_exchange(&mut reader, &alloc::format!("{prefix}{line}")), "{format} after {prefix}");
            assert_eq!(reader.format(), format, "{prefix}");
        }
    }
}

#[test]
fn the_time_of_a_line_counts_before_that_of_its_prefix() {
    let time = |line: &str| match Reader::new(Format::Auto).read(line.as_bytes(), &mut Attempts::default()) {
        Ok(ParsedLine::Exchange(exchange)) => exchange.ts.micros(),
        other => panic!("{line}: {other:?}"),
    };
    let line = LINES[5].1;
    assert_eq!(time(&alloc::format!("2026-11-23T09:30:00Z {line}")), time(line));
    let bare =
        line.replace("10.0.0.9 - - [23/Nov/2026:08:00:00 +0000]", "2026-11-23T08:00:00+00:00 10.0.0.9");
    assert_eq!(time(&bare), time(line));
}

#[test]
#[cfg(feature = "all-formats")]
fn the_time_around_a_line_counts_if_the_line_has_none() {
    const NGINX: &str =
        r#"{"status":200,"request_time":0.012,"upstream_status":"502, 200","upstream_addr":"a:80, b:80"}"#;
    const ENVOY: &str =
        r#"{"method":"GET","response_code":503,"response_flags":"UF","duration":12,"upstream_cluster":"c"}"#;
    const TEXT: &str = r#"status=200 request_time=0.5 upstream_status="502, 200""#;
    const CADDY: &str =
        r#"{"request":{"method":"GET"},"duration":0.3,"size":1,"status":200,"resp_headers":{}}"#;
    let time = Timestamp::from_micros(1_795_420_800_100_000);
    let envoy = time.after(nearmiss::Micros::from_millis(12));
    let zulu = "2026-11-23T08:00:00.1Z";
    for (line, time) in [
        (alloc::format!(r#"{{"jsonPayload":{NGINX},"resource":{{"type":"a"}},"timestamp":"{zulu}"}}"#), time),
        (alloc::format!(r#"{{"insertId":"x","jsonPayload":{ENVOY},"timestamp":"{zulu}"}}"#), envoy),
        (alloc::format!(r#"{{"@timestamp":"{zulu}","nginx":{NGINX}}}"#), time),
        (alloc::format!(r#"{{"time":"{zulu}","access":{NGINX}}}"#), time),
        (alloc::format!("{zulu} stdout F {NGINX}"), time),
        (alloc::format!("{zulu} stdout F {TEXT}"), time),
        (alloc::format!("{zulu} {NGINX}"), time),
        (alloc::format!("<134>1 {zulu} host nginx 77 - - {TEXT}"), time),
        (alloc::format!("2026/11/23 08:00:00.1\tINFO\thttp.log.access.log0\thandled request\t{CADDY}"), time),
    ] {
        let mut reader = Reader::default();
        for _ in 0..2 {
            match reader.read(line.as_bytes(), &mut Attempts::default()) {
                Ok(ParsedLine::Exchange(exchange)) => assert_eq!(exchange.ts, time, "{line}"),
                other => panic!("{line}: {other:?}"),
            };
        }
        assert!(reader.read(NGINX.as_bytes(), &mut Attempts::default()).is_err(), "after {line}");
    }
}

#[test]
fn every_format_is_read_inside_wrappers() {
    for (format, line) in lines() {
        let escaped = line.replace('\\', "\\\\").replace('"', "\\\"");
        for wrapped in [
            alloc::format!(
                r#"{{"@timestamp":"2026-11-23T08:00:00Z","message":"{escaped}","host":{{"name":"a"}}}}"#
            ),
            alloc::format!(r#"{{"kubernetes":{{"pod":"a"}},"textPayload": "{escaped}\n"}}"#),
            alloc::format!(r#"{{"stream":"stdout","some_key":"proxy-1  | {escaped}"}}"#),
            alloc::format!(r#"{{"body":{{"stringValue":"{escaped}"}},"severityText":""}}"#),
            alloc::format!(r#"{{"a":[1],"b":{{"c":{{"d":"{escaped}"}}}}}}"#),
        ] {
            let mut reader = Reader::new(Format::Auto);
            assert!(is_exchange(&mut reader, &wrapped), "{format}: {wrapped}");
            assert_eq!(reader.format(), format);
        }
        if line.starts_with('{') {
            let nested = alloc::format!(r#"{{"resource":{{"type":"container"}},"jsonPayload":{line}}}"#);
            assert!(is_exchange(&mut Reader::new(Format::Auto), &nested), "{format}: {nested}");
        }
    }
}

#[test]
fn lines_of_other_programs_are_no_errors() {
    let mut reader = Reader::new(Format::Auto);
    for line in [
        "",
        "I1123 08:00:00.100000       7 main.go:209] \"Creating API client\" host=\"https://10.96.0.1:443\"",
        "2026/11/23 08:00:00 [error] 31#31: *5 upstream timed out, client: 192.0.2.25, request: \"GET / HTTP/1.1\"",
        "[2026-11-23 08:00:00.270][1][info][main] [source/server/server.cc:404] initializing epoch 0",
        "2026-11-23T08:00:00.270118Z\tinfo\tEnvoy proxy is ready",
        "ts=2026-11-23T08:00:00Z level=info msg=\"db query\" status=200 duration=0.5",
        "{\"level\":\"info\",\"ts\":1763888400.1,\"logger\":\"admin\",\"msg\":\"started\"}",
        "Starting up",
        "[Mon Nov 23 08:00:00.123456 2026] [proxy:error] [pid 12:tid 139] (111)Connection refused: AH00957",
        "192.0.2.1 [23/Nov/2026:08:00:00 +0000] TCP 200 1234 567 12.345 \"10.0.0.1:5432\"",
        "==> /var/log/nginx/access.log <==",
        "[23/Nov/2026:08:00:00 +0000]TCP200000.000",
        "[2026-11-23 08:00:00] reloaded",
        "    at java.lang.Thread.run(Thread.java:748)",
        "{\"level\":\"info\",\"ts\":1763888400.1,\"msg\":\"request\",\"status\":200,\"duration_ms\":12}",
    ] {
        for (_, known) in lines() {
            assert!(is_exchange(&mut reader, known));
            let mut attempts = Attempts::default();
            let read = reader.read(line.as_bytes(), &mut attempts);
            assert!(
                matches!(read, Ok(ParsedLine::Other(_) | ParsedLine::LeftOut(_))),
                "{line} after {known}: {read:?}"
            );
        }
    }
}

#[test]
fn lines_of_other_programs_are_no_errors_of_a_configured_format() {
    for line in [
        "NGINX Ingress controller",
        "[Mon Nov 23 08:00:00 2026] [error] [client 192.0.2.1] File does not exist: /favicon.ico",
        "2026-11-23T08:00:00+01:00 ERR error=\"service not found\" entryPointName=web",
        "Nov 23 08:00:00 lb haproxy[77]: Proxy web started.",
        "==> /var/log/nginx/access.log <==",
        "    at java.lang.Thread.run(Thread.java:748)",
    ] {
        for format in [Format::Nginx, Format::IngressNginx, Format::Envoy, Format::Haproxy, Format::Traefik] {
            let (mut reader, mut attempts) = (Reader::new(format), Attempts::default());
            let read = reader.read(line.as_bytes(), &mut attempts);
            assert!(matches!(read, Ok(ParsedLine::Other(_))), "{line} as {format}: {read:?}");
        }
    }
}

#[test]
fn a_json_line_of_another_program_that_starts_like_a_known_one_is_no_error() {
    let mut reader = Reader::new(Format::Auto);
    assert!(is_exchange(&mut reader, LINES[6].1));
    let other = r#"{"time":"2026-11-23T08:00:01Z","level":"info","msg":"reloaded"}"#;
    assert_eq!(outcome(&mut reader, other), Err("JSON object without a request".into()));
    assert!(is_exchange(&mut reader, LINES[6].1));
}

#[test]
fn parts_of_a_line_are_joined() {
    let mut reader = Reader::new(Format::Auto);
    for _ in 0..2 {
        let (head, tail) = LINES[5].1.split_at(70);
        assert!(!is_exchange(&mut reader, &alloc::format!("2026-11-23T08:00:00.1Z stdout P {head}")));
        assert!(is_exchange(&mut reader, &alloc::format!("2026-11-23T08:00:00.1Z stdout F {tail}")));
        assert!(is_exchange(&mut reader, &alloc::format!("2026-11-23T08:00:00.1Z stdout F {}", LINES[5].1)));
    }
}

#[test]
fn parts_of_a_line_are_joined_within_their_stream() {
    let mut reader = Reader::new(Format::Auto);
    let (head, tail) = LINES[5].1.split_at(70);
    assert!(!is_exchange(&mut reader, &alloc::format!("2026-11-23T08:00:00.1Z stdout P {head}")));
    assert!(!is_exchange(&mut reader, "2026-11-23T08:00:00.1Z stderr P 2026/11/23 08:00:00 [error] "));
    assert!(!is_exchange(&mut reader, "2026-11-23T08:00:00.1Z stderr F 31#31: *5 upstream timed out"));
    assert!(is_exchange(&mut reader, &alloc::format!("2026-11-23T08:00:00.1Z stdout F {tail}")));
}

#[test]
fn the_combined_format_is_refused_with_what_it_lacks() {
    let line = r#"192.0.2.8 - - [23/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 502 559 "-" "curl/8""#;
    for format in [Format::Auto, Format::Nginx] {
        let message = crate::testing::error(format, line);
        assert!(message.contains("combined") && message.contains("request_time"), "{message}");
    }
}

#[test]
fn lists_in_nginx_json_need_no_quotes() {
    for lists in [
        r#""upstream_status": 502, 200,"upstream_response_time":0.001, 0.009"#,
        r#""upstream_status":502, 200,"upstream_addr":10.0.0.1:80, 10.0.0.2:80"#,
        r#""upstream_status":"502, 200","upstream_response_time":-, 0.009,"upstream_cache_status":"#,
        r#""upstream":"10.0.0.1:80, 10.0.0.2:80","upstream_response_time":"0.001, 0.009""#,
        r#""upstream_response_time":"0.001, 0.009""#,
    ] {
        let line = alloc::format!(r#"{{"time":1795420800123,"status":200,"request_time":0.010,{lists}}}"#);
        assert_eq!(outcome(&mut Reader::default(), &line), Ok((Some(2), "nginx".into())), "{line}");
    }
}

#[test]
fn attempts_in_a_nested_object_are_read() {
    const LISTS: &str =
        r#""upstream":{"addr":"a:80, b:80","status":"502, 200","response_time":["0.001","0.010"]}"#;
    let healthy =
        r#"{"time":1795420800,"status":200,"request_time":0.5,"upstream":{"name":"a","status":"healthy"}}"#;
    assert!(outcome(&mut Reader::default(), healthy).is_ok());
    for (line, attempts, upstream) in [
        (alloc::format!(r#"{{"time":1795420800,"status":200,"request_time":0.012,{LISTS}}}"#), 2, "nginx"),
        (
            alloc::format!(r#"{{"time":1795420800,"response":{{"status":200}},{LISTS},"request_time":0.02}}"#),
            2,
            "nginx",
        ),
        (
            r#"{"start_time":"2026-11-23T08:00:00Z","response_code":200,"response_flags":"-","duration":5,"upstream":{"cluster":"cart","host":"a:80","attempts":3}}"#.into(),
            3,
            "cart",
        ),
    ] {
        assert_eq!(outcome(&mut Reader::default(), &line), Ok((Some(attempts), upstream.into())), "{line}");
        let mut parser = RecordParser::default();
        assert!(parser.parse(line.as_bytes()));
        match Reader::default().read_record(line.as_bytes(), &mut parser, &mut Attempts::default()) {
            Ok(ParsedLine::Exchange(exchange)) => assert_eq!(exchange.attempts, Some(attempts), "{line}"),
            other => panic!("{line}: {other:?}"),
        };
    }
}

#[test]
fn nginx_text_may_have_its_time_in_any_notation() {
    for start in [
        r#""23/Nov/2026:08:00:00 +0000" client=192.0.2.1 request="GET / HTTP/1.1" status=200"#,
        r#"192.0.2.1 "x" - [2026-11-23T08:00:00+00:00] STATUS=200 "svc" "GET / HTTP/1.1" 12"#,
        r#"[23/Nov/2026:08:00:00 +0000] client=192.0.2.1 request="GET / HTTP/1.1" status=200"#,
        r#"[1795420800.123] client=192.0.2.1 request="GET / HTTP/1.1" status=200"#,
        r#"1795420800.123 client=192.0.2.1 request="GET / HTTP/1.1" status=200"#,
    ] {
        let line = alloc::format!(
            "{start} request_time=0.016 upstream_status=502, 200 upstream_response_time=0.004, 0.012"
        );
        assert_eq!(outcome(&mut Reader::default(), &line), Ok((Some(2), "nginx".into())), "{line}");
    }
}

#[test]
fn connections_are_left_out() {
    for line in [
        r#"[2026-11-23T08:00:00.123Z] "- - -" 0 - - - "-" 839 2504 231 - "-" "-" "-" "-" "203.0.113.5:443" outbound|443||example.com 172.30.239.8:34470 172.30.239.8:443 172.30.239.15:43956 example.com -"#,
        r#"{"start_time":"2026-11-23T08:00:00.123Z","method":null,"protocol":null,"response_code":0,"response_flags":"-","duration":63,"upstream_cluster":"db"}"#,
        r#"10.0.1.2:33313 [23/Nov/2026:08:00:00.443] in db/s1 0/0/5007 212 -- 0/0/0/0/3 0/0"#,
    ] {
        assert_eq!(outcome(&mut Reader::default(), line), Err("a TCP connection".into()), "{line}");
    }
}
