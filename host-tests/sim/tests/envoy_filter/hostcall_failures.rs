//! Any hostcall may fail with any status at any time: the filter survives.

use std::collections::BTreeSet;

use sim::proxy_wasm::{HttpCallResponse, RootId, Status, Stream};
use wasmtime::{Engine, Module};

use crate::harness::{Fixture, proxy, retried};

/// Hostcalls of a plugin with traffic and a collector.
const CALLS: [&str; 16] = [
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_define_metric",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_set_property",
    "proxy_set_shared_data",
    "random_get",
];

/// Hostcalls of a plugin that starts, besides these.
const START_CALLS: [&str; 1] = ["proxy_set_tick_period_milliseconds"];

const FILTER: &str = r#"{"hosts":"hashed","envoy":{"header":true}}"#;
const LOGGER: &str = r#"{"envoy":{"attach":"log","collector":{"cluster":"otel"}}}"#;

/// More calls than one exchange makes of one hostcall.
const DEEPEST: u64 = 16;

/// A filter that logs its records, and an access logger that sends them to a collector.
struct Plugins {
    fixture: Fixture,
    logger: RootId,
}

impl Plugins {
    fn start() -> Self {
        let mut fixture = Fixture::with(FILTER);
        let logger = fixture.vm.configure(LOGGER).unwrap_or_else(|failure| panic!("{failure}"));
        Self { fixture, logger }
    }

    /// Runs exchanges through both plugins, then their ticks; the collector answers.
    fn mixed_traffic(&mut self) {
        let Self { fixture, logger } = self;
        fixture.exchange(Stream::ok("cart"));
        fixture.exchange(Stream { max_attempts: Some(4.0), ..retried("cart") });
        fixture.exchange(Stream::ok("cart").with_status(503));
        fixture.exchange(Stream { tier: Some("fallback".to_owned()), ..retried("search") });
        fixture.vm.log_exchange(*logger, retried("cart"));
        fixture.proxy.set_clock_us(fixture.proxy.clock_us() + 1_000_000);
        for root in [fixture.root, *logger] {
            fixture.vm.tick(root).unwrap_or_else(|failure| panic!("{failure}"));
        }
        for call in fixture.vm.take_http_calls() {
            let response = HttpCallResponse::of(200, r#"{"partialSuccess":{"rejectedLogRecords":"1"}}"#);
            let result = fixture.vm.http_call_response(*logger, call.token, Some(response));
            result.unwrap_or_else(|failure| panic!("{failure}"));
        }
    }
}

#[test]
fn the_lists_are_the_imports_of_the_module_and_the_traffic_makes_every_call() {
    let module = Module::from_file(&Engine::default(), artifact::envoy_module()).unwrap();
    let imports: BTreeSet<_> = module.imports().map(|import| import.name().to_owned()).collect();
    let listed: BTreeSet<_> = CALLS.into_iter().chain(START_CALLS).map(str::to_owned).collect();
    assert_eq!(listed, imports);
    let mut plugins = Plugins::start();
    plugins.fixture.vm.take_calls();
    plugins.mixed_traffic();
    let calls = plugins.fixture.vm.take_calls();
    let missing: Vec<_> = CALLS.into_iter().filter(|call| calls.of(call) == 0).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_status_of_any_hostcall_kills_the_vm() {
    for call in CALLS {
        let mut plugins = Plugins::start();
        for status in Status::FAILURES {
            for nth in 1..=DEEPEST {
                plugins.fixture.vm.inject(call, nth, status);
                plugins.mixed_traffic();
                plugins.fixture.vm.clear_faults();
            }
        }
        plugins.fixture.assert_alive();
    }
}

#[test]
fn a_hostcall_that_always_fails_does_not_kill_the_vm() {
    for call in CALLS {
        for status in Status::FAILURES {
            let mut plugins = Plugins::start();
            plugins.fixture.vm.inject(call, 0, status);
            plugins.mixed_traffic();
            plugins.mixed_traffic();
            plugins.fixture.vm.clear_faults();
            // A metric that could not be defined may stay missing, but not the verdict.
            let after = plugins.fixture.exchange(retried("later"));
            assert!(after.annotation().is_some_and(|text| text.starts_with("retried;")), "{call} {status:?}");
        }
    }
}

#[test]
fn a_hostcall_that_fails_at_plugin_start_does_not_kill_the_vm() {
    let proxy = proxy();
    for call in CALLS.into_iter().chain(START_CALLS) {
        for status in Status::FAILURES {
            let mut vm = proxy.worker();
            vm.inject(call, 0, status);
            if let Ok(root) = vm.configure(FILTER) {
                vm.clear_faults();
                vm.exchange(root, Stream::ok("cart"));
            }
            vm.clear_faults();
            vm.configure(FILTER).unwrap_or_else(|failure| panic!("{call} {status:?}: {failure}"));
        }
    }
}

#[test]
fn a_metric_keeps_counting_after_one_failed_increment() {
    let mut fixture = Fixture::with("{}");
    fixture.exchange(Stream::ok("cart"));
    fixture.vm.inject("proxy_increment_metric", 1, Status::InternalFailure);
    fixture.exchange(Stream::ok("cart"));
    fixture.exchange(Stream::ok("cart"));
    assert!(fixture.fates("cart")["clean"] >= 2);
}
