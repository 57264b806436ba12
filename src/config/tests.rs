use super::*;
use alloc::string::String;
use proptest::prelude::*;

fn error(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn nothing_at_all_is_the_default() {
    for text in ["", "  \n", "{}"] {
        assert_eq!(Config::parse(text), Ok(Config::default()));
    }
}

#[test]
fn every_field_is_read() {
    let config = Config::parse(
        r#"{"upstreams":{"cart":{"timeout":"500ms","deadline":"2s","max_attempts":4,"fallback_hosts":["10.0.0.9:80"]}},
            "fallback_header":"X-Fallback","tight_margin":"12.5%","max_upstreams":50,"reorder":"0s","summary_every":"5m",
            "records_per_second":0,"hosts":"hashed","hosts_key":"a secret key","budget":"0.1%","fields":{"route":"request.route"},
            "reference":{}}"#,
    )
    .unwrap();
    let cart = config.upstream("cart").unwrap();
    assert_eq!(cart.timeout, Some(Micros::from_millis(500)));
    assert_eq!((cart.deadline, cart.max_attempts), (Some(Micros::from_seconds(2)), Some(4)));
    assert_eq!(cart.fallback_hosts, ["10.0.0.9:80"]);
    assert_eq!(config.fallback_header.as_deref(), Some("x-fallback"));
    assert_eq!((config.tight_margin.basis_points(), config.budget.basis_points()), (1_250, 10));
    assert_eq!((config.reorder, config.summary_every), (Some(Micros::new(0)), Micros::from_seconds(300)));
    assert_eq!((config.hosts, config.records_per_second, config.max_upstreams), (Hosts::Hashed, 0, 50));
    assert_eq!(config.hosts_key, Some(SipKey::derive(b"a secret key")));
}

