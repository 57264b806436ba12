//! Builds the Envoy configuration that a control plane would generate.

use real::{Client, Envoy, EnvoyCommand, Origin, Request, example_document, repository_file};
use serde_json::{Value, json};

/// Parses an example.
pub(crate) fn manifest(path: &str) -> Value {
    serde_yaml_ng::from_str(&repository_file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Generated Envoy configuration. Routes and hosts are fixed; filters, access log and statistics come from an example.
pub(crate) struct GeneratedConfig {
    document: Value,
    hosts: Vec<Origin>,
}

impl GeneratedConfig {
    /// Returns a configuration without filters and access log; `name` is the cluster name that the control plane generates.
    pub(crate) fn with_cluster(name: &str) -> Self {
        let (text, hosts) = example_document("examples/envoy/http.yaml");
        let mut document: Value = serde_yaml_ng::from_str(&text).expect("YAML");
        document["static_resources"]["clusters"][0]["name"] = json!(name);
        document["static_resources"]["clusters"][0]["load_assignment"]["cluster_name"] = json!(name);
        document["stats_config"] = json!({"stats_tags": []});
        document["layered_runtime"] = json!({"layers": [{"name": "global_config", "static_layer": {}}]});
        let mut config = Self { document, hosts };
        let manager = config.manager();
        let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][0];
        route["route"]["cluster"] = json!(name);
        route.as_object_mut().expect("a route").remove("metadata");
        manager["http_filters"].as_array_mut().expect("filters").remove(0);
        manager["access_log"] = json!([]);
        config
    }

    /// Returns the connection manager.
    pub(crate) fn manager(&mut self) -> &mut Value {
        &mut self.document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    }

    /// Returns the router, which is the last filter.
    pub(crate) fn router(&mut self) -> &mut Value {
        self.manager()["http_filters"].as_array_mut().expect("filters").last_mut().expect("the router")
    }

    /// Returns the statistics configuration.
    pub(crate) fn stats_config(&mut self) -> &mut Value {
        &mut self.document["stats_config"]
    }

    /// Adds the module before the router, with its configuration as text and its code in a file, as a control plane does.
    pub(crate) fn add_filter(&mut self, root_id: &Value, vm_id: &str, configuration: &Value) {
        let filter = json!({
            "name": "nearmiss",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": "shop.nearmiss",
                    "root_id": root_id,
                    "failure_policy": "FAIL_OPEN",
                    "vm_config": {
                        "vm_id": vm_id,
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": artifact::envoy_module()}},
                    },
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": configuration.to_string(),
                    },
                },
            },
        });
        self.manager()["http_filters"].as_array_mut().expect("filters").insert(0, filter);
    }

    /// Adds the native module before the router, as an entry of `dynamicModule` in a policy asks for it.
    pub(crate) fn add_native_filter(&mut self, entry: &Value, do_not_close: &Value) {
        let filter = json!({
            "name": "nearmiss",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
                "dynamic_module_config": {
                    "module": {"local": {"filename": artifact::native_module()}},
                    "do_not_close": do_not_close,
                },
                "filter_name": entry["filterName"],
                "filter_config": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": entry["config"].to_string(),
                },
            },
        });
        self.manager()["http_filters"].as_array_mut().expect("filters").insert(0, filter);
    }

    /// Applies the patches of an `EnvoyProxy` to the bootstrap.
    pub(crate) fn patch(&mut self, proxy: &Value) {
        apply_patches(&mut self.document, proxy);
    }

    /// Adds a JSON access log with these keys.
    pub(crate) fn add_access_log(&mut self, keys: &Value) {
        let log = json!({
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": "/dev/stdout",
                "log_format": {"json_format": keys},
            },
        });
        self.manager()["access_log"] = json!([log]);
    }

    /// Starts Envoy and sends two requests, one of which needs a retry.
    pub(crate) fn run(self) -> (Envoy, Vec<Origin>) {
        let envoy = EnvoyCommand::new().run_document(&self.document.to_string());
        let mut client = Client::new(envoy.port);
        for (exchange, script) in [("one", "503,200"), ("two", "200")] {
            assert_eq!(client.send(&Request::get("/").script(exchange, script)).status, 200);
        }
        envoy.wait_for_exchanges(2);
        (envoy, self.hosts)
    }
}

/// Applies the patches of an `EnvoyProxy`, each of which appends to a list or sets a field.
pub(crate) fn apply_patches(bootstrap: &mut Value, proxy: &Value) {
    for patch in proxy["spec"]["bootstrap"]["jsonPatches"].as_array().expect("patches") {
        assert_eq!(patch["op"], "add");
        let path = patch["path"].as_str().expect("a path");
        let (parent, name) = path.rsplit_once('/').expect("a pointer");
        let parent = bootstrap.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        match name {
            "-" => parent.as_array_mut().expect("a list").push(patch["value"].clone()),
            _ => parent[name] = patch["value"].clone(),
        }
    }
}

/// Checks that the retry is in the access log, with its margin, and in the Prometheus metrics, with their labels.
pub(crate) fn assert_retry_reported(envoy: &Envoy, upstream: &str) {
    let log = envoy.access_log();
    assert!(
        log[0]["near_miss"].as_str().is_some_and(|text| text == "retried;attempts=2;margin=50"),
        "{}",
        log[0]
    );
    assert_eq!((&log[1]["near_miss"], &log[0]["upstream_request_attempt_count"]), (&Value::Null, &json!(2)));
    let metrics = envoy.admin_page("/stats/prometheus");
    for fate in ["clean", "retried"] {
        let series = format!("nearmiss_exchanges_total{{upstream=\"{upstream}\",fate=\"{fate}\"}} 1");
        assert!(metrics.contains(&series), "no {series} in\n{metrics}");
    }
}
