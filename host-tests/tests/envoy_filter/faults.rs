//! Any call may fail with any status, at any time: the filter shrugs.

use host_tests::sim::proxy_wasm::{Status, Stream};

use crate::stage::{Stage, proxy, retried};

/// Every call that a filter of ours makes.
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

/// More than any exchange makes of one call.
const DEEPEST: u64 = 16;

fn a_bit_of_everything(stage: &mut Stage) {
    stage.pass(Stream::ok("cart"));
    stage.pass(retried("cart"));
    stage.pass(Stream::ok("cart").with_status(503));
    stage.pass(Stream { tier: Some("fallback".to_owned()), ..retried("search") });
    stage.vm.tick(stage.root).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn no_status_of_any_call_kills_the_vm() {
    for call in CALLS {
        let mut stage = Stage::with(r#"{"envoy":{"header":true}}"#);
        for status in Status::FAILURES {
            for nth in 1..=DEEPEST {
                stage.vm.inject(call, nth, status);
                a_bit_of_everything(&mut stage);
                stage.vm.clear_faults();
            }
        }
        stage.assert_alive();
    }
}

#[test]
fn a_call_that_always_fails_kills_nothing_either() {
    for call in CALLS {
        for status in Status::FAILURES {
            let mut stage = Stage::with(r#"{"envoy":{"header":true}}"#);
            stage.vm.inject(call, 0, status);
            a_bit_of_everything(&mut stage);
            a_bit_of_everything(&mut stage);
            stage.vm.clear_faults();
            // What could not be defined when it was needed may stay away; the verdict may not.
            let after = stage.pass(retried("later"));
            assert!(after.annotation().is_some_and(|text| text.starts_with("retried;")), "{call} {status:?}");
        }
    }
}

#[test]
fn a_call_that_fails_while_the_plugin_starts_kills_nothing() {
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
fn an_exchange_whose_metric_failed_once_is_not_the_end_of_the_metric() {
    let mut stage = Stage::with("{}");
    stage.pass(Stream::ok("cart"));
    stage.vm.inject("proxy_increment_metric", 1, Status::InternalFailure);
    stage.pass(Stream::ok("cart"));
    stage.pass(Stream::ok("cart"));
    assert!(stage.fates("cart")["clean"] >= 2);
}
