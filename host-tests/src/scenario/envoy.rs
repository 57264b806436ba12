//! The Envoy module tells a story: each exchange rendered as what Envoy would show of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Event, Line, Scenario};
use crate::sim::proxy_wasm::{Proxy, Stream, Vm};

/// Envoy's flags, each at its bit.
const FLAGS: [&str; 29] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR",
];

/// The records the module leaves, attached as `http` or as `log`.
///
/// # Panics
///
/// If the module does anything but listen and tell.
pub fn tell(scenario: &Scenario, proxy: &Proxy, attach: &str) -> Vec<String> {
    play(scenario, proxy, attach, |_| {}).0.take_records()
}

/// The same, in a VM to which something is done once its plugin is configured; leaves the process and that VM.
///
/// # Panics
///
/// If the module does anything but listen and tell.
pub fn play(scenario: &Scenario, proxy: &Proxy, attach: &str, prepare: impl FnOnce(&mut Vm)) -> (Proxy, Vm) {
    let proxy = proxy.fresh();
    let mut vm = proxy.worker();
    let config = with_attach(&scenario.config, attach);
    let (mut root, mut prepare) = (None, Some(prepare));
    for event in scenario.events() {
        if let Event::Exchange(at, _) | Event::Wake(at) = event {
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
            Event::Exchange(at, line) => {
                let line = Line::read(line);
                assert_eq!(
                    line.ts_us(),
                    at,
                    "{}: in Envoy an exchange is over when it is over",
                    scenario.name
                );
                let stream =
                    render(&line).unwrap_or_else(|field| panic!("{}: no `{field}` in Envoy", scenario.name));
                match attach {
                    "log" => vm.logged(root, stream),
                    _ => vm.exchange(root, stream),
                };
            }
            Event::Wake(_) => vm.tick(root).unwrap_or_else(|failure| panic!("{}: {failure}", scenario.name)),
            Event::Finish => {
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

/// What Envoy shows of an exchange; the error is a field it has no way to show.
fn render(line: &Line) -> Result<Stream, &'static str> {
    refuse(line)?;
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

/// A story with such a field leaves Envoy out of its `hosts`.
fn refuse(line: &Line) -> Result<(), &'static str> {
    let hidden = [
        (line.deadline_ms.is_some(), "deadline_ms"),
        (line.partial, "partial"),
        (line.hedged, "hedged"),
        (line.fallback.as_deref() == Some("stale"), "fallback: stale"),
        (line.attempt_log.len() > 1, "attempt_log"),
        (line.trace_id.is_some(), "trace_id"),
    ];
    match hidden.into_iter().find(|(used, _)| *used) {
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
