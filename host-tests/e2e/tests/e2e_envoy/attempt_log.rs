//! Tests of the attempt log, which upstream filters add to a record.
//!
//! Every origin logs the attempts that it receives, with the id of their exchange. That log is the ground truth: the record must
//! match it attempt by attempt. Connections are not reused, so no attempt fails on a closed connection before an origin sees it.

use std::sync::Barrier;
use std::thread;

use real::{
    Action, ArrivalLog, Bootstrap, Client, EnvoyCommand, RefusingPort, Request, cluster, eventually,
    grpc_cluster, one_request_per_connection, route, tiered_cluster, with_upstream_filter,
};
use serde_json::{Value, json};

use crate::form::{filter, upstream_filter};
use crate::harness::{Harness, Origins, counts, exchange_records};

const HTTP: &str =
    r#"{"records_per_second":1000000,"records_per_second_total":1000000,"envoy":{"attach":"http"}}"#;

/// Per-try timeout in milliseconds.
const PER_TRY: u32 = 5_000;

/// One attempt: its host, and its status if there was a response.
type Attempt = (Option<String>, Option<u16>);

/// Returns a route action with up to four attempts after any error.
fn retrying(per_try_ms: u32) -> Value {
    json!({"timeout": "60s", "retry_policy": {
        "retry_on": "5xx,reset,connect-failure",
        "num_retries": 3,
        "per_try_timeout": format!("{}s", f64::from(per_try_ms) / 1_000.0),
        "retry_back_off": {"base_interval": "0.001s"},
    }})
}

/// Returns the action of [`retrying`] with hedging: an attempt that exceeds its timeout continues beside the next one.
fn hedging(per_try_ms: u32) -> Value {
    let mut action = retrying(per_try_ms);
    action["hedge_policy"] = json!({"hedge_on_per_try_timeout": true});
    action
}

/// Returns the action of [`retrying`] with each attempt at the next priority.
fn next_priority() -> Value {
    let mut action = retrying(PER_TRY);
    action["retry_policy"]["retry_priority"] = json!({
        "name": "envoy.retry_priorities.previous_priorities",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            "update_frequency": 1,
        },
    });
    action
}

/// Returns clusters and routes. `/attempts` and `/hedge` alternate between three hosts. `/down` has one host per priority: one
/// that responds, one that refuses connections, and two that respond, the second in the failover tier. `/end` makes its last
/// attempt at the host that refuses connections. `/attempts.Ledger/` is gRPC with retries.
pub(crate) fn bootstrap(origins: &Origins) -> Bootstrap {
    let ports: Vec<_> = origins.hosts.iter().map(|host| host.port).collect();
    let refusing = origins.refusing.port;
    let down = [(ports[0], None), (refusing, None), (ports[1], None), (ports[2], Some("failover"))];
    let mut end = next_priority();
    end["retry_policy"]["num_retries"] = json!(1);
    let grpc = json!({"timeout": "60s", "retry_policy": {"retry_on": "unavailable", "num_retries": 2}});
    origins
        .bootstrap()
        .cluster(one_request_per_connection(cluster("attempts", &ports)))
        .cluster(one_request_per_connection(tiered_cluster("down", &down)))
        .cluster(one_request_per_connection(tiered_cluster("end", &[(ports[0], None), (refusing, None)])))
        .cluster(grpc_cluster("attempts-grpc", origins.grpc.port))
        .route(route("/attempts/", "attempts", &retrying(PER_TRY)))
        .route(route("/hedge/", "attempts", &hedging(PER_TRY)))
        .route(route("/down/", "down", &next_priority()))
        .route(route("/end/", "end", &end))
        .route(route("/attempts.Ledger/", "attempts-grpc", &grpc))
}

