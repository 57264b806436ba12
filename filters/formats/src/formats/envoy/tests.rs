use crate::Format;
use crate::testing::{error, judged, left_out, with};
use alloc::format;
use alloc::string::String;
use nearmiss::{Flags, Micros};

fn text(code_and_flags: &str, host: &str) -> String {
    format!(
        r#"[2026-11-23T08:47:50.310Z] "POST /api/v1/locations HTTP/2" {code_and_flags} 154 7 226 100 "10.0.35.28, 10.1.1.1" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "{host}""#
    )
}

fn istio(cluster: &str) -> String {
    format!(
        r#"[2026-11-25T21:26:18.409Z] "GET /status/200 HTTP/1.1" 200 - via_upstream - "-" 0 135 303 301 "-" "curl/8" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "10.44.1.27:80" {cluster} 10.44.1.23:37652 10.0.45.184:8000 10.44.1.23:46520 - default"#
    )
}

#[test]
fn default_text_ends_at_start_plus_duration_and_has_no_attempts() {
    with(Format::Envoy, &text("204 -", "10.0.2.1:80"), |exchange| {
        assert_eq!(exchange.ts.micros(), 1_795_423_670_536_000);
        assert_eq!((exchange.status, exchange.duration), (204, Micros::from_millis(226)));
        assert_eq!((exchange.upstream, exchange.host), ("envoy", Some("10.0.2.1:80")));
        assert_eq!((exchange.attempts, exchange.bytes), (None, Some(7)));
    });
    with(Format::Envoy, &text("504 URX,UT", "tcp://10.0.2.1:80"), |exchange| {
        assert_eq!(exchange.host, Some("10.0.2.1:80"));
        assert!(exchange.flags.any(Flags::URX) && exchange.flags.any(Flags::UT));
    });
}

#[test]
fn quotes_in_a_path_do_not_end_the_request() {
    let line = text("204 -", "10.0.2.1:80").replace("/api/v1/locations", "/api?q=\"x\"&r=\"y\"");
    for format in [Format::Envoy, Format::Auto] {
        with(format, &line, |exchange| {
            assert_eq!((exchange.status, exchange.host), (204, Some("10.0.2.1:80")));
            assert_eq!(exchange.route, Some("api"));
        });
    }
    let ends_early = text("204 -", "10.0.2.1:80").replace("/api/v1/locations", "/api?q=\"x\"");
    with(Format::Auto, &ends_early, |exchange| assert_eq!(exchange.host, Some("10.0.2.1:80")));
}

#[test]
fn a_response_of_envoy_itself_has_no_upstream() {
    for code_and_flags in ["200 -", "404 NR", "429 RL", "403 UAEX"] {
        with(Format::Envoy, &text(code_and_flags, "-"), |exchange| assert_eq!(exchange.upstream, "-"));
    }
    for code_and_flags in ["503 UH", "503 UO", "504 UT"] {
        with(Format::Envoy, &text(code_and_flags, "-"), |exchange| assert_eq!(exchange.upstream, "envoy"));
    }
}

#[test]
fn istio_text_names_cluster_and_route() {
    with(Format::Istio, &istio("outbound|8000||httpbin.foo.svc.cluster.local"), |exchange| {
        assert_eq!(exchange.upstream, "outbound|8000||httpbin.foo.svc.cluster.local");
        assert_eq!((exchange.route, exchange.host), (Some("default"), Some("10.44.1.27:80")));
        assert_eq!((exchange.duration, exchange.bytes), (Micros::from_millis(303), Some(135)));
    });
    with(Format::Istio, &istio("-"), |exchange| assert_eq!(exchange.upstream, "-"));
}

#[test]
fn json_may_have_numbers_strings_and_null() {
    let numbers = r#"{"start_time":"2026-06-02T17:26:41.766Z","response_code":200,"response_flags":"-","duration":1028,
        "upstream_service_time":"","upstream_cluster":"cart","upstream_host":"10.124.165.45:8080","route_name":null,
        "upstream_request_attempt_count":3,"bytes_sent":5,"grpc_status":null,"method":"GET"}"#;
    let texts =
        numbers.replace(":200", ":\"200\"").replace(":1028", ":\"1028\"").replace("t\":3", "t\":\"3\"");
    for line in [numbers, &texts] {
        with(Format::EnvoyJson, line, |exchange| {
            assert_eq!((exchange.status, exchange.duration), (200, Micros::from_millis(1_028)));
            assert_eq!((exchange.upstream, exchange.attempts), ("cart", Some(3)));
            assert_eq!((exchange.route, exchange.grpc_status), (None, None));
            assert!(exchange.flags.is_empty());
        });
    }
    let no_route = numbers.replace("\"cart\"", "null").replace("\"10.124.165.45:8080\"", "null");
    with(Format::EnvoyJson, &no_route, |exchange| assert_eq!(exchange.upstream, "-"));
    for (name, status) in [("\"Unavailable\"", 14), ("\"DEADLINE_EXCEEDED\"", 4), ("\"13\"", 13), ("0", 0)] {
        let line = numbers.replace("\"grpc_status\":null", &format!("\"grpc_status\":{name}"));
        with(Format::EnvoyJson, &line, |exchange| assert_eq!(exchange.grpc_status, Some(status)));
    }
}

