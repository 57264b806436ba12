//! Every way to get the configuration wrong is refused by name, and none kills the VM.

use host_tests::sim::proxy_wasm::Failure;

use crate::stage::{Stage, proxy};

/// A configuration, and what the message must contain.
const WRONG: [(&str, &str); 22] = [
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
fn a_wrong_configuration_is_refused_by_the_fields_name() {
    let proxy = proxy();
    for (configuration, named) in WRONG {
        assert_eq!(proxy.canary(configuration.as_bytes()), Err(Failure::Refused), "{configuration}");
        let said = proxy.take_log();
        let told = said.iter().any(|line| line.level >= 3 && line.text.contains(named));
        assert!(told, "{configuration}: {named} not in {said:?}");
    }
}

#[test]
fn a_wrong_configuration_over_xds_leaves_the_old_plugin_at_work() {
    for (configuration, _) in WRONG {
        let mut stage = Stage::with("{}");
        assert_eq!(stage.vm.configure(configuration), Err(Failure::Refused));
        stage.assert_alive();
    }
}

#[test]
fn bytes_that_are_no_text_and_a_mebibyte_of_nesting_are_refused() {
    let proxy = proxy();
    let nested = b"[".repeat(1 << 20);
    let objects = br#"{"envoy":"#.repeat(1 << 17);
    let names = format!(r#"{{"{}":1}}"#, "x".repeat(1 << 20));
    for configuration in [b"\xff\xfe\0".as_slice(), &nested, &objects, names.as_bytes()] {
        assert_eq!(proxy.canary(configuration), Err(Failure::Refused), "{} bytes", configuration.len());
        let said = proxy.take_log();
        assert!(said.iter().all(|line| line.text.len() < 1_000), "a message is one line to read");
    }
}

#[test]
fn an_empty_configuration_is_all_defaults() {
    Stage::with("").assert_alive();
    Stage::with("{}").assert_alive();
    Stage::with(" \n{ } \n").assert_alive();
}

#[test]
fn sections_of_other_hosts_are_passed_over() {
    Stage::with(r#"{"fluent_bit":{"mode":"annotate"},"edge":{}}"#).assert_alive();
}
