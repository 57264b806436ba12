//! The site that the stories play on.

use std::collections::BTreeMap;

use host_tests::real::{
    Client, Envoy, GrpcOrigin, GrpcReply, Origin, Refusing, Request, Response, Site, Start, cluster,
    eventually, grpc_call, grpc_cluster, route, tiers,
};
use serde_json::{Value, json};

/// An Envoy with the filter, and all the origins behind it.
pub(crate) struct Stage {
    pub(crate) envoy: Envoy,
    pub(crate) hosts: Vec<Origin>,
    client: Client,
    cast: Cast,
    records: usize,
}

/// The origins, before there is an Envoy.
pub(crate) struct Cast {
    pub(crate) hosts: Vec<Origin>,
    spare: Origin,
    pub(crate) refusing: Refusing,
    pub(crate) grpc: GrpcOrigin,
}

/// What became of one story.
pub(crate) struct Told {
    pub(crate) response: Response,
    /// The access log's line.
    pub(crate) line: Value,
    /// The annotation in it.
    pub(crate) near_miss: Option<String>,
}

impl Cast {
    pub(crate) fn gather() -> Self {
        let (hosts, spare) = (Origin::several(3), Origin::start());
        Self { hosts, spare, refusing: Refusing::start(), grpc: GrpcOrigin::start() }
    }

    /// Clusters and routes, without any filter.
    ///
    /// `/cart` retries, `/plain` does not, `/tight` has a timeout of 5 s, `/search` has a fallback and `/zone`
    /// a failover behind a host that refuses, `/empty` has no host, `/direct` needs none, `/unnamed` is a route without a name, the rest is no route.
    pub(crate) fn site(&self) -> Site {
        let ports: Vec<_> = self.hosts.iter().map(|host| host.port).collect();
        let retries = json!({"timeout": "40s", "retry_policy": {
            "retry_on": "5xx,reset,connect-failure,retriable-status-codes",
            "retriable_status_codes": [429],
            "num_retries": 3,
            "per_try_timeout": "10s",
            "retry_back_off": {"base_interval": "0.001s"},
        }});
        let hurried = json!({"timeout": "40s", "retry_policy": {
            "retry_on": "5xx", "num_retries": 3, "per_try_timeout": "0.3s"}});
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
        Site::new()
            .cluster(cluster("cart", &ports))
            .cluster(tiers("search", &[(refusing, None), (self.spare.port, Some("fallback"))]))
            .cluster(tiers("zone", &[(refusing, None), (self.spare.port, Some("failover"))]))
            .cluster(cluster("empty", &[]))
            .cluster(grpc_cluster("ledger", self.grpc.port))
            .route(known_limit)
            .route(route("/hurried", "cart", &hurried))
            .route(route("/plain", "cart", &json!({"timeout": "0s"})))
            .route(route("/tight", "cart", &json!({"timeout": "5s"})))
            .route(route("/search", "search", &next_tier))
            .route(route("/zone", "zone", &next_tier))
            .route(route("/empty", "empty", &json!({})))
            .route(route("/ledger.Ledger/", "ledger", &json!({"timeout": "40s"})))
            .route(json!({"match": {"prefix": "/unnamed"}, "route": {"cluster": "cart", "timeout": "0s"}}))
            .route(json!({"match": {"prefix": "/direct"}, "direct_response": {"status": 503}}))
    }

    pub(crate) fn on_stage(self, start: &Start, site: &Site) -> Stage {
        let envoy = start.run(site);
        let client = Client::new(envoy.port);
        let hosts = self.hosts.iter().map(|host| Origin { port: host.port, ledger: host.ledger.clone() });
        Stage { hosts: hosts.collect(), client, envoy, cast: self, records: 0 }
    }
}

impl Stage {
    /// One worker, and the module as an HTTP filter with this configuration.
    pub(crate) fn http(configuration: &Value) -> Self {
        let cast = Cast::gather();
        let site = cast.site().filter(host_tests::real::wasm_filter(&configuration.to_string()));
        cast.on_stage(&Start::new(), &site)
    }

    /// One worker, and the module as an access logger with this configuration.
    pub(crate) fn log(configuration: &Value) -> Self {
        let cast = Cast::gather();
        let site = cast.site().logger(host_tests::real::wasm_logger(&configuration.to_string()));
        cast.on_stage(&Start::new(), &site)
    }

    /// Sends the request, and waits until Envoy is through with it.
    pub(crate) fn tell(&mut self, path: &str, exchange: &str, script: &str) -> Told {
        self.ask(exchange, &Request::get(path).script(exchange, script))
    }

    /// The same with a request of one's own, which must bear the exchange's name.
    pub(crate) fn ask(&mut self, exchange: &str, request: &Request) -> Told {
        let response = self.client.send(request);
        self.told(exchange, response)
    }

    /// The port that refuses.
    pub(crate) fn refusing(&self) -> u16 {
        self.cast.refusing.port
    }

    /// A new connection, which is a new listener's.
    pub(crate) fn reconnect(&mut self) {
        self.client = Client::new(self.envoy.port);
    }

    /// The same, but the client leaves when the request has reached its origin.
    pub(crate) fn abandon(&mut self, path: &str, exchange: &str) -> Value {
        let ledger = self.hosts[0].ledger.clone();
        let request = Request::get(path).script(exchange, "hang");
        Client::new(self.envoy.port).abandon(&request, || ledger.wait_for(exchange));
        self.envoy.logged(exchange)
    }

    /// A gRPC call, and its line in the access log.
    pub(crate) fn call(&self, exchange: &str, script: &str) -> (GrpcReply, Value) {
        let reply = grpc_call(self.envoy.port, "/ledger.Ledger/Post", exchange, script);
        (reply, self.envoy.logged(exchange))
    }

    /// The next exchange record that has not been asked for.
    pub(crate) fn next_record(&mut self) -> Value {
        let place = self.records;
        self.records += 1;
        eventually("the next exchange record", || {
            exchange_records(self.envoy.records()).into_iter().nth(place)
        })
    }

    /// Ends Envoy; nothing but the records asked for may have been left behind.
    pub(crate) fn finish(self) -> Vec<String> {
        let records = self.records;
        let log = self.envoy.stop();
        let left =
            log.iter().filter(|line| line.contains("nearmiss {") && line.contains(r#""type":"exchange""#));
        assert_eq!(left.count(), records, "exchange records:\n{}", log.join("\n"));
        log
    }

    /// Ends Envoy, whatever it left.
    pub(crate) fn stop(self) -> Vec<String> {
        self.envoy.stop()
    }

    /// How often each fate occurred, in Envoy's statistics.
    pub(crate) fn fates(&self, upstream: &str) -> BTreeMap<String, u64> {
        self.envoy.near_misses().fates(upstream)
    }

    fn told(&self, exchange: &str, response: Response) -> Told {
        let line = self.envoy.logged(exchange);
        let near_miss = line["near_miss"].as_str().map(str::to_owned);
        Told { response, line, near_miss }
    }
}

/// The first word of an annotation.
pub(crate) fn fate(annotation: Option<&str>) -> &str {
    annotation.map_or("clean", |text| text.split([';', ',']).next().unwrap_or_default())
}

/// Fates and their counts, as the statistics give them.
pub(crate) fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(fate, count)| ((*fate).to_owned(), *count)).collect()
}

pub(crate) fn exchange_records(records: Vec<Value>) -> Vec<Value> {
    records.into_iter().filter(|record| record["type"] == "exchange").collect()
}