#[test]
fn a_key_of_host_hashes_has_8_to_128_bytes_and_is_in_no_error() {
    let key = |length: usize| alloc::format!(r#"{{"hosts_key":"{}"}}"#, "q".repeat(length));
    for length in [8, 128] {
        assert!(Config::parse(&key(length)).unwrap().hosts_key.is_some(), "{length} bytes");
    }
    for (text, found) in [
        (key(7), "a text of 7 bytes"),
        (key(129), "a text of 129 bytes"),
        (String::from(r#"{"hosts_key":4711}"#), "not a text"),
        (String::from(r#"{"hosts_key":["qqqqqqqq"]}"#), "not a text"),
    ] {
        assert_eq!(error(&text), alloc::format!("`hosts_key` is {found}; it takes a text of 8 to 128 bytes"));
    }
    let config = Config::parse(r#"{"hosts_key":"qqqqqqqq"}"#);
    assert!(!alloc::format!("{config:?}").contains("qqqq"));
}

#[test]
fn an_error_names_the_field_what_was_found_and_what_it_takes() {
    for (text, expected) in [
        (
            r#"{"upstreams":{"cart":{"timeout":-5}}}"#,
            "`upstreams.cart.timeout` is -5; it takes a time such as \"500ms\", above 0 and at most 24h",
        ),
        (
            r#"{"upstreams":{"cart":{"timeout":"-5ms"}}}"#,
            "`upstreams.cart.timeout` is \"-5ms\"; it takes a time",
        ),
        (r#"{"upstreams":{"cart":{"timeout":"0ms"}}}"#, "above 0"),
        (
            r#"{"upstreams":{"cart":{"max_attempts":0}}}"#,
            "`upstreams.cart.max_attempts` is 0; it takes 1 to 100",
        ),
        (r#"{"upstreams":{"cart":{"fallback_hosts":"x"}}}"#, "it takes a list of texts"),
        (r#"{"upstreams":[]}"#, "`upstreams` is []; it takes an object"),
        (r#"{"tight_margin":"101%"}"#, "`tight_margin` is \"101%\"; it takes a share"),
        (r#"{"tight_margin":0.1}"#, "`tight_margin` is 0.1; it takes a share"),
        (r#"{"tight_margin":"1e1%"}"#, "it takes a share"),
        (r#"{"max_upstreams":0}"#, "`max_upstreams` is 0; it takes 1 to 100000"),
        (r#"{"max_upstreams":1e12}"#, "it takes 1 to 100000"),
        (r#"{"reorder":"31s"}"#, "`reorder` is \"31s\"; it takes a time such as \"10s\", 0s to 30s"),
        (r#"{"reorder":"10"}"#, "`reorder` is \"10\""),
        (r#"{"summary_every":"15s"}"#, "in multiples of 10s"),
        (r#"{"hosts":"hidden"}"#, "`hosts` is \"hidden\"; it takes \"plain\" or \"hashed\""),
        (
            r#"{"tight_margins":"10%"}"#,
            "`tight_margins` is not a field; there are upstreams, fallback_header, tight_margin, abandon_after, client_retries, max_upstreams, reorder, \
             summary_every, records_per_second, records_per_second_total, hosts, hosts_key, ignore, fields, reference, budget, envoy, fluent_bit, edge",
        ),
        (
            r#"{"upstreams":{"cart":{"retries":1}}}"#,
            "`upstreams.cart.retries` is not a field; there are timeout, deadline, max_attempts, fallback_hosts",
        ),
        (
            r#"{"reference":{"cart":{"reasons":1}}}"#,
            "`reference.cart.reasons` is not a field; there are since, near_miss_bp, typical_ms, reason, expires",
        ),
        (r#"{"fallback_header":""}"#, "it takes a text of 1 to 256 bytes"),
        ("[]", "`the configuration` is []; it takes an object"),
        ("{\"a\":", "the configuration is not JSON: "),
        ("nonsense", "the configuration is not JSON: "),
    ] {
        let found = error(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn every_kind_of_value_has_its_words() {
    for (text, words) in [
        (r#"{"abandon_after":1}"#, "a time such as \"1s\", 0s to 1h"),
        (r#"{"summary_every":"15s"}"#, "a time such as \"60s\", 10s to 1h in multiples of 10s"),
        (r#"{"client_retries":1}"#, "\"unless_external\", \"always\" or \"never\""),
        (r#"{"budget":1}"#, "a share such as \"10%\", 0% to 100%"),
        (r#"{"fields":{"route":1}}"#, "a text or null"),
        (r#"{"upstreams":{"cart":{"fallback_hosts":[1]}}}"#, "a list of texts"),
        (
            r#"{"reference":{"cart":{"since":"today"}}}"#,
            "a day or a time such as \"2026-11-23\" or \"2026-11-23T08:00:00.000Z\"",
        ),
        (r#"{"reference":{"cart":{"typical_ms":"1"}}}"#, "milliseconds such as 42.1"),
        (r#"{"reference":{"cart":{}}}"#, "since, near_miss_bp and typical_ms"),
        (
            r#"{"reference":{"cart":{"reason":"moved"}}}"#,
            "an acceptance with a reason and with a day in `expires`",
        ),
    ] {
        let found = error(text);
        assert!(found.ends_with(&alloc::format!("; it takes {words}")), "{text}: {found}");
    }
}

crate::config_fields! {
    /// A section that the core does not know.
    struct LampConfig {
        /// Switches the lamp on.
        on: bool = true, Field::flag;
    }
}

#[test]
fn an_upstream_may_be_named_as_the_proxy_names_it() {
    let config = Config::parse(
        r#"{"upstreams":{"outbound|9000||cart.shop.svc":{"max_attempts":3},"inbound-vip|80|http|blog":{}},
            "reference":{"outbound|80||cart":{"since":"2026-11-23T08:00:00Z","near_miss_bp":1,"typical_ms":1}}}"#,
    );
    let config = config.unwrap();
    assert_eq!(config.upstream("cart.shop.svc:9000").unwrap().max_attempts, Some(3));
    assert!(config.upstream("blog").is_some() && config.reference.contains("cart"));
    let twice = r#"{"upstreams":{"cart":{},"outbound|80||cart":{}}}"#;
    assert_eq!(
        Config::parse(twice).unwrap_err().to_string(),
        "`upstreams.outbound|80||cart` is a second section of cart; it takes one section per upstream"
    );
}

#[test]
fn sections_of_other_hosts_are_ignored_and_the_own_one_is_read() {
    const TEXT: &str =
        r#"{"envoy":{"nosuch":1},"fluent_bit":[],"edge":"x","budget":"2%","lamp":{"on":false}}"#;
    let mut lamp = LampConfig::default();
    let config = Config::parse_with_sections(TEXT, &mut [("lamp", &mut lamp)]).unwrap();
    assert_eq!((config.budget.basis_points(), lamp.on), (200, false));
    let unknown = Config::parse_with_sections(r#"{"lamp":{"off":1}}"#, &mut [("lamp", &mut lamp)]);
    assert_eq!(unknown.unwrap_err().to_string(), "`lamp.off` is not a field; there are on");
    let wrong = Config::parse_with_sections(r#"{"lamp":[]}"#, &mut [("lamp", &mut lamp)]);
    assert_eq!(wrong.unwrap_err().to_string(), "`lamp` is []; it takes an object");
    assert!(error(TEXT).starts_with("`lamp` is not a field"), "no host here has this section");
}

#[test]
fn a_mebibyte_of_nesting_is_refused() {
    assert_eq!(error(&"[".repeat(1 << 20)), "the configuration nests deeper than 32 levels");
    assert_eq!(
        error(&" ".repeat(Config::MAX_BYTES).replacen(' ', "1x", 1)),
        "the configuration is longer than 4 MiB"
    );
    assert!(
        error(&alloc::format!("{{\"hosts\":\"{}\"}}", "[".repeat(100))).contains("`hosts`"),
        "brackets in a text are text"
    );
}

#[test]
fn a_long_value_is_cut_in_the_message() {
    let found = error(&alloc::format!("{{\"hosts\":\"{}\"}}", "é".repeat(10_000)));
    assert!(found.len() < 250, "{found}");
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = Config::parse(&text);
    }

    #[test]
    fn no_value_panics(key in "(upstreams|reorder|summary_every|tight_margin|hosts|envoy|budget)", value in "[-0-9.a-z%\"{}\\[\\]:]{0,12}") {
        let _ = Config::parse(&alloc::format!("{{\"{key}\":{value}}}"));
        let _ = Config::parse(&alloc::format!("{{\"{key}\":\"{}\"}}", value.replace('"', "")));
    }
}
