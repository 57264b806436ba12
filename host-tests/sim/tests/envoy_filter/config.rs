//! Invalid configurations are refused with the name of the field, and none kills the VM.

use sim::proxy_wasm::Failure;

use crate::harness::{Fixture, proxy};

/// Invalid configurations, each with a word that the message must contain.
const INVALID: [(&str, &str); 22] = [
    ("no json", "JSON"),
    ("{", "JSON"),
    ("[]", "object"),
    ("null", "object"),
    ("{}{}", "JSON"),
    (r#"{"nosuch":1}"#, "nosuch"),
    (r#"{"envoy":{"nosuch":1}}"#, "envoy.nosuch"),
    (r#"{"envoy":{"attach":"sideways"}}"#, "envoy.attach"),
    (r#"{"envoy":{"mode":"fat"}}"#, "envoy.mode"),
    (r#"{"envoy":{"header":"yes"}}"#, "envoy.header"),
    (r#"{"envoy":[]}"#, "envoy"),
    (r#"{"tight_margin":"110%"}"#, "tight_margin"),
    (r#"{"tight_margin":10}"#, "tight_margin"),
    (r#"{"summary_every":"-60s"}"#, "summary_every"),
    (r#"{"summary_every":"60"}"#, "summary_every"),
    (r#"{"reorder":"-1s"}"#, "reorder"),
    (r#"{"max_upstreams":0}"#, "max_upstreams"),
    (r#"{"max_upstreams":1e9}"#, "max_upstreams"),
    (r#"{"records_per_second":-1}"#, "records_per_second"),
    (r#"{"hosts":"shown"}"#, "hosts"),
    (r#"{"upstreams":{"cart":{"timeout":"-1s"}}}"#, "upstreams.cart.timeout"),
    (r#"{"upstreams":{"cart":{"nosuch":1}}}"#, "upstreams.cart.nosuch"),
];

#[test]
fn an_invalid_configuration_is_refused_with_the_name_of_the_field() {
    let proxy = proxy();
    for (configuration, named) in INVALID {
        assert_eq!(proxy.canary(configuration.as_bytes()), Err(Failure::Refused), "{configuration}");
        let logged = proxy.take_log();
        let is_named = logged.iter().any(|line| line.level >= 3 && line.text.contains(named));
        assert!(is_named, "{configuration}: {named} not in {logged:?}");
    }
}

#[test]
fn an_invalid_configuration_over_xds_does_not_stop_the_old_plugin() {
    for (configuration, _) in INVALID {
        let mut fixture = Fixture::with("{}");
        assert_eq!(fixture.vm.configure(configuration), Err(Failure::Refused));
        fixture.assert_alive();
    }
}

#[test]
fn invalid_utf_8_and_a_mebibyte_of_nesting_are_refused() {
    let proxy = proxy();
    let nested = b"[".repeat(1 << 20);
    let objects = br#"{"envoy":"#.repeat(1 << 17);
    let names = format!(r#"{{"{}":1}}"#, "x".repeat(1 << 20));
    for configuration in [b"\xff\xfe\0".as_slice(), &nested, &objects, names.as_bytes()] {
        assert_eq!(proxy.canary(configuration), Err(Failure::Refused), "{} bytes", configuration.len());
        let logged = proxy.take_log();
        assert!(logged.iter().all(|line| line.text.len() < 1_000), "a message is one short line");
    }
}

#[test]
fn an_empty_configuration_means_all_defaults() {
    Fixture::with("").assert_alive();
    Fixture::with("{}").assert_alive();
    Fixture::with(" \n{ } \n").assert_alive();
}

#[test]
fn sections_of_other_hosts_are_ignored() {
    Fixture::with(r#"{"fluent_bit":{"mode":"annotate"},"edge":{}}"#).assert_alive();
}