/// Starts one worker, with the module as an HTTP filter and as an upstream filter.
fn http_and_upstream() -> Harness {
    let origins = Origins::start();
    let bootstrap = bootstrap(&origins).filter(filter(HTTP)).upstream_filter(upstream_filter());
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

fn address(port: u16) -> Option<String> {
    Some(format!("127.0.0.1:{port}"))
}

/// Returns the attempts of an exchange that its origins received.
fn arrived(arrivals: &ArrivalLog, exchange: &str) -> Vec<Attempt> {
    let status = |action| match action {
        Action::Status(status) => Some(status),
        Action::Late(_) | Action::Stream(_) => Some(200),
        Action::Reset | Action::Hang => None,
        Action::Cut | Action::NoStatus | Action::Trailers(_) | Action::TrailersOnly(_) => {
            panic!("no script here has {action:?}")
        }
    };
    let arrivals = arrivals.of(exchange).into_iter();
    arrivals.map(|arrival| (address(arrival.port), status(arrival.action))).collect()
}

/// Returns the attempts in a record's attempt log.
fn recorded(record: &Value) -> Vec<Attempt> {
    let log = record["attempt_log"].as_array().unwrap_or_else(|| panic!("no attempt log: {record}"));
    let status = |attempt: &Value| attempt["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    log.iter().map(|attempt| (attempt["host"].as_str().map(str::to_owned), status(attempt))).collect()
}

/// Checks that `explain` lists the attempts of the attempt log.
fn assert_explained(record: &Value) {
    let explain = record["explain"].as_str().expect("a sentence");
    // Flags and a reason may stand in brackets before the attempts.
    let attempts = explain.rsplit_once("): ").or_else(|| explain.split_once(": "));
    let (_, attempts) = attempts.unwrap_or_else(|| panic!("no attempts: {explain}"));
    let attempts = attempts.replace(" beside ", " → ");
    let parts: Vec<_> = attempts.split(" → ").collect();
    let recorded = recorded(record);
    assert_eq!(parts.len(), recorded.len(), "{record}");
    for (part, (host, status)) in parts.iter().zip(&recorded) {
        let host = host.as_deref().unwrap_or("a host");
        let head = match status {
            Some(status) => format!("{host} {status} after "),
            None => format!("{host} no response in "),
        };
        assert!(part.starts_with(&head), "`{part}` should start with `{head}`");
    }
}

/// Checks that an attempt lasted as long as its timeout.
fn assert_timed_out(record: &Value, index: usize) {
    let duration = record["attempt_log"][index]["duration_ms"].as_f64().expect("a duration");
    assert!(duration >= f64::from(PER_TRY) * 0.99, "{record}");
}

#[test]
fn the_filter_records_each_attempt_that_the_origins_saw() {
    assert_attempts_recorded(http_and_upstream());
}

pub(crate) fn assert_attempts_recorded(mut harness: Harness) {
    for (number, (script, status, attempts)) in [
        ("503,200", 200, 2),
        ("reset,200", 200, 2),
        ("hang,200", 200, 2),
        ("503,hang,200", 200, 3),
        ("503,reset,hang,200", 200, 4),
        ("hang,503,reset,200", 200, 4),
        ("reset,hang,503,200", 200, 4),
        ("late:50,200", 200, 1),
        ("503", 503, 4),
        ("reset", 503, 4),
        ("503,503,503,hang", 504, 4),
        ("hang,hang,hang,503", 503, 4),
    ]
    .into_iter()
    .enumerate()
    {
        let exchange = format!("exchange-{number}");
        let response = harness.get("/attempts/", &exchange, script).response;
        assert_eq!(response.status, status, "{script}");
        let arrived = arrived(&harness.hosts[0].arrivals, &exchange);
        assert_eq!(arrived.len(), attempts, "{script}");
        if attempts == 1 {
            continue;
        }
        let record = harness.next_record();
        assert_eq!(recorded(&record), arrived, "{script}: {record}");
        assert_eq!((&record["attempts"], &record["status"]), (&json!(attempts), &json!(status)), "{record}");
        assert_eq!(record["signals"].as_array().map(|all| all.contains(&json!("hedge"))), Some(false));
        assert_explained(&record);
        for (index, action) in script.split(',').enumerate() {
            if action == "hang" {
                assert_timed_out(&record, index);
            }
        }
    }
    harness.finish();
}

#[test]
fn a_refused_attempt_is_recorded_with_its_host_and_the_next_tier_responds() {
    let mut harness = http_and_upstream();
    let [first, second, third] = [0, 1, 2].map(|index| address(harness.hosts[index].port));
    let refusing = address(harness.refusing());
    harness.get("/down/", "one", "503,hang,200");
    let record = harness.next_record();
    let attempts = [(first.clone(), Some(503)), (refusing.clone(), None), (second, None), (third, Some(200))];
    assert_eq!(recorded(&record), attempts, "{record}");
    assert_eq!((&record["fate"], &record["attempts"]), (&json!("failover"), &json!(4)), "{record}");
    assert_explained(&record);
    assert_timed_out(&record, 2);

    assert_eq!(harness.get("/end/", "two", "503").response.status, 503);
    let record = harness.next_record();
    assert_eq!(recorded(&record), [(first, Some(503)), (refusing, None)], "{record}");
    assert_explained(&record);
    harness.finish();
}

#[test]
fn a_hedged_exchange_records_both_attempts_and_lists_the_winner_last() {
    let mut harness = http_and_upstream();
    // The first attempt responds while the second is in progress, halfway to a third.
    let late = format!("late:{},hang", PER_TRY * 3 / 2);
    for (exchange, script, order) in [("one", "hang,200", [0, 1]), ("two", &*late, [1, 0])] {
        assert_eq!(harness.get("/hedge/", exchange, script).response.status, 200);
        let record = harness.next_record();
        let arrived = arrived(&harness.hosts[0].arrivals, exchange);
        assert_eq!(recorded(&record), order.map(|index| arrived[index].clone()), "{script}: {record}");
        assert_eq!(record["fate"], "retried", "{record}");
        let signals = record["signals"].as_array().expect("signals");
        assert!(signals.contains(&json!("hedge")), "{record}");
        assert_explained(&record);
    }
    harness.finish();
}

#[test]
fn a_grpc_error_is_recorded_with_its_attempt() {
    let mut harness = http_and_upstream();
    let reply =
        e2e::grpc_call(harness.envoy.port, "/attempts.Ledger/Post", "one", "trailers-only:14,trailers:0");
    assert_eq!((reply.status, reply.grpc_status.as_deref()), (200, Some("0")));
    let record = harness.next_record();
    let statuses: Vec<_> = recorded(&record).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Some(503), Some(200)], "{record}");
    assert_explained(&record);
    harness.finish();
}

