//! The configuration that Envoy Gateway generates from examples/envoy-gateway.

use serde_json::{Value, json};

use crate::harness::{GeneratedConfig, assert_retry_reported, manifest};

/// Cluster name: Envoy Gateway creates a cluster per rule of a route.
const UPSTREAM: &str = "httproute/shop/cart/rule/0";

#[test]
fn the_policy_and_the_proxy_report_a_retry() {
    let policy = manifest("examples/envoy-gateway/policy.yaml");
    let wasm = &policy["spec"]["wasm"][0];
    let proxy = manifest("examples/envoy-gateway/proxy.yaml");
    let mut gateway = GeneratedConfig::with_cluster(UPSTREAM);
    gateway.add_filter(&wasm["rootID"], "envoyextensionpolicy/shop/nearmiss/wasm/0", &wasm["config"]);
    let log = &proxy["spec"]["telemetry"]["accessLog"]["settings"][0];
    assert_eq!(log["sinks"], json!([{"type": "File", "file": {"path": "/dev/stdout"}}]));
    gateway.add_access_log(&log["format"]["json"]);
    for patch in proxy["spec"]["bootstrap"]["jsonPatches"].as_array().expect("patches") {
        add(gateway.stats_config(), patch);
    }
    let (envoy, _hosts) = gateway.run();
    assert_retry_reported(&envoy, UPSTREAM);
}

#[test]
fn the_margin_histogram_has_the_same_buckets_in_all_examples() {
    let expected = manifest("examples/prometheus/envoy.yaml");
    let proxy = manifest("examples/envoy-gateway/proxy.yaml");
    let mut patched = json!({"stats_tags": []});
    for patch in proxy["spec"]["bootstrap"]["jsonPatches"].as_array().expect("patches") {
        add(&mut patched, patch);
    }
    assert_eq!(patched, expected["stats_config"]);
}

/// Applies a JSON patch to `stats_config`: appends to a list or sets a field.
fn add(stats_config: &mut Value, patch: &Value) {
    assert_eq!(patch["op"], "add");
    let path = patch["path"].as_str().expect("a path");
    let name = path.strip_prefix("/stats_config/").expect("a path below stats_config");
    match name.strip_suffix("/-") {
        Some(list) => stats_config[list].as_array_mut().expect("a list").push(patch["value"].clone()),
        None => stats_config[name] = patch["value"].clone(),
    }
}
