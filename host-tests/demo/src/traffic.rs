//! Traffic to five upstreams whose errors are hidden by retries, fallbacks and caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use fastrand::Rng;
use real::{ArrivalLog, Bootstrap, Client, Origin, RefusingPort, Request, cluster, route, tiered_cluster};

/// Number of concurrent clients.
const CLIENTS: u64 = 6;
/// Pause of a client between two requests.
const THINK_TIME: Duration = Duration::from_millis(12);

/// Request mix: weight per thousand, path, fault script, and a header that the origin adds to its response.
const MIX: [(u64, &str, &str, &str); 13] = [
    (400, "/cart", "200", ""),
    (22, "/cart", "503,200", ""),
    (5, "/cart", "reset,503,200", ""),
    (1, "/cart", "503", ""),
    (160, "/payments", "200", ""),
    (7, "/payments", "late:460", ""),
    (130, "/search", "200", ""),
    (120, "/catalog", "200", "cache-status: edge; hit; ttl=40"),
    (30, "/catalog", "200", "cache-status: edge; hit; ttl=-12"),
    (90, "/geocoder", "200", "x-ratelimit-remaining: 812"),
    (25, "/geocoder", "200", "x-ratelimit-remaining: 9"),
    (4, "/geocoder", "429,200", "x-ratelimit-remaining: 0"),
    (6, "/cart", "404", ""),
];

/// The origins behind the demo's Envoy.
pub(super) struct Traffic {
    hosts: Vec<Origin>,
    fallback: Origin,
    refusing: RefusingPort,
}

/// Running clients.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(super) fn prepare() -> Self {
        let arrivals = ArrivalLog::counting_only();
        let hosts = (0..3).map(|_| Origin::with_log(Arc::clone(&arrivals))).collect();
        Self { hosts, fallback: Origin::with_log(arrivals), refusing: RefusingPort::reserve() }
    }

    pub(super) fn bootstrap(&self) -> Bootstrap {
        let ports: Vec<_> = self.hosts.iter().map(|host| host.port).collect();
        let retries = json!({"timeout": "2s", "retry_policy": {
            "retry_on": "5xx,reset,retriable-status-codes", "retriable_status_codes": [429], "num_retries": 2}});
        let to_fallback = json!({"timeout": "2s", "retry_policy": {
            "retry_on": "connect-failure", "num_retries": 2,
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
        }});
        // One of search's four hosts is down, so the fallback serves a quarter of its requests.
        let search = [ports[0], ports[1], ports[2], self.refusing.port];
        let mut search_cluster =
            tiered_cluster("search", &[(0, None), (self.fallback.port, Some("fallback"))]);
        search_cluster["load_assignment"]["endpoints"][0] =
            cluster("search", &search)["load_assignment"]["endpoints"][0].clone();
        Bootstrap::new()
            .cluster(cluster("cart", &ports))
            .cluster(cluster("payments", &ports[..2]))
            .cluster(cluster("catalog", &ports[..1]))
            .cluster(cluster("geocoder", &ports[1..]))
            .cluster(search_cluster)
            .route(route("/cart", "cart", &retries))
            .route(route("/payments", "payments", &json!({"timeout": "0.6s"})))
            .route(route("/search", "search", &to_fallback))
            .route(route("/catalog", "catalog", &json!({"timeout": "2s"})))
            .route(route("/geocoder", "geocoder", &retries))
    }

    pub(super) fn start(&self, port: u16) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (1..=CLIENTS).map(|client| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || send(port, client, &stop))
        });
        Load { clients: clients.collect(), stop }
    }
}

impl Load {
    /// Stops all clients after their current request.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            drop(client.join());
        }
    }
}

fn send(port: u16, client: u64, stop: &AtomicBool) {
    let mut connection = Client::new(port);
    let (mut random, mut number) = (Rng::with_seed(client), 0_u64);
    while !stop.load(Ordering::Relaxed) {
        let (_, path, script, header) = pick(random.u64(..1_000));
        number += 1;
        let mut request = Request::get(path).script(&format!("{client}-{number}"), script);
        if !header.is_empty() {
            request = request.respond(header);
        }
        if path == "/geocoder" {
            request = request.respond("x-ratelimit-limit: 1000");
        }
        if connection.try_send(&request).is_err() {
            connection = Client::new(port);
        }
        thread::sleep(THINK_TIME);
    }
}

fn pick(mut number: u64) -> (u64, &'static str, &'static str, &'static str) {
    for entry in MIX {
        if number < entry.0 {
            return entry;
        }
        number -= entry.0;
    }
    MIX[0]
}

#[cfg(test)]
mod tests {
    use super::MIX;

    #[test]
    fn the_weights_add_up_to_a_thousand() {
        assert_eq!(MIX.iter().map(|(weight, ..)| weight).sum::<u64>(), 1_000);
    }
}
