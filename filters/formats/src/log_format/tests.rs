//! Format strings as users have them, and lines that the proxies write with them.

#![cfg(feature = "all-formats")]

use crate::{Attempts, FieldConfig, Format, ParsedLine, Reader};
use alloc::format;
use nearmiss::{Exchange, Flags, Micros};

/// Returns the result of `check` for the exchange on `line`, with the settings `fields`.
fn with<const N: usize, T>(
    format: Format,
    fields: &[(&str, &str); N],
    line: &str,
    check: impl FnOnce(&Exchange<'_>) -> T,
) -> T {
    let section = fields.map(|(name, value)| (name.into(), value.into())).into();
    let fields = FieldConfig::parse(&section, format).unwrap();
    let (mut reader, mut attempts) = (Reader::new(format).with_fields(fields), Attempts::default());
    match reader.read(line.as_bytes(), &mut attempts) {
        Ok(ParsedLine::Exchange(exchange)) => check(&exchange),
        other => panic!("{line}: {other:?}"),
    }
}

const ENVOY: &str = r#"[%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %DURATION% "%REQ(USER-AGENT):20%" %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_CODE_DETAILS%\n"#;
const ENVOY_LINE: &str = r#"[2026-11-23T08:00:00.100Z] "GET /a HTTP/1.1" 503 UF,URX 226 "curl "x" 8" outbound|80||cart.shop 10.0.0.1:80 3 upstream_reset"#;

#[test]
fn envoys_operators_name_the_fields() {
    for format in [Format::Envoy, Format::Istio, Format::Auto] {
        with(format, &[("log_format", ENVOY)], ENVOY_LINE, |exchange| {
            assert_eq!((exchange.status, exchange.attempts), (503, Some(3)));
            assert_eq!((exchange.upstream, exchange.host), ("outbound|80||cart.shop", Some("10.0.0.1:80")));
            assert_eq!(
                (exchange.duration, exchange.reason),
                (Micros::from_millis(226), Some("upstream_reset"))
            );
            assert!(exchange.flags.any(Flags::URX) && exchange.flags.any(Flags::UF));
        });
    }
}

#[test]
fn envoys_json_format_is_read_by_its_keys_in_any_order() {
    let format = r#"{"when":"%START_TIME%","rsp":{"code":"%RESPONSE_CODE%","flags":"%RESPONSE_FLAGS%"},"took":"%DURATION%","svc":"%UPSTREAM_CLUSTER%","n":"%UPSTREAM_REQUEST_ATTEMPT_COUNT%","status":"%REQ(X)%"}"#;
    let line = r#"{"n":2,"rsp":{"flags":"-","code":200},"status":"x","svc":"cart","took":9,"when":"2026-11-23T08:00:00.100Z"}"#;
    with(Format::Envoy, &[("log_format", format)], line, |exchange| {
        assert_eq!((exchange.upstream, exchange.attempts, exchange.status), ("cart", Some(2), 200));
    });
}

const HAPROXY: &str = r#"log-format "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %[capture.req.hdr(0),lower] %sslv %{+Q}r""#;
const HAPROXY_LINE: &str = r#"192.0.2.3:2842 [23/Nov/2026:08:00:00.065] frontend~ gw/ep1 0/0/1/6/7 200 649 - - ---- 233/233/3/2/+1 0/0 {ep|an agent} shop.test TLSv1.3 "GET /path HTTP/1.1""#;

#[test]
fn haproxys_variables_name_the_fields() {
    let check = |exchange: &Exchange<'_>| {
        assert_eq!((exchange.upstream, exchange.host), ("gw", Some("ep1")));
        assert_eq!((exchange.attempts, exchange.duration), (Some(2), Micros::from_millis(7)));
        assert_eq!((exchange.bytes, exchange.attempt_log.len()), (Some(649), 1), "another server");
    };
    for format in [Format::Haproxy, Format::Auto] {
        with(format, &[("log_format", HAPROXY)], HAPROXY_LINE, check);
    }
    let prefixed = format!("<134>Nov 23 08:00:00 lb1 haproxy[77]: {HAPROXY_LINE}");
    with(Format::Haproxy, &[("log_format", HAPROXY)], &prefixed, check);
    let wrapped = format!("{{\"log\":\"{}\"}}", HAPROXY_LINE.replace('"', "\\\""));
    with(Format::Haproxy, &[("log_format", HAPROXY)], &wrapped, check);
    // As it stands in a configuration without quotes.
    let escaped = r"log-format %ci\ [%tr]\ %b/%s\ %Ta\ %ST\ %rc\ %ts";
    let line = "192.0.2.3 [23/Nov/2026:08:00:00.065] gw/<NOSRV> 7 503 0 SC";
    with(Format::Haproxy, &[("log_format", escaped)], line, |exchange| {
        assert_eq!((exchange.attempts, exchange.termination_state), (Some(0), Some("SC")));
    });
}

