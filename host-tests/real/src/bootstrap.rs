//! Envoy bootstrap configurations: one listener, routes by path, clusters of test origins.

use std::path::Path;

use serde_json::{Value, json};

/// The configuration of one Envoy.
#[derive(Clone, Debug, Default)]
pub struct Bootstrap {
    filters: Vec<Value>,
    upstream_filters: Vec<Value>,
    loggers: Vec<Value>,
    routes: Vec<Value>,
    clusters: Vec<Value>,
    listeners: Vec<Value>,
    manager: Value,
    router: Value,
    port: u16,
    without_access_log: bool,
}

impl Bootstrap {
    /// Returns a configuration without filters, routes and clusters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an HTTP filter before the router.
    pub fn filter(mut self, filter: Value) -> Self {
        self.filters.push(filter);
        self
    }

    /// Adds an upstream HTTP filter, which runs on every attempt to any cluster.
    pub fn upstream_filter(mut self, filter: Value) -> Self {
        self.upstream_filters.push(filter);
        self
    }

    /// Adds an access logger before the one that the tests read.
    pub fn logger(mut self, logger: Value) -> Self {
        self.loggers.push(logger);
        self
    }

    /// Adds a route; the first one whose prefix matches wins.
    pub fn route(mut self, route: Value) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds a cluster.
    pub fn cluster(mut self, cluster: Value) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// Adds a listener beside the main one.
    pub fn listener(mut self, listener: Value) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Adds a listener with the routes so far, and one filter.
    pub fn listener_with(self, name: &str, filter: Value) -> Self {
        let manager = connection_manager(&[filter, router()], &[], &self.routes);
        self.listener(listener(name, 0, &manager))
    }

    /// Sets further fields of the main listener's connection manager.
    pub fn manager(mut self, fields: Value) -> Self {
        self.manager = fields;
        self
    }

    /// Sets further fields of the main listener's router.
    pub fn router(mut self, fields: Value) -> Self {
        self.router = fields;
        self
    }

    /// Returns the main listener, which writes its access log to `log`.
    fn main_listener(&self, log: &str) -> Value {
        let mut filters = self.filters.clone();
        filters.push(self.last_filter());
        let mut loggers = self.loggers.clone();
        if !self.without_access_log {
            loggers.push(access_log(log));
        }
        let mut manager = connection_manager(&filters, &loggers, &self.routes);
        merge(&mut manager["typed_config"], &self.manager);
        listener("main", self.port, &manager)
    }

    fn last_filter(&self) -> Value {
        let mut router = router();
        if !self.upstream_filters.is_empty() {
            router["typed_config"]["upstream_http_filters"] = before_codec(&self.upstream_filters);
        }
        merge(&mut router["typed_config"], &self.router);
        router
    }

    /// Sets the port to listen on; 0, the default, takes any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Leaves out the access log that the tests read, for benchmarks.
    pub fn without_access_log(mut self) -> Self {
        self.without_access_log = true;
        self
    }

    /// Returns the listener as an LDS response.
    pub(super) fn resources(&self, log: &str) -> Value {
        let mut listener = self.main_listener(log);
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        json!({"resources": [listener]})
    }

    /// Returns the whole document, with the listener inside or in the file `listeners`.
    pub(super) fn document(&self, log: &str, listeners: Option<&str>) -> Value {
        let mut document = json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
            "stats_flush_interval": "0.1s",
            "static_resources": {"clusters": self.clusters},
        });
        let mut fixed = self.listeners.clone();
        match listeners {
            None => fixed.insert(0, self.main_listener(log)),
            Some(path) => {
                document["dynamic_resources"] = json!({"lds_config": {"path_config_source": {"path": path}, "resource_api_version": "V3"}});
            }
        }
        document["static_resources"]["listeners"] = fixed.into();
        document
    }
}

/// Returns a TCP listener with one network filter; port 0 takes any free port.
pub fn listener(name: &str, port: u16, filter: &Value) -> Value {
    json!({
        "name": name,
        "stat_prefix": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [filter]}],
    })
}

/// Returns the network filter of an HTTP listener.
pub fn connection_manager(filters: &[Value], loggers: &[Value], routes: &[Value]) -> Value {
    json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "main",
            "max_request_headers_kb": 512,
            "access_log": loggers,
            "http_filters": filters,
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        },
    })
}

/// Returns the router, the last of a listener's HTTP filters.
pub fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    })
}

/// Returns a Wasm plugin configuration for a module; plugins with the same `vm_id` share a VM.
pub fn plugin(module: &Path, vm_id: &str, configuration: &str) -> Value {
    json!({
        "name": "nearmiss",
        "root_id": "nearmiss",
        "failure_policy": "FAIL_OPEN",
        "vm_config": {
            "vm_id": vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
        },
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
    })
}

/// Returns the module as an HTTP filter.
pub fn wasm_filter(configuration: &str) -> Value {
    wasm_filter_of(&artifact::envoy_module(), configuration)
}

/// Returns any module as an HTTP filter.
pub fn wasm_filter_of(module: &Path, configuration: &str) -> Value {
    json!({
        "name": "nearmiss",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": plugin(module, "nearmiss", configuration),
        },
    })
}

