//! Runs scenarios on the edge module in Node, through its real glue code. Each exchange is rendered as the options
//! that a gateway's JavaScript passes.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{ExchangeLine, Scenario, ScenarioEvent};

/// Returns the records that the module emits in each scenario.
///
/// # Panics
///
/// If Node does not run, or the module refuses a scenario.
pub fn run_all(scenarios: &[Scenario]) -> Vec<Vec<String>> {
    let input = |scenario: &Scenario| {
        json!({
            "name": scenario.name,
            "config": scenario.config,
            "source": scenario.source(),
            "steps": scenario.events().iter().map(|event| step(scenario, event)).collect::<Vec<_>>(),
        })
    };
    let input = Value::Array(scenarios.iter().map(input).collect());
    let mut node = Command::new("node")
        .arg(artifact::root().join("host-tests/edge/support/run-scenarios.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("node could not be started: {error}"));
    node.stdin.take().expect("a pipe").write_all(input.to_string().as_bytes()).expect("Node reads its input");
    let output = node.wait_with_output().expect("Node ends");
    assert!(output.status.success(), "Node ended with {}", output.status);
    let text = String::from_utf8(output.stdout).expect("records are text");
    text.lines().map(|line| serde_json::from_str(line).expect("an array of records")).collect()
}

fn step(scenario: &Scenario, event: &ScenarioEvent<'_>) -> Value {
    match event {
        ScenarioEvent::Exchange(_, line) => {
            let exchange = render(&ExchangeLine::read(line));
            let exchange =
                exchange.unwrap_or_else(|field| panic!("{}: no `{field}` at the edge", scenario.name));
            json!({ "exchange": exchange })
        }
        ScenarioEvent::Wake(at) => json!({ "wake": millis(*at) }),
        ScenarioEvent::Finish => json!({ "finish": true }),
    }
}

/// Renders an exchange as a gateway sees it. The error names a field that a gateway cannot know.
fn render(line: &ExchangeLine) -> Result<Value, &'static str> {
    let unsupported = [
        (line.flags.is_some(), "flags"),
        (line.client_trusted.is_some(), "client_trusted"),
        (line.attempt_log.iter().any(|attempt| attempt.reason.is_some()), "attempt_log.reason"),
    ];
    if let Some((_, field)) = unsupported.into_iter().find(|(used, _)| *used) {
        return Err(field);
    }
    let attempts = line.attempt_log.iter().map(|attempt| {
        let duration = attempt.duration_us().map(millis);
        json!({ "host": attempt.host, "status": attempt.status, "durationMs": duration })
    });
    let mut exchange = json!({
        "upstream": line.upstream,
        "endedMs": millis(line.ts_us()),
        "status": line.status,
        "durationMs": millis(line.duration_us()),
        "attempts": line.attempts.unwrap_or(1),
        "host": line.host,
        "route": line.route,
        "maxAttempts": line.max_attempts,
        "timeout": line.timeout_ms,
        "deadline": line.deadline_ms,
        "timeoutUsed": line.timeout_used_ms,
        "deadlineUsed": line.deadline_used_ms,
        "service": line.service_ms,
        "reason": line.reason,
        "rejected": line.rejected,
        "failOpen": line.fail_open,
        "pool": line.pool,
        "stream": line.stream,
        "grpcStatus": line.grpc_status,
        "bytes": line.bytes,
        "partial": line.partial,
        "aborted": line.aborted,
        "hedged": line.hedged,
        "cacheStatus": line.cache_status,
        "proxyStatus": line.proxy_status,
        "clientAttempt": line.client_attempt,
        "quotaRemaining": line.quota_remaining,
        "quotaLimit": line.quota_limit,
        "attemptLog": attempts.collect::<Vec<_>>(),
        "traceId": line.trace_id,
    });
    if let Some(substitute) = &line.fallback {
        exchange[substitute.as_str()] = json!(true);
    }
    Ok(without_nulls(exchange))
}

/// Converts microseconds to JavaScript's fractional milliseconds.
fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// Removes null fields: in JavaScript an unknown value is absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let known = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(known.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
