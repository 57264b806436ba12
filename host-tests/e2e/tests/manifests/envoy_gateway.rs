//! The configuration that Envoy Gateway generates from examples/envoy-gateway.

use real::eventually;
use serde_json::{Value, json};

use crate::harness::{GeneratedConfig, apply_patches, assert_retry_reported, manifest};

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
    gateway.patch(&proxy);
    let (envoy, _hosts) = gateway.run();
    assert_retry_reported(&envoy, UPSTREAM);
}

#[test]
fn the_native_policy_and_its_proxy_report_a_retry() {
    let policy = manifest("examples/envoy-native/envoy-gateway-policy.yaml");
    let filter = &policy["spec"]["dynamicModule"][0];
    let proxy = manifest("examples/envoy-native/envoy-gateway-proxy.yaml");
    let (container, pod, module) = native_parts(&proxy);
    assert_eq!(module["name"], filter["name"], "the policy names an allowed module");
    let path = module["source"]["local"]["path"].as_str().expect("a path");
    let mount = &container["volumeMounts"][0];
    assert_eq!(path.rsplit_once('/').map(|(folder, _)| folder), mount["mountPath"].as_str());
    assert_eq!(pod["volumes"][0]["name"], mount["name"]);
    let mut gateway = GeneratedConfig::with_cluster(UPSTREAM);
    gateway.add_native_filter(filter, &module["doNotClose"]);
    gateway.add_access_log(&proxy["spec"]["telemetry"]["accessLog"]["settings"][0]["format"]["json"]);
    gateway.patch(&proxy);
    let (envoy, _hosts) = gateway.run();
    eventually("the counts to be handed over", || {
        let metrics = envoy.admin_page("/stats/prometheus");
        (metrics.matches("\nnearmiss_exchanges_total{").count() == 2).then_some(())
    });
    assert_retry_reported(&envoy, UPSTREAM);
}

/// Returns the container, the pod and the module of an `EnvoyProxy`.
fn native_parts(proxy: &Value) -> (&Value, &Value, &Value) {
    let deployment = &proxy["spec"]["provider"]["kubernetes"]["envoyDeployment"];
    (&deployment["container"], &deployment["pod"], &proxy["spec"]["dynamicModules"][0])
}

#[test]
fn the_margin_histogram_has_the_same_buckets_in_all_examples() {
    let expected = manifest("examples/prometheus/envoy.yaml");
    let mut patched = json!({"stats_config": {"stats_tags": []}});
    apply_patches(&mut patched, &manifest("examples/envoy-gateway/proxy.yaml"));
    assert_eq!(patched["stats_config"], expected["stats_config"]);
    let native = manifest("examples/envoy-native/envoy-gateway-proxy.yaml");
    let patches = native["spec"]["bootstrap"]["jsonPatches"].as_array().expect("patches");
    let buckets = &expected["stats_config"]["histogram_bucket_settings"];
    assert!(patches.iter().any(|patch| patch["value"] == *buckets));
}
