//! The test harness: Envoy with the filter, and the origins behind it.

use std::collections::BTreeMap;

use e2e::{GrpcOrigin, GrpcReply, grpc_call};
use real::{
    Bootstrap, Client, Envoy, EnvoyCommand, Origin, RefusingPort, Request, Response, Stats, cluster,
    eventually, grpc_cluster, route, tiered_cluster,
};
use serde_json::{Value, json};

use crate::form;

/// An Envoy and the origins behind it.
pub(crate) struct Harness {
    pub(crate) envoy: Envoy,
    pub(crate) hosts: Vec<Origin>,
    client: Client,
    origins: Origins,
    records_read: usize,
}

/// The origins: three hosts, a fallback host, a port that refuses connections, and a gRPC host.
pub(crate) struct Origins {
    pub(crate) hosts: Vec<Origin>,
    fallback: Origin,
    pub(crate) refusing: RefusingPort,
    pub(crate) grpc: GrpcOrigin,
}

/// The outcome of one exchange.
pub(crate) struct Outcome {
    pub(crate) response: Response,
    /// Its access log entry.
    pub(crate) line: Value,
    /// The annotation in the entry.
    pub(crate) near_miss: Option<String>,
}

impl Origins {
    pub(crate) fn start() -> Self {
        let (hosts, fallback) = (Origin::several(3), Origin::start());
        Self { hosts, fallback, refusing: RefusingPort::reserve(), grpc: GrpcOrigin::start() }
    }

    /// Returns clusters and routes without a filter.
    ///
    /// `/cart` retries, `/short-try` retries with a short per-try timeout, `/plain` does not retry, `/tight` has a timeout of
    /// 5 s, `/search` has a fallback tier and `/zone` a failover tier behind a port that refuses connections, `/empty` has a
    /// cluster without hosts, `/direct` has a direct response, and `/unnamed` is a route without a name.
    pub(crate) fn bootstrap(&self) -> Bootstrap {
        let ports: Vec<_> = self.hosts.iter().map(|host| host.port).collect();
        let retries = json!({"timeout": "40s", "retry_policy": {
            "retry_on": "5xx,reset,connect-failure,retriable-status-codes",
            "retriable_status_codes": [429],
            "num_retries": 3,
            "per_try_timeout": "10s",
            "retry_back_off": {"base_interval": "0.001s"},
        }});
        let short_try = json!({"timeout": "40s", "retry_policy": {
            "retry_on": "5xx", "num_retries": 3, "per_try_timeout": "5s"}});
        let next_tier = json!({"timeout": "40s", "retry_policy": {
            "retry_on": "connect-failure", "num_retries": 2,
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
        }});
        let mut known_limit = route("/cart", "cart", &retries);
        known_limit["metadata"] = json!({"filter_metadata": {"nearmiss": {"max_attempts": 4}}});
        let refusing = self.refusing.port;
        Bootstrap::new()
            .cluster(cluster("cart", &ports))
            .cluster(tiered_cluster("search", &[(refusing, None), (self.fallback.port, Some("fallback"))]))
            .cluster(tiered_cluster("zone", &[(refusing, None), (self.fallback.port, Some("failover"))]))
            .cluster(cluster("empty", &[]))
            .cluster(grpc_cluster("ledger", self.grpc.port))
            .route(known_limit)
            .route(route("/short-try", "cart", &short_try))
            .route(route("/plain", "cart", &json!({"timeout": "0s"})))
            .route(route("/tight", "cart", &json!({"timeout": "5s"})))
            .route(route("/search", "search", &next_tier))
            .route(route("/zone", "zone", &next_tier))
            .route(route("/empty", "empty", &json!({})))
            .route(route("/ledger.Ledger/", "ledger", &json!({"timeout": "40s"})))
            .route(json!({"match": {"prefix": "/unnamed"}, "route": {"cluster": "cart", "timeout": "0s"}}))
            .route(json!({"match": {"prefix": "/direct"}, "direct_response": {"status": 503}}))
    }

    /// Starts Envoy in front of the origins.
    pub(crate) fn start_envoy(self, command: &EnvoyCommand, bootstrap: &Bootstrap) -> Harness {
        let envoy = command.run(bootstrap);
        let client = Client::new(envoy.port);
        let hosts = self.hosts.iter().map(|host| Origin { port: host.port, arrivals: host.arrivals.clone() });
        Harness { hosts: hosts.collect(), client, envoy, origins: self, records_read: 0 }
    }
}

