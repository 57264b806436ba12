#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use nearmiss::{Config, Micros};
use std::string::{String, ToString};

fn parse(text: &str) -> Result<EnvoyConfig, String> {
    let mut envoy = EnvoyConfig::default();
    let parsed = Config::parse_with_sections(text, &mut [(SECTION, &mut envoy)]);
    parsed.map(|_| envoy).map_err(|error| error.to_string())
}

#[test]
fn every_field_is_read() {
    let envoy = parse(
        r#"{"envoy":{"attach":"log","mode":"lean","header":true,"by":"edge-1","collector":{"cluster":"otel","path":"/in",
            "authority":"otel.test","timeout":"2s","queue":400,"log":"none"}},"edge":{"nosuch":1}}"#,
    );
    let collector = CollectorConfig {
        cluster: "otel".into(),
        path: "/in".into(),
        authority: "otel.test".into(),
        timeout: Micros::from_seconds(2),
        queue: 400,
        log: Logged::None,
    };
    let expected = EnvoyConfig {
        attach: Attach::Log,
        mode: Mode::Lean,
        header: true,
        by: Some("edge-1".to_string()),
        collector: Some(collector),
    };
    assert_eq!(envoy, Ok(expected));
    assert_eq!(parse("{}"), Ok(EnvoyConfig::default()));
}

#[test]
fn a_cluster_is_enough_for_a_collector() {
    let expected =
        CollectorConfig { cluster: "otel".into(), authority: "otel".into(), ..CollectorConfig::default() };
    for text in [r#"{"envoy":{"collector":"otel"}}"#, r#"{"envoy":{"collector":{"cluster":"otel"}}}"#] {
        assert_eq!(parse(text).unwrap().collector, Some(expected.clone()));
    }
}

#[test]
fn an_error_names_the_field_what_was_found_and_what_it_takes() {
    const COLLECTOR: &str = "it takes the name of a cluster, or an object with a `cluster`";
    for (text, expected) in [
        (
            r#"{"attach":"tcp"}"#,
            "`envoy.attach` is \"tcp\"; it takes \"http\", \"upstream\" or \"log\"".to_string(),
        ),
        (r#"{"mode":"fat"}"#, "`envoy.mode` is \"fat\"; it takes \"full\" or \"lean\"".to_string()),
        (r#"{"header":"yes"}"#, "`envoy.header` is \"yes\"; it takes true or false".to_string()),
        (
            r#"{"headers":true}"#,
            "`envoy.headers` is not a field; there are attach, mode, header, by, collector".to_string(),
        ),
        ("[]", "`envoy` is []; it takes an object".to_string()),
        (r#"{"collector":""}"#, std::format!("`envoy.collector` is \"\"; {COLLECTOR}")),
        (r#"{"collector":7}"#, std::format!("`envoy.collector` is 7; {COLLECTOR}")),
        (r#"{"collector":{}}"#, std::format!("`envoy.collector` is {{}}; {COLLECTOR}")),
        (
            r#"{"collector":{"cluster":"otel","path":"in"}}"#,
            "`envoy.collector.path` is \"in\"; it takes a path that begins with /".to_string(),
        ),
        (
            r#"{"collector":{"url":"x"}}"#,
            "`envoy.collector.url` is not a field; there are cluster, path, authority, timeout, queue, log"
                .to_string(),
        ),
        (
            r#"{"collector":{"cluster":"otel","timeout":"5m"}}"#,
            "`envoy.collector.timeout` is \"5m\"; it takes a time such as \"5s\", 100ms to 60s".to_string(),
        ),
    ] {
        assert_eq!(parse(&std::format!(r#"{{"envoy":{text}}}"#)), Err(expected));
    }
}
