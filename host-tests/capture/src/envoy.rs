//! Envoy with its default text format, Istio's, and JSON.

use super::case::{Case, Expected, GroundTruth};
use super::driver::{CapturedLog, Fixture, Logs};
use super::executable::Executable;
use nearmiss::Fate;
use real::{cluster, envoy_binary, route};
use serde_json::{Value, json};

const TEXT: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";
const ISTIO: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

const CASES: [Case; 17] = [
    Case::new("ok", "/search/", "200"),
    Case::new("not-found", "/search/", "404"),
    Case::new("late", "/search/", "late:120"),
    Case::new("retried-503", "/search/", "503,200"),
    Case::new("retried-502-504", "/search/", "502,504,200"),
    Case::new("retried-reset", "/search/", "reset,200"),
    Case::new("retried-hang", "/hang/", "hang,200"),
    Case::new("exhausted-503", "/search/", "503"),
    Case::new("exhausted-reset", "/search/", "reset"),
    Case::new("exhausted-hang", "/hang/", "hang"),
    Case::new("quota", "/search/", "429"),
    Case::new("cut", "/search/", "cut"),
    Case::new("client-left", "/plain/", "hang").client_aborts(),
    Case::new("all-refused", "/refused/", "200").refused(4),
    Case::new("gone", "/gone/", "200"),
    Case::new("local", "/local/", ""),
    Case::new("no-route", "/nowhere/", ""),
];

/// Runs all cases.
pub(super) fn capture() -> Vec<CapturedLog> {
    let program = Executable::at(envoy_binary(), &["--version"]);
    let fixture = Fixture::new();
    let json: Value = json!({
        "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%",
        "response_code_details": "%RESPONSE_CODE_DETAILS%", "duration": "%DURATION%", "bytes_sent": "%BYTES_SENT%",
        "upstream_cluster": "%UPSTREAM_CLUSTER%", "upstream_host": "%UPSTREAM_HOST%", "route_name": "%ROUTE_NAME%",
        "upstream_request_attempt_count": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    });
    let config = fixture.write("envoy.json", &config(&fixture, &json).to_string());
    let arguments =
        ["-c", &config, "--file-flush-interval-msec", "10", "--use-dynamic-base-id", "--concurrency", "1"];
    let running = fixture.start(&program, &arguments);
    let logs = Logs {
        files: &["text.log", "istio.log", "json.log"],
        is_line: |_| true,
        formats: vec![
            ("envoy", TEXT.trim_end().to_owned()),
            ("istio", ISTIO.trim_end().to_owned()),
            ("envoy-json", json.to_string()),
        ],
        expected,
    };
    fixture.capture(&running, &CASES, logs)
}

/// The text formats lack the number of attempts, so a retried exchange is clean in them.
fn expected(format: &str, case: &Case, truth: &GroundTruth) -> Expected {
    let shows_attempts = format == "envoy-json";
    // Envoy counts an attempt for which it has no host.
    let attempts = if case.name == "gone" { 1 } else { truth.attempts };
    let fate = if truth.fate == Fate::Retried && !shows_attempts { Fate::Clean } else { truth.fate };
    Expected { fate, attempts: shows_attempts.then_some(attempts) }
}

fn config(fixture: &Fixture, json: &Value) -> Value {
    let Fixture { origins, port, .. } = fixture;
    let path = fixture.path();
    let hosts: Vec<_> = origins.hosts.iter().map(|host| host.port).collect();
    let retry = |per_try_timeout: &str| {
        json!({"timeout": "40s", "retry_policy": {
            "retry_on": "5xx,reset,connect-failure", "num_retries": 3, "per_try_timeout": per_try_timeout,
            "retry_back_off": {"base_interval": "0.001s"},
        }})
    };
    let (patient, hang) = (retry("40s"), retry("1s"));
    let logger = |file: &str, format: Value| {
        json!({"name": "envoy.access_loggers.file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": format!("{path}/{file}"), "log_format": format,
        }})
    };
    let text = |format: &str| json!({"text_format_source": {"inline_string": format}});
    let local = json!({"name": "local", "match": {"prefix": "/local/"}, "direct_response": {"status": 204}});
    json!({
        "static_resources": {
            "clusters": [
                cluster("search", &hosts), cluster("refused", &[origins.refusing.port]), cluster("gone", &[]),
            ],
            "listeners": [{
                "name": "main",
                "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                        "stat_prefix": "main",
                        "access_log": [
                            logger("text.log", text(TEXT)), logger("istio.log", text(ISTIO)),
                            logger("json.log", json!({"json_format": json})),
                        ],
                        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
                        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                            route("/search/", "search", &patient), route("/hang/", "search", &hang),
                            route("/plain/", "search", &json!({"timeout": "40s"})),
                            route("/refused/", "refused", &patient), route("/gone/", "gone", &patient), local,
                        ]}]},
                    },
                }]}],
            }],
        },
    })
}