#[test]
fn haproxys_json_is_read_by_the_keys_of_its_variables() {
    let by_hand = r#"{"time":"%trg","backend":"%b","b":"%ci","server":"%s","status":"%ST","ta":"%Ta","retries":"%rc","state":"%ts","request":"%HM %HU"}"#;
    let line = r#"{"time":"23/Nov/2026:08:00:00 +0000","backend":"cart","b":"192.0.2.1","server":"s1","status":"200","ta":"21","retries":"2","state":"--","request":"GET /"}"#;
    let encoded = "%{+json}o %(client)ci %(at)tr %(service)b %(node)s %(code:sint)ST %(took)Ta %(again)rc";
    let encoded_line = r#"{"client":"192.0.2.1","at":"23/Nov/2026:08:00:00.065","service":"cart","node":"s1","code":200,"took":21,"again":2}"#;
    for (format, line) in [(by_hand, line), (encoded, encoded_line)] {
        with(Format::Haproxy, &[("log_format", format)], line, |exchange| {
            assert_eq!((exchange.upstream, exchange.attempts), ("cart", Some(3)), "{line}");
            assert_eq!(exchange.duration, Micros::from_millis(21));
        });
    }
}

#[test]
fn the_zone_of_a_time_without_brackets_belongs_to_it() {
    for (format, time_format, line) in [
        (
            Format::Nginx,
            "$remote_addr $time_local $status $request_time",
            "192.0.2.1 22/Aug/2022:09:06:56 +0200 200 0.000",
        ),
        (Format::Haproxy, "%ci %Tl %ST %Ta", "192.0.2.1 22/Aug/2022:09:06:56 +0200 200 0"),
    ] {
        with(format, &[("log_format", time_format)], line, |exchange| {
            assert_eq!((exchange.ts.seconds(), exchange.status), (1_661_152_016, 200), "{line}");
        });
    }
}

#[test]
fn haproxys_time_may_be_an_expression_or_have_its_milliseconds_apart() {
    for (time_format, time) in [
        ("%Ts.%ms", "1661152016.123"),
        ("%[accept_date(ms)]", "1661152016123"),
        ("%[request_date(us)]", "1661152016123000"),
        // The time at which the line is written: the end.
        ("%[date(0,ms)]", "1661152016144"),
    ] {
        let text = format!("%ci {time_format} %b %s %ST %Ta");
        let json = format!(r#"{{"at":"{time_format}","be":"%b","code":%ST,"took":%Ta}}"#);
        for (words, line) in [
            (text, format!("192.0.2.1 {time} cart s1 200 21")),
            (json, format!(r#"{{"at":"{time}","be":"cart","code":200,"took":21}}"#)),
        ] {
            with(Format::Haproxy, &[("log_format", &words)], &line, |exchange| {
                assert_eq!(exchange.ts.micros(), 1_661_152_016_144_000, "{line}");
            });
        }
    }
}

#[test]
fn nginx_writes_json_without_quotes_around_its_variables() {
    let format = r#"log_format j escape=json '{"at":"$msec",' '"code":$status,"rt":$request_time,"up":{"addr":"$upstream_addr","st":"$upstream_status"}}';"#;
    let line = r#"{"at":"1795420800.123","code":200,"rt":0.684,"up":{"addr":"a:1, b:1","st":"502, 200"}}"#;
    with(Format::Nginx, &[("log_format", format)], line, |exchange| {
        assert_eq!((exchange.attempts, exchange.duration), (Some(2), Micros::from_millis(684)));
    });
}

#[test]
fn configured_fields_are_names_of_variables() {
    let fields = [("log_format", "%t %>s %D %{SHOP}e"), ("upstream", "SHOP")];
    let line = "[23/Nov/2026:08:00:00 +0000] 200 9 cart";
    with(Format::Apache, &fields, line, |exchange| assert_eq!(exchange.upstream, "cart"));
    let fields = [
        ("log_format", "%START_TIME% %RESPONSE_CODE% %DURATION% %REQ(X-SHOP)%"),
        ("upstream", "REQ(X-SHOP)"),
    ];
    with(Format::Envoy, &fields, "2026-11-23T08:00:00Z 200 9 cart", |exchange| {
        assert_eq!(exchange.upstream, "cart")
    });
}

#[test]
fn nested_keys_and_arrays_are_read() {
    let fields = [("upstream", "svc.name"), ("upstream_status", "up.codes"), ("duration_s", "took")];
    let line = r#"{"time":"2026-11-23T08:00:00Z","status":200,"took":0.684,"svc":{"name":"ca\"rt","x":{"y":1}},"up":{"codes":["502","200"]}}"#;
    with(Format::NginxJson, &fields, line, |exchange| {
        assert_eq!((exchange.upstream, exchange.attempts), ("ca\"rt", Some(2)));
    });
}
