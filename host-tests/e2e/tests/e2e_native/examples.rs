//! Every file in examples/envoy-native works as its README describes.

use real::{Client, Envoy, EnvoyCommand, Origin, Request, eventually, repository_file, start_example};
use serde_json::{Value, json};

use crate::form::{filter, settle};
use crate::harness::{Origins, counts, fate};

/// Sends a retry and a fallback, as in the README; returns Envoy, its hosts and the response headers.
fn try_out(name: &str) -> (Envoy, Vec<Origin>, [Option<String>; 2]) {
    let (envoy, hosts) = start_example(&format!("examples/envoy-native/{name}"));
    let mut client = Client::new(envoy.port);
    let headers = [("one", "503,200"), ("two", "503,503,200")].map(|(exchange, script)| {
        let response = client.send(&Request::get("/").script(exchange, script));
        assert_eq!(response.status, 200);
        response.header("near-miss").map(str::to_owned)
    });
    eventually("two lines in the access log", || {
        (envoy.access_log_text().lines().count() == 2).then_some(())
    });
    settle(&envoy);
    (envoy, hosts, headers)
}

#[test]
fn http_annotates_responses_and_has_the_metrics_of_the_wasm_module() {
    let (envoy, _hosts, headers) = try_out("http.yaml");
    assert_eq!(headers.map(|header| fate(header.as_deref()).to_owned()), ["retried", "fallback"]);
    let log = envoy.access_log_text();
    assert!(log.contains(r#""near_miss":"retried;attempts=2"#), "{log}");
    let metrics = envoy.admin_page("/stats/prometheus");
    for (fate, count) in [("retried", 1), ("fallback", 1)] {
        let series = format!("\nnearmiss_exchanges_total{{upstream=\"cart\",fate=\"{fate}\"}} {count}\n");
        assert!(metrics.contains(&series), "no {series} in\n{metrics}");
    }
    assert!(metrics.contains("\nnearmiss_margin_bp_count{upstream=\"cart\"} 2\n"), "{metrics}");
}

#[test]
fn log_counts_by_fate() {
    let (envoy, _hosts, headers) = try_out("log.yaml");
    assert_eq!(headers, [None, None]);
    let metrics = envoy.admin_page("/stats/prometheus");
    assert!(metrics.contains("\nnearmiss_exchanges_total{fate=\"retried\"} 2\n"), "{metrics}");
}

#[test]
fn upstream_records_each_attempt() {
    let (envoy, hosts, _) = try_out("upstream.yaml");
    let record = envoy.wait_for_record("the fallback", |record| record["fate"] == "fallback");
    let statuses: Vec<_> = record["attempt_log"]
        .as_array()
        .expect("attempts")
        .iter()
        .map(|attempt| attempt["status"].as_u64())
        .collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(200)], "{record}");
    assert_eq!(record["attempt_log"][2]["host"], format!("127.0.0.1:{}", hosts[2].port), "{record}");
}

#[test]
fn the_filter_of_the_istio_example_reports_a_retry() {
    let manifest: Value =
        serde_yaml_ng::from_str(&repository_file("examples/envoy-native/istio.yaml")).expect("YAML");
    let mut patched = manifest["spec"]["configPatches"][0]["patch"]["value"].clone();
    let module = &mut patched["typed_config"]["dynamic_module_config"]["module"]["local"]["filename"];
    assert_eq!(*module, "/var/local/nearmiss/libnearmiss_envoy.so");
    *module = json!(artifact::native_module());
    assert_eq!(patched["name"], filter("{}")["name"]);
    let origins = Origins::start();
    let bootstrap = origins.bootstrap().filter(patched);
    let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    assert_eq!(fate(harness.get("/cart", "one", "503,200").near_miss.as_deref()), "retried");
    assert_eq!(harness.fates("cart"), counts(&[("retried", 1)]));
}
