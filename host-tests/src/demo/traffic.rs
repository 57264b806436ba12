//! Five upstreams, each with a safety net that is busier than anybody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use crate::real::{Client, Ledger, Origin, Refusing, Request, Site, cluster, route, tiers};

/// Clients that send at the same time.
const CLIENTS: u64 = 6;
/// What each of them waits between two requests.
const THINK: Duration = Duration::from_millis(12);

/// What is sent: weight in a thousand, path, script, and a header for the origin to answer with.
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

/// The origins, before any request is sent.
pub(super) struct Traffic {
    hosts: Vec<Origin>,
    spare: Origin,
    refusing: Refusing,
}

/// Clients at work.
pub(super) struct Sending {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub(super) fn prepare() -> Self {
        let ledger = Ledger::forgetful();
        let hosts = (0..3).map(|_| Origin::with(Arc::clone(&ledger))).collect();
        Self { hosts, spare: Origin::with(ledger), refusing: Refusing::start() }
    }

    pub(super) fn site(&self) -> Site {
        let ports: Vec<_> = self.hosts.iter().map(|host| host.port).collect();
        let retries = json!({"timeout": "2s", "retry_policy": {
            "retry_on": "5xx,reset,retriable-status-codes", "retriable_status_codes": [429], "num_retries": 2}});
        let to_spare = json!({"timeout": "2s", "retry_policy": {
            "retry_on": "connect-failure", "num_retries": 2,
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
        }});
        // Of search's four hosts one is down: a quarter of its requests is answered by the spare.
        let search = [ports[0], ports[1], ports[2], self.refusing.port];
        let mut fallback = tiers("search", &[(0, None), (self.spare.port, Some("fallback"))]);
        fallback["load_assignment"]["endpoints"][0] =
            cluster("search", &search)["load_assignment"]["endpoints"][0].clone();
        Site::new()
            .cluster(cluster("cart", &ports))
            .cluster(cluster("payments", &ports[..2]))
            .cluster(cluster("catalog", &ports[..1]))
            .cluster(cluster("geocoder", &ports[1..]))
            .cluster(fallback)
            .route(route("/cart", "cart", &retries))
            .route(route("/payments", "payments", &json!({"timeout": "0.6s"})))
            .route(route("/search", "search", &to_spare))
            .route(route("/catalog", "catalog", &json!({"timeout": "2s"})))
            .route(route("/geocoder", "geocoder", &retries))
    }

    pub(super) fn start(&self, port: u16) -> Sending {
        let over = Arc::new(AtomicBool::new(false));
        let clients = (1..=CLIENTS).map(|client| {
            let over = Arc::clone(&over);
            thread::spawn(move || send(port, client, &over))
        });
        Sending { clients: clients.collect(), over }
    }
}

impl Sending {
    /// Lets every client finish what it began.
    pub(super) fn stop(self) {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients {
            drop(client.join());
        }
    }
}

fn send(port: u16, client: u64, over: &AtomicBool) {
    let mut connection = Client::new(port);
    let (mut dice, mut number) = (client.wrapping_mul(0x9E37_79B9_7F4A_7C15), 0_u64);
    while !over.load(Ordering::Relaxed) {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let (_, path, script, header) = pick(dice % 1_000);
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
        thread::sleep(THINK);
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
    fn the_weights_of_the_mix_add_up_to_a_thousand() {
        assert_eq!(MIX.iter().map(|(weight, ..)| weight).sum::<u64>(), 1_000);
    }
}