#[test]
fn an_upstream_filter_of_one_cluster_sees_only_its_attempts() {
    let origins = Origins::start();
    let ports: Vec<_> = origins.hosts.iter().map(|host| host.port).collect();
    let seen = with_upstream_filter(one_request_per_connection(cluster("seen", &ports)), upstream_filter());
    let bootstrap = bootstrap(&origins).filter(filter(HTTP)).cluster(seen);
    let bootstrap = bootstrap.route(route("/seen/", "seen", &retrying(PER_TRY)));
    let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    harness.get("/seen/", "one", "503,reset,200");
    let record = harness.next_record();
    assert_eq!(recorded(&record), arrived(&harness.hosts[0].arrivals, "one"), "{record}");
    harness.get("/attempts/", "two", "503,reset,200");
    let record = harness.next_record();
    assert_eq!(
        recorded(&record),
        arrived(&harness.hosts[0].arrivals, "two")[2..],
        "the attempt that responded: {record}"
    );
    harness.finish();
}

/// Per-try timeout of concurrent exchanges in milliseconds: long enough that only an attempt that hangs exceeds it.
const PER_TRY_CONCURRENT: u32 = 4_000;
/// Number of concurrent exchanges.
const EXCHANGES: usize = 200;
/// Fault scripts of the concurrent exchanges, in turn.
const SCRIPTS: [&str; 8] = [
    "503,200",
    "200",
    "reset,503,200",
    "hang,200",
    "503,reset,503,200",
    "503,hang,200",
    "503",
    "hang,503,reset,200",
];

#[test]
fn attempts_of_200_concurrent_exchanges_are_not_mixed_up() {
    let origins = Origins::start();
    let bootstrap = route_per_exchange(&origins, &retrying(PER_TRY_CONCURRENT), false);
    assert_attempts_not_mixed(origins.start_envoy(&EnvoyCommand::new().workers(2), &bootstrap), None);
}