#[test]
fn a_line_with_a_verdict_of_the_filter_is_not_judged_again() {
    let line = r#"{"near_miss":"retried;attempts=3;margin=33","start_time":"2026-06-02T17:26:41.766Z","response_code":200,"duration":1}"#;
    assert_eq!(judged(Format::EnvoyJson, line), "retried");
    assert_eq!(judged(Format::EnvoyJson, &line.replace("\"retried;attempts=3;margin=33\"", "null")), "clean");
    assert_eq!(
        judged(Format::Envoy, &(text("200 -", "10.0.0.1:80") + " near_miss=\"slow;ratio=4.1\"")),
        "slow"
    );
}

#[test]
fn health_checks_and_mirrored_traffic_are_left_out() {
    assert_eq!(
        left_out(Format::Envoy, &text("200 -", "-").replace("nsq2http", "Envoy/HC")),
        "a health check"
    );
    assert_eq!(
        left_out(Format::Envoy, &text("200 -", "a:1").replace("\"locations\"", "\"locations-shadow\"")),
        "mirrored traffic"
    );
}

#[test]
fn an_exchange_that_has_not_ended_is_left_out() {
    const WHY: &str = "an exchange that has not ended";
    let envoy = r#"[2026-11-23T08:00:00.842Z] "GET /s HTTP/1.1" 200 - 0 1200 - 5 "-" "curl/8" "id" "shop" "10.0.0.1:80""#;
    assert_eq!(left_out(Format::Envoy, envoy), WHY);
    let istio = r#"[2026-11-23T08:00:00.842Z] "GET /s HTTP/1.1" 0 - - - "-" 0 0 - - "-" "curl/8" "id" "shop" "-" - - 10.0.0.2:80 10.0.0.3:4 - default"#;
    assert_eq!(left_out(Format::Istio, istio), WHY);
    let json = r#"{"start_time":"2026-11-23T08:00:00Z","response_code":200,"response_flags":"-","duration":null,"upstream_cluster":"cart"}"#;
    assert_eq!(left_out(Format::EnvoyJson, json), WHY);
    let without = json.replace("\"duration\":null,", "");
    assert!(error(Format::EnvoyJson, &without).starts_with("`duration` is missing"));
}

#[test]
fn an_error_names_the_expected_part() {
    let line = text("200 -", "10.0.0.1:80");
    assert!(error(Format::Envoy, &line[..50]).contains("the request in quotes"));
    assert!(
        error(Format::Envoy, &line.replace(" 226 ", " x "))
            .starts_with("`duration` is `x`; it takes milliseconds")
    );
    assert!(error(Format::Envoy, &line.replace("2026-", "20x6-")).starts_with("`start_time` is"));
}

#[test]
fn the_reason_is_the_failure_of_the_connection_or_the_details() {
    let istio = istio("outbound|8000||httpbin");
    with(Format::Istio, &istio, |exchange| assert_eq!(exchange.reason, None));
    let details = istio.replace("via_upstream", "upstream_reset_before_response_started{remote_reset}");
    with(Format::Istio, &details, |exchange| {
        assert_eq!(exchange.reason, Some("upstream_reset_before_response_started{remote_reset}"));
    });
    let transport = istio.replace("\"-\" 0 135", "\"TLS_error:|268435581\" 0 135");
    with(Format::Istio, &transport, |exchange| assert_eq!(exchange.reason, Some("TLS_error:|268435581")));
    let json = r#"{"start_time":"2026-11-23T08:00:00Z","response_code":503,"response_flags":"UF","duration":3,"upstream_cluster":"cart","upstream_transport_failure_reason":"delayed_connect_error:_111","response_code_details":"x"}"#;
    with(Format::EnvoyJson, json, |exchange| {
        assert_eq!(exchange.reason, Some("delayed_connect_error:_111"));
    });
}

#[test]
fn an_answer_of_a_filter_belongs_to_the_cluster_that_the_line_names() {
    let json = r#"{"start_time":"2026-11-23T08:00:00Z","response_code":429,"response_flags":"RL","duration":3,"upstream_cluster":"cart"}"#;
    with(Format::EnvoyJson, json, |exchange| assert_eq!(exchange.upstream, "cart"));
    with(Format::EnvoyJson, &json.replace("\"cart\"", "null"), |exchange| assert_eq!(exchange.upstream, "-"));
    assert_eq!(left_out(Format::EnvoyJson, &json.replace("\"RL\"", "\"LH\"")), "a health check");
}
