//! Runs a scenario on the Envoy module: each exchange is rendered as the stream that Envoy would show.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ExchangeLine, Scenario, ScenarioEvent};
use crate::proxy_wasm::{Proxy, Stream, Vm};

/// Envoy's response flags; the index is the bit.
const FLAGS: [&str; 29] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR",
];

/// Returns the records that the module emits, attached as `http` or as `log`.
///
/// # Panics
///
/// If the module traps, pauses the stream or refuses the configuration.
pub fn run(scenario: &Scenario, proxy: &Proxy, attach: &str) -> Vec<String> {
    run_prepared(scenario, proxy, attach, |_| {}).0.take_records()
}

/// Runs the scenario in a VM that `prepare` changes once its plugin is configured. Returns the process and the VM.
///
/// # Panics
///
/// If the module traps, pauses the stream or refuses the configuration.
pub fn run_prepared(
    scenario: &Scenario,
    proxy: &Proxy,
    attach: &str,
    prepare: impl FnOnce(&mut Vm),
) -> (Proxy, Vm) {
    let proxy = proxy.new_process();
    proxy.set_zero_random();
    let mut vm = proxy.worker();
    let config = with_attach(&scenario.config, attach);
    let (mut root, mut prepare) = (None, Some(prepare));
    for event in scenario.events() {
        if let ScenarioEvent::Exchange(at, _) | ScenarioEvent::Wake(at) = event {
            proxy.set_clock_us(at);
        }
        let root = *root.get_or_insert_with(|| {
            let root = vm.configure(&config).unwrap_or_else(|failure| panic!("{}: {failure}", scenario.name));
            if let Some(prepare) = prepare.take() {
                prepare(&mut vm);
            }
            root
        });
        match event {
            ScenarioEvent::Exchange(at, line) => {
                let line = ExchangeLine::read(line);
                assert_eq!(line.ts_us(), at, "{}: Envoy logs an exchange at its end", scenario.name);
                let stream =
                    render(&line).unwrap_or_else(|field| panic!("{}: no `{field}` in Envoy", scenario.name));
                match attach {
                    "log" => vm.log_exchange(root, stream),
                    _ => vm.exchange(root, stream),
                };
            }
            ScenarioEvent::Wake(_) => {
                vm.tick(root).unwrap_or_else(|failure| panic!("{}: {failure}", scenario.name))
            }
            ScenarioEvent::Finish => {
                vm.shut_down(root).unwrap_or_else(|failure| panic!("{}: {failure}", scenario.name))
            }
        }
    }
    (proxy, vm)
}

fn with_attach(config: &Value, attach: &str) -> String {
    let mut config = config.clone();
    if !config["envoy"].is_object() {
        config["envoy"] = json!({});
    }
    config["envoy"]["attach"] = json!(attach);
    config.to_string()
}

/// Renders an exchange as Envoy shows it.
///
/// # Errors
///
/// Returns the name of a field that Envoy cannot show.
pub fn render(line: &ExchangeLine) -> Result<Stream, &'static str> {
    check_supported(line)?;
    let mut stream = Stream::ok(&line.upstream).with_status(line.status);
    if line.status == 0 {
        stream.response_headers = None;
    }
    if line.upstream == "none" {
        stream.cluster = None;
    }
    stream.host = line.host.clone();
    stream.route = line.route.clone().unwrap_or_default();
    stream.attempts = line.attempts.unwrap_or(1);
    stream.duration = Duration::from_micros(line.duration_us());
    stream.backend_latency = (stream.attempts == 1).then_some(stream.duration);
    stream.max_attempts = line.max_attempts.map(f64::from);
    stream.flags = line.flags.as_deref().map_or(0, bits);
    if line.aborted {
        stream.flags |= bits("DC");
    }
    stream.tier = line.fallback.clone();
    stream.response_bytes = line.bytes.unwrap_or(0);
    if let Some(reason) = &line.reason {
        stream.code_details = Some(reason.clone());
    }
    if line.fail_open {
        stream = stream.with_request_header("x-envoy-auth-failure-mode-allowed", "true");
    }
    if line.client_trusted == Some(false) {
        stream = stream.with_request_header("x-envoy-external-address", "203.0.113.9");
    }
    if let Some(timeout) = line.timeout_ms {
        stream = stream.with_request_header("x-envoy-expected-rq-timeout-ms", timeout.to_string());
    }
    if let Some(attempt) = line.client_attempt {
        stream = stream.with_request_header("amz-sdk-request", format!("attempt={attempt}; max=9"));
    }
    for (name, value) in [("cache-status", &line.cache_status), ("proxy-status", &line.proxy_status)] {
        if let Some(value) = value {
            stream = stream.with_response_header(name, value);
        }
    }
    if let (Some(remaining), Some(limit)) = (line.quota_remaining, line.quota_limit) {
        stream = stream.with_response_header("x-ratelimit-remaining", remaining.to_string());
        stream = stream.with_response_header("x-ratelimit-limit", limit.to_string());
    }
    if let Some(status) = line.grpc_status {
        stream = stream.with_response_header("content-type", "application/grpc");
        stream.response_trailers = Some(vec![(b"grpc-status".to_vec(), status.to_string().into_bytes())]);
    }
    if let [only] = line.attempt_log.as_slice() {
        stream.backend_latency = only.duration_us().map(Duration::from_micros);
    }
    Ok(stream)
}

/// Returns the first field that Envoy cannot show; a scenario that uses one must not list Envoy in `hosts`.
fn check_supported(line: &ExchangeLine) -> Result<(), &'static str> {
    let unsupported = [
        (line.deadline_ms.is_some(), "deadline_ms"),
        (line.partial, "partial"),
        (line.hedged, "hedged"),
        (line.fallback.as_deref() == Some("stale"), "fallback: stale"),
        (line.attempt_log.len() > 1, "attempt_log"),
        (line.trace_id.is_some(), "trace_id"),
        (line.timeout_used_ms.is_some(), "timeout_used_ms"),
        (line.deadline_used_ms.is_some(), "deadline_used_ms"),
        (line.service_ms.is_some(), "service_ms"),
        (line.rejected, "rejected"),
        (line.pool, "pool"),
        (line.stream, "stream"),
        (line.client_trusted == Some(true), "client_trusted"),
    ];
    match unsupported.into_iter().find(|(used, _)| *used) {
        Some((_, field)) => Err(field),
        None => Ok(()),
    }
}

fn bits(names: &str) -> u64 {
    let bit = |name: &str| {
        FLAGS.iter().position(|known| *known == name).unwrap_or_else(|| panic!("no flag {name}"))
    };
    names.split(',').map(|name| 1 << bit(name)).sum()
}
