//! Attempts that no HTTP filter reads: those of an access logger's exchanges, and of exchanges that no place judges.

use real::EnvoyCommand;

use crate::attempt_log::{assert_attempts_recorded, bootstrap};
use crate::form::{logger, upstream_filter};
use crate::harness::{Harness, Origins};

const LOG: &str =
    r#"{"records_per_second":1000000,"records_per_second_total":1000000,"envoy":{"attach":"log"}}"#;

/// Starts one worker, with the module as an access logger and as an upstream filter.
fn log_and_upstream() -> Harness {
    let origins = Origins::start();
    let bootstrap = bootstrap(&origins).logger(logger(LOG)).upstream_filter(upstream_filter());
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

#[test]
fn the_access_logger_records_each_attempt_that_the_origins_saw() {
    assert_attempts_recorded(log_and_upstream());
}

#[test]
fn an_upstream_filter_alone_counts_attempts_and_warns_that_no_exchange_is_judged() {
    let origins = Origins::start();
    let bootstrap = bootstrap(&origins).upstream_filter(upstream_filter());
    let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    for (exchange, script) in [("one", "200"), ("two", "503,reset,200"), ("three", "503")] {
        assert_eq!(harness.get("/attempts/", exchange, script).near_miss, None);
    }
    let stats = harness.envoy.nearmiss_stats();
    assert_eq!((stats.attempts("attempts"), harness.hosts[0].arrivals.count()), (8, 8));
    assert_eq!(stats.exchanges(), 0);
    let log = harness.finish();
    let warnings = log.iter().filter(|line| line.contains("attached to upstreams only"));
    assert_eq!(warnings.count(), 1, "{}", log.join("\n"));
}
