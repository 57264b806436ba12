//! Any hostcall may fail with any status at any time: the filter survives.

use host_tests::sim::proxy_wasm::{Status, Stream};

use crate::harness::{Fixture, proxy, retried};

/// Hostcalls that our filters make.
const CALLS: [&str; 14] = [
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_define_metric",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_set_property",
    "proxy_set_shared_data",
];

/// More calls than one exchange makes of one hostcall.
const DEEPEST: u64 = 16;

fn mixed_traffic(fixture: &mut Fixture) {
    fixture.exchange(Stream::ok("cart"));
    fixture.exchange(retried("cart"));
    fixture.exchange(Stream::ok("cart").with_status(503));
    fixture.exchange(Stream { tier: Some("fallback".to_owned()), ..retried("search") });
    fixture.vm.tick(fixture.root).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn no_status_of_any_hostcall_kills_the_vm() {
    for call in CALLS {
        let mut fixture = Fixture::with(r#"{"envoy":{"header":true}}"#);
        for status in Status::FAILURES {
            for nth in 1..=DEEPEST {
                fixture.vm.inject(call, nth, status);
                mixed_traffic(&mut fixture);
                fixture.vm.clear_faults();
            }
        }
        fixture.assert_alive();
    }
}

#[test]
fn a_hostcall_that_always_fails_does_not_kill_the_vm() {
    for call in CALLS {
        for status in Status::FAILURES {
            let mut fixture = Fixture::with(r#"{"envoy":{"header":true}}"#);
            fixture.vm.inject(call, 0, status);
            mixed_traffic(&mut fixture);
            mixed_traffic(&mut fixture);
            fixture.vm.clear_faults();
            // A metric that could not be defined may stay missing, but not the verdict.
            let after = fixture.exchange(retried("later"));
            assert!(after.annotation().is_some_and(|text| text.starts_with("retried;")), "{call} {status:?}");
        }
    }
}

#[test]
fn a_hostcall_that_fails_at_plugin_start_does_not_kill_the_vm() {
    let proxy = proxy();
    for call in CALLS.into_iter().chain(["proxy_set_tick_period_milliseconds", "proxy_get_log_level"]) {
        for status in Status::FAILURES {
            let mut vm = proxy.worker();
            vm.inject(call, 0, status);
            if let Ok(root) = vm.configure("{}") {
                vm.clear_faults();
                vm.exchange(root, Stream::ok("cart"));
            }
            vm.clear_faults();
            vm.configure("{}").unwrap_or_else(|failure| panic!("{call} {status:?}: {failure}"));
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
