//! A panic in any hook ends there: the exchange is served, and Envoy goes on.

use real::{Collector, EnvoyCommand, cluster, native_filter_of, native_logger_of};

use crate::harness::Origins;

/// The hooks that run while Envoy serves; the test build panics in each that the environment names.
const HOOKS: [&str; 11] = [
    "filter_new",
    "request_headers",
    "response_headers",
    "response_trailers",
    "stream_complete",
    "filter_destroy",
    "config_scheduled",
    "callout_done",
    "config_destroy",
    "logger_new",
    "log",
];

#[test]
fn a_panic_in_a_hook_changes_no_exchange() {
    let module = artifact::panicking_module();
    let collector = Collector::start();
    for hook in HOOKS {
        let origins = Origins::start();
        let bootstrap = origins.bootstrap();
        let bootstrap = if hook.starts_with("log") {
            bootstrap.logger(native_logger_of(&module, "{}"))
        } else {
            let config = r#"{"envoy":{"header":true,"collector":"otel"}}"#;
            bootstrap.filter(native_filter_of(&module, config)).cluster(cluster("otel", &[collector.port]))
        };
        let command = EnvoyCommand::new().env("NEARMISS_PANIC", hook);
        let mut harness = origins.start_envoy(&command, &bootstrap);
        for number in 0..5 {
            let outcome = harness.get("/cart", &format!("exchange-{number}"), "503,200");
            assert_eq!(outcome.response.status, 200, "{hook}: {}", outcome.line);
        }
        let (reply, line) = harness.grpc_call("grpc", "trailers:0");
        assert_eq!((reply.status, reply.grpc_status.as_deref()), (200, Some("0")), "{hook}: {line}");
        if ["config_scheduled", "callout_done"].contains(&hook) {
            real::eventually("the report of the panic", || {
                harness.envoy.log().iter().any(|line| line.contains("nearmiss: panic in")).then_some(())
            });
        }
        let log = harness.stop();
        let reports = log.iter().filter(|line| line.contains(&format!("nearmiss: panic in `{hook}`")));
        assert_eq!(reports.count(), 1, "{hook}, once:\n{}", log.join("\n"));
        assert!(log.iter().any(|line| line == "exiting"), "{hook}: Envoy ends in order:\n{}", log.join("\n"));
    }
}

#[test]
fn a_panic_while_a_configuration_is_created_refuses_it() {
    let module = artifact::panicking_module();
    for (hook, as_filter) in [("config_new", true), ("logger_config_new", false)] {
        let bootstrap = Origins::start().bootstrap();
        let bootstrap = if as_filter {
            bootstrap.filter(native_filter_of(&module, "{}"))
        } else {
            bootstrap.logger(native_logger_of(&module, "{}"))
        };
        let refused = EnvoyCommand::new().env("NEARMISS_PANIC", hook).try_run(&bootstrap);
        let log = refused.err().expect("Envoy refuses the listener");
        assert!(log.contains(&format!("nearmiss: panic in `{hook}`")), "{log}");
    }
}