/// Returns the module as an upstream filter, in one VM with the HTTP filter or the access logger.
pub fn wasm_upstream_filter() -> Value {
    let mut filter = wasm_filter(r#"{"envoy":{"attach":"upstream"}}"#);
    filter["typed_config"]["config"]["name"] = json!("nearmiss-upstream");
    filter["typed_config"]["config"]["root_id"] = json!("nearmiss-upstream");
    filter
}

/// Returns the module as an access logger.
pub fn wasm_logger(configuration: &str) -> Value {
    wasm_logger_of(&artifact::envoy_module(), configuration)
}

/// Returns any module as an access logger.
pub fn wasm_logger_of(module: &Path, configuration: &str) -> Value {
    json!({
        "name": "envoy.access_loggers.wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
            "config": plugin(module, "nearmiss", configuration),
        },
    })
}

/// Returns the configuration of a dynamic module.
fn native_module(module: &Path) -> Value {
    json!({"module": {"local": {"filename": module}}, "do_not_close": true})
}

fn string(value: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": value})
}

/// Returns the native module as an HTTP filter.
pub fn native_filter(configuration: &str) -> Value {
    native_filter_of(&artifact::native_module(), configuration)
}

/// Returns any dynamic module as an HTTP filter.
pub fn native_filter_of(module: &Path, configuration: &str) -> Value {
    json!({
        "name": "nearmiss",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
            "dynamic_module_config": native_module(module),
            "filter_name": "nearmiss",
            "filter_config": string(configuration),
        },
    })
}

/// Returns the native module as an upstream filter.
pub fn native_upstream_filter() -> Value {
    native_filter(r#"{"envoy":{"attach":"upstream"}}"#)
}

/// Returns the native module as an access logger.
pub fn native_logger(configuration: &str) -> Value {
    native_logger_of(&artifact::native_module(), configuration)
}

/// Returns any dynamic module as an access logger.
pub fn native_logger_of(module: &Path, configuration: &str) -> Value {
    json!({
        "name": "envoy.access_loggers.dynamic_modules",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.dynamic_modules.v3.DynamicModuleAccessLog",
            "dynamic_module_config": native_module(module),
            "logger_name": "nearmiss",
            "logger_config": string(configuration),
        },
    })
}

/// Returns a route to a cluster; `action` holds further fields of the route's action.
pub fn route(prefix: &str, cluster: &str, action: &Value) -> Value {
    let mut full = json!({"cluster": cluster});
    merge(&mut full, action);
    json!({"name": prefix.trim_matches('/'), "match": {"prefix": prefix}, "route": full})
}

/// Returns a cluster of hosts on loopback.
pub fn cluster(name: &str, ports: &[u16]) -> Value {
    let hosts: Vec<_> = ports.iter().map(|port| host(*port, None)).collect();
    cluster_of(name, &json!([{"lb_endpoints": hosts}]))
}

/// Returns a cluster with a priority per host; a host's tier goes into its metadata.
pub fn tiered_cluster(name: &str, hosts: &[(u16, Option<&str>)]) -> Value {
    let levels = hosts
        .iter()
        .enumerate()
        .map(|(priority, (port, tier))| json!({"priority": priority, "lb_endpoints": [host(*port, *tier)]}));
    cluster_of(name, &levels.collect())
}

/// Returns an HTTP/2 cluster with one host.
pub fn grpc_cluster(name: &str, port: u16) -> Value {
    let mut cluster = cluster(name, &[port]);
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        },
    });
    cluster
}

/// Disables connection reuse for a cluster: a reused connection that closes at the wrong moment makes an attempt that no
/// origin sees.
pub fn one_request_per_connection(mut cluster: Value) -> Value {
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http_protocol_options": {}},
            "common_http_protocol_options": {"max_requests_per_connection": 1},
        },
    });
    cluster
}

/// Adds an upstream filter to one cluster, which must have protocol options.
pub fn with_upstream_filter(mut cluster: Value, filter: Value) -> Value {
    let options = &mut cluster["typed_extension_protocol_options"];
    options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["http_filters"] =
        before_codec(&[filter]);
    cluster
}

/// Returns upstream filters followed by the codec filter, which Envoy requires as the last.
pub fn before_codec(filters: &[Value]) -> Value {
    let mut filters = filters.to_vec();
    filters.push(json!({
        "name": "envoy.filters.http.upstream_codec",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"},
    }));
    filters.into()
}

fn cluster_of(name: &str, endpoints: &Value) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        // Envoy's default allows three concurrent retries.
        "circuit_breakers": {"thresholds": [{"max_retries": 1000}]},
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    })
}

fn host(port: u16, tier: Option<&str>) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let mut host = json!({"endpoint": {"address": address}});
    if let Some(tier) = tier {
        host["metadata"] = json!({"filter_metadata": {"nearmiss": {"tier": tier}}});
    }
    host
}

fn access_log(path: &str) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": {
                "id": "%REQ(X-EXCHANGE)%",
                "path": "%REQ(:PATH)%",
                "status": "%RESPONSE_CODE%",
                "flags": "%RESPONSE_FLAGS%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
                "cluster": "%UPSTREAM_CLUSTER%",
                "host": "%UPSTREAM_HOST%",
                "duration_ms": "%DURATION%",
                "near_miss": "%FILTER_STATE(wasm.nearmiss:PLAIN)%",
            }},
        },
    })
}

fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}
