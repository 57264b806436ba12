//! Configurations come and go; what is counted and learned stays, and an Envoy that lacks something is refused.

use real::{Client, EnvoyCommand, Request, eventually};
use serde_json::Value;

use crate::form::{filter, logger};
use crate::harness::{Origins, counts};

/// The release before the one that the native module needs; make installs it beside the one under test.
const TOO_OLD: &str = "1.39.3";

#[test]
fn an_older_envoy_is_refused_with_a_sentence() {
    let origins = Origins::start();
    for bootstrap in [origins.bootstrap().filter(filter("{}")), origins.bootstrap().logger(logger("{}"))] {
        let refused = EnvoyCommand::new().release(TOO_OLD).try_run(&bootstrap);
        let log = refused.err().expect("Envoy refuses the listener");
        assert!(
            log.contains("nearmiss: this module needs Envoy 1.40 or later; this Envoy has no `"),
            "{log}"
        );
    }
}

#[test]
fn a_broken_configuration_is_refused_with_its_field() {
    let origins = Origins::start();
    for (configuration, reason) in [
        (r#"{"nosuch":1}"#, "nearmiss: `nosuch`"),
        (r#"{"tight_margin":"250%"}"#, "nearmiss: `tight_margin`"),
    ] {
        let refused = EnvoyCommand::new().try_run(&origins.bootstrap().filter(filter(configuration)));
        let log = refused.err().expect("Envoy refuses the listener");
        assert!(log.contains(reason), "{log}");
    }
}

#[test]
fn a_configuration_is_validated() {
    let origins = Origins::start();
    let (valid, output) = EnvoyCommand::validate(&origins.bootstrap().filter(filter("{}")));
    assert!(valid, "{output}");
    let (valid, output) = EnvoyCommand::validate(&origins.bootstrap().filter(filter(r#"{"nosuch":1}"#)));
    assert!(!valid, "{output}");
}

#[test]
fn counters_and_what_is_learned_survive_updates_of_the_listener() {
    let origins = Origins::start();
    let configuration = |header: bool| format!(r#"{{"envoy":{{"header":{header}}}}}"#);
    let before = origins.bootstrap().filter(filter(&configuration(false)));
    let after = origins.bootstrap().filter(filter(&configuration(true)));
    let mut harness = origins.start_envoy(&EnvoyCommand::new().updatable(), &before);
    for number in 0..4 {
        assert_eq!(
            harness.get("/cart", &format!("before-{number}"), "503,200").response.header("near-miss"),
            None
        );
    }
    assert_eq!(harness.fates("cart"), counts(&[("retried", 4)]));
    for round in 0..4 {
        let now = if round % 2 == 0 { &after } else { &before };
        assert!(harness.envoy.update(now), "round {round}");
        eventually("the old listener to end", || {
            (harness
                .envoy
                .stats("total_listeners_draining")
                .value("listener_manager.total_listeners_draining")
                == 0)
                .then_some(())
        });
        assert_eq!(harness.fates("cart"), counts(&[("retried", 4)]), "round {round}");
    }
    assert!(harness.envoy.update(&after));
    harness.reconnect();
    let outcome = harness.get("/cart", "after", "503,200");
    assert!(outcome.response.header("near-miss").is_some(), "the new configuration applies");
    assert_eq!(harness.fates("cart"), counts(&[("retried", 5)]));
    let log = harness.stop();
    let summaries: Vec<Value> = summaries(&log);
    let sources: std::collections::BTreeSet<_> =
        summaries.iter().map(|summary| summary["source"].to_string()).collect();
    assert_eq!(sources.len(), 1, "one plugin reports, from beginning to end: {summaries:?}");
    let retried: u64 = summaries.iter().filter_map(|summary| summary["fates"]["retried"].as_u64()).sum();
    assert_eq!(retried, 5);
}

#[test]
fn one_reporter_reports_for_all_workers_and_at_the_end() {
    for as_filter in [true, false] {
        let origins = Origins::start();
        let bootstrap = origins.bootstrap();
        let bootstrap =
            if as_filter { bootstrap.filter(filter("{}")) } else { bootstrap.logger(logger("{}")) };
        let harness = origins.start_envoy(&EnvoyCommand::new().workers(4), &bootstrap);
        for number in 0..40 {
            let request = Request::get("/plain").script(&format!("exchange-{number}"), "200");
            Client::new(harness.envoy.port).send(&request);
        }
        harness.envoy.wait_for_exchanges(40);
        let log = harness.stop();
        let summaries = summaries(&log);
        let clean: u64 = summaries.iter().filter_map(|summary| summary["fates"]["clean"].as_u64()).sum();
        assert_eq!(clean, 40, "{summaries:?}");
        let sources: std::collections::BTreeSet<_> =
            summaries.iter().map(|summary| summary["source"].to_string()).collect();
        assert_eq!(sources.len(), 1, "{summaries:?}");
    }
}

/// Returns the summaries in a log.
pub(crate) fn summaries(log: &[String]) -> Vec<Value> {
    let json =
        log.iter().filter_map(|line| line.split_once("nearmiss {").map(|(_, rest)| format!("{{{rest}")));
    let records = json.filter_map(|json| serde_json::from_str::<Value>(&json).ok());
    records.filter(|record| record["type"] == "summary").collect()
}
