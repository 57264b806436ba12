//! What istiod makes of examples/istio.

use host_tests::artifact;
use host_tests::real::{eventually, shipped};
use serde_json::{Value, json};

use crate::stage::{Making, assert_told, manifest};

const UPSTREAM: &str = "cart.shop.svc.cluster.local";

/// A sidecar that calls `cart`, with the plugin.
///
/// istiod writes `pluginConfig` as JSON, takes `pluginName` for the root id and gives no VM id; of each extra tag it makes a
/// regular expression, as here.
fn sidecar() -> Making {
    let plugin = manifest("examples/istio/wasmplugin.yaml");
    let mut sidecar = Making::with_cluster(&format!("outbound|80||{UPSTREAM}"));
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
fn the_plugin_the_tags_and_the_mesh_log_tell_a_retry() {
    let mut sidecar = sidecar();
    let mesh = manifest("examples/istio/mesh.yaml");
    let telemetry = manifest("examples/istio/telemetry.yaml");
    let provider = &mesh["meshConfig"]["extensionProviders"][0];
    assert_eq!(telemetry["spec"]["accessLogging"][0]["providers"][0]["name"], provider["name"]);
    sidecar.add_access_log(&provider["envoyFileAccessLog"]["logFormat"]["labels"]);
    let (envoy, _hosts) = sidecar.run();
    assert_told(&envoy, UPSTREAM);
    let bucket = format!("nearmiss_margin_bp_bucket{{upstream=\"{UPSTREAM}\",le=\"1500\"}} 0");
    eventually("the margin in its buckets", || {
        envoy.ask("/stats/prometheus").contains(&bucket).then_some(())
    });
}

#[test]
fn the_patches_of_router_and_log_tell_each_attempt() {
    let mut sidecar = sidecar();
    let router = patch("examples/istio/upstream.yaml", "HTTP_FILTER");
    assert_eq!(sidecar.router()["name"], router["name"]);
    merge(sidecar.router(), &router);
    merge(sidecar.manager(), &patch("examples/istio/access-log.yaml", "NETWORK_FILTER")["typed_config"]);
    let (envoy, hosts) = sidecar.run();
    assert_told(&envoy, UPSTREAM);
    let record = envoy.record("the retry", |record| record["fate"] == "retried");
    let attempts = record["attempt_log"].as_array().expect("an attempt log");
    let hosts =
        hosts[0].ledger.of("one").into_iter().map(|arrival| json!(format!("127.0.0.1:{}", arrival.port)));
    assert_eq!(
        attempts.iter().map(|attempt| attempt["host"].clone()).collect::<Vec<_>>(),
        hosts.collect::<Vec<_>>()
    );
}

/// The README's annotation, as istiod turns it into a setting: buckets by the beginning of a name.
fn buckets() -> Value {
    let readme = shipped("examples/istio/README.md");
    let annotation =
        readme.lines().find_map(|line| line.strip_prefix("sidecar.istio.io/statsHistogramBuckets: "));
    let annotation = annotation.expect("the annotation").trim_matches('\'');
    let by_prefix: Value = serde_json::from_str(annotation).expect("JSON");
    let setting = |(prefix, buckets)| json!({"match": {"prefix": prefix}, "buckets": buckets});
    by_prefix.as_object().expect("an object").iter().map(setting).collect()
}

/// The one patch of a filter; its module lies where ours is.
fn patch(path: &str, applies_to: &str) -> Value {
    let filter = manifest(path);
    let patches = filter["spec"]["configPatches"].as_array().expect("patches");
    assert_eq!((patches.len(), &patches[0]["applyTo"]), (1, &json!(applies_to)));
    assert_eq!(patches[0]["patch"]["operation"], "MERGE");
    let module = artifact::envoy_module().display().to_string();
    let text = patches[0]["patch"]["value"].to_string();
    serde_json::from_str(&text.replace("/var/local/nearmiss/nearmiss-envoy.wasm", &module)).expect("JSON")
}

/// As protocol buffers merge: messages field by field, lists at the end.
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