impl Harness {
    /// Starts Envoy with one worker and the module as an HTTP filter.
    pub(crate) fn http(configuration: &Value) -> Self {
        let origins = Origins::start();
        let bootstrap = origins.bootstrap().filter(form::filter(&configuration.to_string()));
        origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
    }

    /// Starts Envoy with one worker and the module as an access logger.
    pub(crate) fn log(configuration: &Value) -> Self {
        let origins = Origins::start();
        let bootstrap = origins.bootstrap().logger(form::logger(&configuration.to_string()));
        origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
    }

    /// Sends a request with a fault script, and waits until Envoy has logged it.
    pub(crate) fn get(&mut self, path: &str, exchange: &str, script: &str) -> Outcome {
        self.send(exchange, &Request::get(path).script(exchange, script))
    }

    /// Sends any request, which must carry the exchange's id, and waits until Envoy has logged it.
    pub(crate) fn send(&mut self, exchange: &str, request: &Request) -> Outcome {
        let response = self.client.send(request);
        self.outcome(exchange, response)
    }

    /// Returns the port that refuses connections.
    pub(crate) fn refusing(&self) -> u16 {
        self.origins.refusing.port
    }

    /// Opens a new connection, which the current listener accepts.
    pub(crate) fn reconnect(&mut self) {
        self.client = Client::new(self.envoy.port);
    }

    /// Sends a request, disconnects when it has reached the origin, and returns the access log entry.
    pub(crate) fn abandon(&mut self, path: &str, exchange: &str) -> Value {
        let arrivals = self.hosts[0].arrivals.clone();
        let request = Request::get(path).script(exchange, "hang");
        Client::new(self.envoy.port).abandon(&request, || arrivals.wait_for(exchange));
        self.envoy.access_log_entry(exchange)
    }

    /// Makes a gRPC call; returns the reply and the access log entry.
    pub(crate) fn grpc_call(&self, exchange: &str, script: &str) -> (GrpcReply, Value) {
        let reply = grpc_call(self.envoy.port, "/ledger.Ledger/Post", exchange, script);
        (reply, self.envoy.access_log_entry(exchange))
    }

    /// Waits for the next exchange record.
    pub(crate) fn next_record(&mut self) -> Value {
        let index = self.records_read;
        self.records_read += 1;
        eventually("the next exchange record", || {
            exchange_records(self.envoy.records()).into_iter().nth(index)
        })
    }

    /// Stops Envoy and checks that it logged no exchange records but those read.
    pub(crate) fn finish(self) -> Vec<String> {
        let records_read = self.records_read;
        let log = self.envoy.stop();
        let logged =
            log.iter().filter(|line| line.contains("nearmiss {") && line.contains(r#""type":"exchange""#));
        assert_eq!(logged.count(), records_read, "exchange records:\n{}", log.join("\n"));
        log
    }

    /// Stops Envoy without checking its records.
    pub(crate) fn stop(self) -> Vec<String> {
        self.envoy.stop()
    }

    /// Returns the number of exchanges per fate in Envoy's statistics.
    pub(crate) fn fates(&self, upstream: &str) -> BTreeMap<String, u64> {
        self.stats().fates(upstream)
    }

    /// Returns the filter's statistics, with every exchange in the access log.
    pub(crate) fn stats(&self) -> Stats {
        form::settle(&self.envoy);
        self.envoy.nearmiss_stats()
    }

    fn outcome(&self, exchange: &str, response: Response) -> Outcome {
        let line = self.envoy.access_log_entry(exchange);
        let near_miss = line["near_miss"].as_str().map(str::to_owned);
        Outcome { response, line, near_miss }
    }
}

/// Returns the fate in an annotation; `clean` if there is none.
pub(crate) fn fate(annotation: Option<&str>) -> &str {
    annotation.map_or("clean", |text| text.split([';', ',']).next().unwrap_or_default())
}

/// Builds expected counts by fate.
pub(crate) fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(fate, count)| ((*fate).to_owned(), *count)).collect()
}

/// Keeps the exchange records.
pub(crate) fn exchange_records(records: Vec<Value>) -> Vec<Value> {
    records.into_iter().filter(|record| record["type"] == "exchange").collect()
}

/// Returns a Lua filter.
pub(crate) fn lua(code: &str) -> Value {
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    })
}
