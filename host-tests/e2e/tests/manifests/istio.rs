//! The configuration that istiod generates from examples/istio.

use real::{eventually, repository_file};
use serde_json::{Value, json};

use crate::harness::{GeneratedConfig, assert_retry_reported, manifest};

const UPSTREAM: &str = "cart.shop.svc.cluster.local";

/// Returns the configuration of a sidecar that calls `cart`, with the plugin.
///
/// istiod writes `pluginConfig` as JSON, uses `pluginName` as the root id, sets no VM id, and turns each extra tag into a regular
/// expression.
fn sidecar() -> GeneratedConfig {
    let plugin = manifest("examples/istio/wasmplugin.yaml");
    let mut sidecar = GeneratedConfig::with_cluster(&format!("outbound|80||{UPSTREAM}"));
    sidecar.add_filter(&plugin["spec"]["pluginName"], "", &plugin["spec"]["pluginConfig"]);
    let mesh = manifest("examples/istio/mesh.yaml");
    let tags = mesh["meshConfig"]["defaultConfig"]["extraStatTags"].as_array().expect("tags").clone();
    let tag = |name: &Value| {
        let name = name.as_str().expect("a name");
        json!({"tag_name": name, "regex": format!(r"({name}=\.=(.*?);\.;)")})
    };
    *sidecar.stats_config() = json!({
        "stats_tags": tags.iter().map(tag).collect::<Value>(),
        "histogram_bucket_settings": buckets(),
    });
    sidecar
}

#[test]
fn the_plugin_the_tags_and_the_mesh_log_report_a_retry() {
    let mut sidecar = sidecar();
    let mesh = manifest("examples/istio/mesh.yaml");
    let telemetry = manifest("examples/istio/telemetry.yaml");
    let provider = &mesh["meshConfig"]["extensionProviders"][0];
    assert_eq!(telemetry["spec"]["accessLogging"][0]["providers"][0]["name"], provider["name"]);
    sidecar.add_access_log(&provider["envoyFileAccessLog"]["logFormat"]["labels"]);
    let (envoy, _hosts) = sidecar.run();
    assert_retry_reported(&envoy, UPSTREAM);
    let bucket = format!("nearmiss_margin_bp_bucket{{upstream=\"{UPSTREAM}\",le=\"1500\"}} 0");
    eventually("the margin in its buckets", || {
        envoy.admin_page("/stats/prometheus").contains(&bucket).then_some(())
    });
}

#[test]
fn the_patches_of_router_and_log_report_each_attempt() {
    let mut sidecar = sidecar();
    let router = patch("examples/istio/upstream.yaml", "HTTP_FILTER");
    assert_eq!(sidecar.router()["name"], router["name"]);
    merge(sidecar.router(), &router);
    merge(sidecar.manager(), &patch("examples/istio/access-log.yaml", "NETWORK_FILTER")["typed_config"]);
    let (envoy, hosts) = sidecar.run();
    assert_retry_reported(&envoy, UPSTREAM);
    let record = envoy.wait_for_record("the retry", |record| record["fate"] == "retried");
    let attempts = record["attempt_log"].as_array().expect("an attempt log");
    let hosts =
        hosts[0].arrivals.of("one").into_iter().map(|arrival| json!(format!("127.0.0.1:{}", arrival.port)));
    assert_eq!(
        attempts.iter().map(|attempt| attempt["host"].clone()).collect::<Vec<_>>(),
        hosts.collect::<Vec<_>>()
    );
}

/// Converts the annotation in the README to the bucket settings that istiod generates, by prefix of a metric's name.
fn buckets() -> Value {
    let readme = repository_file("examples/istio/README.md");
    let annotation =
        readme.lines().find_map(|line| line.strip_prefix("sidecar.istio.io/statsHistogramBuckets: "));
    let annotation = annotation.expect("the annotation").trim_matches('\'');
    let by_prefix: Value = serde_json::from_str(annotation).expect("JSON");
    let setting = |(prefix, buckets)| json!({"match": {"prefix": prefix}, "buckets": buckets});
    by_prefix.as_object().expect("an object").iter().map(setting).collect()
}

/// Returns the only patch of an EnvoyFilter, with the path of its module replaced.
fn patch(path: &str, applies_to: &str) -> Value {
    let filter = manifest(path);
    let patches = filter["spec"]["configPatches"].as_array().expect("patches");
    assert_eq!((patches.len(), &patches[0]["applyTo"]), (1, &json!(applies_to)));
    assert_eq!(patches[0]["patch"]["operation"], "MERGE");
    let module = artifact::envoy_module().display().to_string();
    let text = patches[0]["patch"]["value"].to_string();
    serde_json::from_str(&text.replace("/var/local/nearmiss/nearmiss-envoy.wasm", &module)).expect("JSON")
}

/// Merges as protocol buffers do: messages field by field, lists by appending.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.iter()
                .for_each(|(key, value)| merge(into.entry(key.as_str()).or_insert(Value::Null), value));
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}