#[test]
fn attempts_of_200_concurrent_hedged_exchanges_are_not_mixed_up() {
    let origins = Origins::start();
    let bootstrap = route_per_exchange(&origins, &hedging(PER_TRY_CONCURRENT), false);
    assert_attempts_not_mixed(origins.start_envoy(&EnvoyCommand::new().workers(2), &bootstrap), None);
}

#[test]
fn attempts_of_200_concurrent_exchanges_with_a_refusing_host_are_not_mixed_up() {
    let origins = Origins::start();
    let bootstrap = route_per_exchange(&origins, &retrying(PER_TRY_CONCURRENT), true);
    let refusing = address(origins.refusing.port);
    assert_attempts_not_mixed(origins.start_envoy(&EnvoyCommand::new().workers(2), &bootstrap), refusing);
}

/// Returns a configuration with a route per exchange, which identifies its record.
fn route_per_exchange(origins: &Origins, action: &Value, with_refusing: bool) -> Bootstrap {
    let mut ports: Vec<_> = origins.hosts.iter().map(|host| host.port).collect();
    ports.extend(Some(&origins.refusing).filter(|_| with_refusing).map(|RefusingPort { port, .. }| *port));
    let filters = Bootstrap::new().filter(filter(HTTP)).upstream_filter(upstream_filter());
    let bootstrap = filters.cluster(one_request_per_connection(cluster("many", &ports)));
    (0..EXCHANGES)
        .fold(bootstrap, |bootstrap, number| bootstrap.route(route(&format!("/x{number}/"), "many", action)))
}

fn assert_attempts_not_mixed(harness: Harness, refusing: Option<String>) {
    let (port, start) = (harness.envoy.port, Barrier::new(EXCHANGES));
    thread::scope(|scope| {
        for number in 0..EXCHANGES {
            let start = &start;
            scope.spawn(move || {
                let request = Request::get(&format!("/x{number}/"));
                let request = request.script(&format!("x{number}"), SCRIPTS[number % SCRIPTS.len()]);
                start.wait();
                Client::new(port).send(&request);
            });
        }
    });
    let lines = harness.envoy.wait_for_exchanges(EXCHANGES);
    let near_misses = lines.iter().filter(|line| !line["near_miss"].is_null()).count();
    let records = eventually("a record of each near miss", || {
        Some(exchange_records(harness.envoy.records())).filter(|records| records.len() >= near_misses)
    });
    assert_eq!((lines.len(), records.len()), (EXCHANGES, near_misses));
    let arrivals = &harness.hosts[0].arrivals;
    let mut attributed = 0;
    for line in &lines {
        let exchange = line["id"].as_str().expect("an exchange");
        let arrived = arrived(arrivals, exchange);
        attributed += arrived.len();
        let record = records.iter().find(|record| record["route"] == exchange);
        assert_eq!(record.is_none(), line["near_miss"].is_null(), "{line}");
        let attempts =
            line["attempts"].as_str().and_then(|text| text.parse().ok()).or(line["attempts"].as_u64());
        let attempts = attempts.and_then(|count| usize::try_from(count).ok()).expect("a count");
        let Some(record) = record else {
            assert_eq!((attempts, arrived), (1, vec![(line["host"].as_str().map(str::to_owned), Some(200))]));
            continue;
        };
        let all = recorded(record);
        assert_eq!(all.len(), attempts, "{record}");
        assert!(all.iter().all(|(host, status)| *host != refusing || status.is_none()), "{record}");
        let not_refused: Vec<_> = all.into_iter().filter(|(host, _)| *host != refusing).collect();
        assert_eq!(not_refused, arrived, "{exchange}: {record}");
        assert!(refusing.is_some() || not_refused.len() == attempts, "no attempt was refused: {record}");
        assert_explained(record);
    }
    assert_eq!(attributed, arrivals.count(), "every attempt belongs to an exchange");
    let fates = harness.fates("many");
    assert_eq!(fates.values().sum::<u64>(), EXCHANGES as u64);
    if refusing.is_none() {
        let each = (EXCHANGES / SCRIPTS.len()) as u64;
        assert_eq!(fates, counts(&[("clean", each), ("failed", each), ("retried", 6 * each)]));
        assert_eq!(harness.stats().attempts("many"), arrivals.count() as u64);
    }
}
