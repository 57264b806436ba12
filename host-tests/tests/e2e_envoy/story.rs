//! What upstream filters add: each attempt, as the origins know it.
//!
//! An origin writes down every request it gets, with the exchange it belongs to. That ledger is the truth here; a record
//! must say the same, attempt by attempt. No connection serves twice, so no attempt dies on one before an origin sees it.

use std::sync::Barrier;
use std::thread;

use host_tests::real::{
    Action, Client, Ledger, Refusing, Request, Site, Start, cluster, eventually, grpc_cluster,
    one_request_a_connection, route, tiers, wasm_filter, wasm_logger, wasm_upstream_filter,
    with_upstream_filter,
};
use serde_json::{Value, json};

use crate::stage::{Cast, Stage, counts, exchange_records};

const HTTP: &str = r#"{"records_per_second":1000000,"envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"records_per_second":1000000,"envoy":{"attach":"log"}}"#;

/// How long one attempt may take, in milliseconds.
const PER_TRY: u32 = 1_000;

/// An attempt, in the ledger or in a record: its host, and its answer if there was one.
type Told = (Option<String>, Option<u16>);

/// Up to four attempts, whatever goes wrong.
fn retrying(per_try_ms: u32) -> Value {
    json!({"timeout": "60s", "retry_policy": {
        "retry_on": "5xx,reset,connect-failure",
        "num_retries": 3,
        "per_try_timeout": format!("{}s", f64::from(per_try_ms) / 1_000.0),
        "retry_back_off": {"base_interval": "0.001s"},
    }})
}

/// The same, but an attempt that takes too long goes on beside its successor.
fn hedging(per_try_ms: u32) -> Value {
    let mut action = retrying(per_try_ms);
    action["hedge_policy"] = json!({"hedge_on_per_try_timeout": true});
    action
}

/// The same, but each attempt goes to the next priority.
fn descending() -> Value {
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

/// `/story` goes to three hosts in turn, `/hedge` too; `/down` descends from a host to one that refuses, and on to two more
/// of which the last is another zone's; `/end` ends at the one that refuses; `/story.Ledger/` is gRPC with retries.
fn site(cast: &Cast) -> Site {
    let ports: Vec<_> = cast.hosts.iter().map(|host| host.port).collect();
    let refusing = cast.refusing.port;
    let down = [(ports[0], None), (refusing, None), (ports[1], None), (ports[2], Some("failover"))];
    let mut end = descending();
    end["retry_policy"]["num_retries"] = json!(1);
    let grpc = json!({"timeout": "60s", "retry_policy": {"retry_on": "unavailable", "num_retries": 2}});
    cast.site()
        .cluster(one_request_a_connection(cluster("story", &ports)))
        .cluster(one_request_a_connection(tiers("down", &down)))
        .cluster(one_request_a_connection(tiers("end", &[(ports[0], None), (refusing, None)])))
        .cluster(grpc_cluster("story-grpc", cast.grpc.port))
        .route(route("/story/", "story", &retrying(PER_TRY)))
        .route(route("/hedge/", "story", &hedging(PER_TRY)))
        .route(route("/down/", "down", &descending()))
        .route(route("/end/", "end", &end))
        .route(route("/story.Ledger/", "story-grpc", &grpc))
}

/// One worker, with the module as an HTTP filter and on upstreams.
fn http_and_upstream() -> Stage {
    let cast = Cast::gather();
    let site = site(&cast).filter(wasm_filter(HTTP)).upstream_filter(wasm_upstream_filter());
    cast.on_stage(&Start::new(), &site)
}

/// One worker, with the module as an access logger and on upstreams.
fn log_and_upstream() -> Stage {
    let cast = Cast::gather();
    let site = site(&cast).logger(wasm_logger(LOG)).upstream_filter(wasm_upstream_filter());
    cast.on_stage(&Start::new(), &site)
}

fn address(port: u16) -> Option<String> {
    Some(format!("127.0.0.1:{port}"))
}

/// The attempts of an exchange, as its origins know them.
fn known(ledger: &Ledger, exchange: &str) -> Vec<Told> {
    let attempt = |action| match action {
        Action::Status(status) => Some(status),
        Action::Late(_) => Some(200),
        Action::Reset | Action::Hang => None,
        Action::Cut | Action::Trailers(_) | Action::Bare(_) => panic!("no story here has {action:?}"),
    };
    let arrivals = ledger.of(exchange).into_iter();
    arrivals.map(|arrival| (address(arrival.port), attempt(arrival.action))).collect()
}

/// The attempts of an exchange, as its record tells them.
fn told(record: &Value) -> Vec<Told> {
    let log = record["attempt_log"].as_array().unwrap_or_else(|| panic!("no attempt log: {record}"));
    let status = |attempt: &Value| attempt["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    log.iter().map(|attempt| (attempt["host"].as_str().map(str::to_owned), status(attempt))).collect()
}

/// `explain` has the same attempts, as a sentence.
fn assert_explained(record: &Value) {
    let explain = record["explain"].as_str().expect("a sentence");
    let (_, story) = explain.split_once(": ").unwrap_or_else(|| panic!("no story: {explain}"));
    let parts: Vec<_> = story.split(" → ").collect();
    let told = told(record);
    assert_eq!(parts.len(), told.len(), "{record}");
    for (part, (host, status)) in parts.iter().zip(&told) {
        let host = host.as_deref().unwrap_or("a host");
        let head = match status {
            Some(status) => format!("{host} {status} after "),
            None => format!("{host} no answer in "),
        };
        assert!(part.starts_with(&head), "`{part}` should start with `{head}`");
    }
}

/// An attempt that was given up took as long as one may.
fn assert_timed_out(record: &Value, place: usize) {
    let duration = record["attempt_log"][place]["duration_ms"].as_f64().expect("a duration");
    assert!(duration >= f64::from(PER_TRY) * 0.99, "{record}");
}

#[test]
fn the_filter_tells_each_attempt_as_the_origins_know_it() {
    tells_each_attempt(http_and_upstream());
}

#[test]
fn the_access_logger_tells_each_attempt_as_the_origins_know_it() {
    tells_each_attempt(log_and_upstream());
}

fn tells_each_attempt(mut stage: Stage) {
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
        let exchange = format!("story-{number}");
        let response = stage.tell("/story/", &exchange, script).response;
        assert_eq!(response.status, status, "{script}");
        let known = known(&stage.hosts[0].ledger, &exchange);
        assert_eq!(known.len(), attempts, "{script}");
        if attempts == 1 {
            continue;
        }
        let record = stage.next_record();
        assert_eq!(told(&record), known, "{script}: {record}");
        assert_eq!((&record["attempts"], &record["status"]), (&json!(attempts), &json!(status)), "{record}");
        assert_eq!(record["signals"].as_array().map(|all| all.contains(&json!("hedge"))), Some(false));
        assert_explained(&record);
        for (place, word) in script.split(',').enumerate() {
            if word == "hang" {
                assert_timed_out(&record, place);
            }
        }
    }
    stage.finish();
}

#[test]
fn a_refused_attempt_is_told_with_its_host_and_the_next_tier_answers() {
    let mut stage = http_and_upstream();
    let [first, second, third] = [0, 1, 2].map(|place| address(stage.hosts[place].port));
    let refusing = address(stage.refusing());
    stage.tell("/down/", "one", "503,hang,200");
    let record = stage.next_record();
    let story = [(first.clone(), Some(503)), (refusing.clone(), None), (second, None), (third, Some(200))];
    assert_eq!(told(&record), story, "{record}");
    assert_eq!((&record["fate"], &record["attempts"]), (&json!("failover"), &json!(4)), "{record}");
    assert_explained(&record);
    assert_timed_out(&record, 2);

    assert_eq!(stage.tell("/end/", "two", "503").response.status, 503);
    let record = stage.next_record();
    assert_eq!(told(&record), [(first, Some(503)), (refusing, None)], "{record}");
    assert_explained(&record);
    stage.finish();
}

#[test]
fn of_a_hedge_both_attempts_are_told_and_the_one_that_answered_last() {
    let mut stage = http_and_upstream();
    for (exchange, script, order) in [("one", "hang,200", [0, 1]), ("two", "late:1400,hang", [1, 0])] {
        assert_eq!(stage.tell("/hedge/", exchange, script).response.status, 200);
        let record = stage.next_record();
        let known = known(&stage.hosts[0].ledger, exchange);
        assert_eq!(told(&record), order.map(|place| known[place].clone()), "{script}: {record}");
        assert_eq!(record["fate"], "retried", "{record}");
        let signals = record["signals"].as_array().expect("signals");
        assert!(signals.contains(&json!("hedge")), "{record}");
        assert_explained(&record);
    }
    stage.finish();
}

#[test]
fn over_http2_the_fault_of_a_grpc_server_is_told_by_its_attempt() {
    let mut stage = http_and_upstream();
    let reply =
        host_tests::real::grpc_call(stage.envoy.port, "/story.Ledger/Post", "one", "bare:14,trailers:0");
    assert_eq!((reply.status, reply.grpc_status.as_deref()), (200, Some("0")));
    let record = stage.next_record();
    let statuses: Vec<_> = told(&record).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Some(503), Some(200)], "{record}");
    assert_explained(&record);
    stage.finish();
}

#[test]
fn in_a_clusters_options_it_sees_that_clusters_attempts_only() {
    let cast = Cast::gather();
    let ports: Vec<_> = cast.hosts.iter().map(|host| host.port).collect();
    let seen =
        with_upstream_filter(one_request_a_connection(cluster("seen", &ports)), wasm_upstream_filter());
    let site = site(&cast).filter(wasm_filter(HTTP)).cluster(seen);
    let site = site.route(route("/seen/", "seen", &retrying(PER_TRY)));
    let mut stage = cast.on_stage(&Start::new(), &site);
    stage.tell("/seen/", "one", "503,reset,200");
    let record = stage.next_record();
    assert_eq!(told(&record), known(&stage.hosts[0].ledger, "one"), "{record}");
    stage.tell("/story/", "two", "503,reset,200");
    let record = stage.next_record();
    assert_eq!(told(&record), known(&stage.hosts[0].ledger, "two")[2..], "the one that answered: {record}");
    stage.finish();
}

#[test]
fn alone_it_counts_attempts_and_says_that_nothing_is_judged() {
    let cast = Cast::gather();
    let site = site(&cast).upstream_filter(wasm_upstream_filter());
    let mut stage = cast.on_stage(&Start::new(), &site);
    for (exchange, script) in [("one", "200"), ("two", "503,reset,200"), ("three", "503")] {
        assert_eq!(stage.tell("/story/", exchange, script).near_miss, None);
    }
    let stats = stage.envoy.near_misses();
    assert_eq!((stats.attempts("story"), stage.hosts[0].ledger.count()), (8, 8));
    assert_eq!(stats.exchanges(), 0);
    let log = stage.finish();
    let warnings = log.iter().filter(|line| line.contains("attached to upstreams only"));
    assert_eq!(warnings.count(), 1, "{}", log.join("\n"));
}

/// Long enough that only an attempt that hangs is given up, however many run at once.
const PER_TRY_AMONG_MANY: u32 = 4_000;
const EXCHANGES: usize = 200;
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
fn of_200_exchanges_at_once_none_is_told_an_attempt_of_another() {
    let cast = Cast::gather();
    let site = many(&cast, &retrying(PER_TRY_AMONG_MANY), false);
    tells_all_apart(cast.on_stage(&Start::new().workers(2), &site), None);
}

#[test]
fn of_200_hedging_exchanges_at_once_none_is_told_an_attempt_of_another() {
    let cast = Cast::gather();
    let site = many(&cast, &hedging(PER_TRY_AMONG_MANY), false);
    tells_all_apart(cast.on_stage(&Start::new().workers(2), &site), None);
}

#[test]
fn of_200_exchanges_beside_a_host_that_refuses_none_is_told_an_attempt_of_another() {
    let cast = Cast::gather();
    let site = many(&cast, &retrying(PER_TRY_AMONG_MANY), true);
    let refusing = address(cast.refusing.port);
    tells_all_apart(cast.on_stage(&Start::new().workers(2), &site), refusing);
}

/// A route for each exchange: that is how its record is told from others'.
fn many(cast: &Cast, action: &Value, with_refusing: bool) -> Site {
    let mut ports: Vec<_> = cast.hosts.iter().map(|host| host.port).collect();
    ports.extend(Some(&cast.refusing).filter(|_| with_refusing).map(|Refusing { port, .. }| *port));
    let filters = Site::new().filter(wasm_filter(HTTP)).upstream_filter(wasm_upstream_filter());
    let site = filters.cluster(one_request_a_connection(cluster("many", &ports)));
    (0..EXCHANGES).fold(site, |site, number| site.route(route(&format!("/x{number}/"), "many", action)))
}

fn tells_all_apart(stage: Stage, refusing: Option<String>) {
    let (port, start) = (stage.envoy.port, Barrier::new(EXCHANGES));
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
    let lines = stage.envoy.wait_for_exchanges(EXCHANGES);
    let near_misses = lines.iter().filter(|line| !line["near_miss"].is_null()).count();
    let records = eventually("a record of each near miss", || {
        Some(exchange_records(stage.envoy.records())).filter(|records| records.len() >= near_misses)
    });
    assert_eq!((lines.len(), records.len()), (EXCHANGES, near_misses));
    let ledger = &stage.hosts[0].ledger;
    let mut seen = 0;
    for line in &lines {
        let exchange = line["id"].as_str().expect("an exchange");
        let known = known(ledger, exchange);
        seen += known.len();
        let record = records.iter().find(|record| record["route"] == exchange);
        assert_eq!(record.is_none(), line["near_miss"].is_null(), "{line}");
        let attempts =
            line["attempts"].as_str().and_then(|text| text.parse().ok()).or(line["attempts"].as_u64());
        let attempts = attempts.and_then(|count| usize::try_from(count).ok()).expect("a count");
        let Some(record) = record else {
            assert_eq!((attempts, known), (1, vec![(line["host"].as_str().map(str::to_owned), Some(200))]));
            continue;
        };
        let all = told(record);
        assert_eq!(all.len(), attempts, "{record}");
        assert!(all.iter().all(|(host, status)| *host != refusing || status.is_none()), "{record}");
        let arrived: Vec<_> = all.into_iter().filter(|(host, _)| *host != refusing).collect();
        assert_eq!(arrived, known, "{exchange}: {record}");
        assert!(refusing.is_some() || arrived.len() == attempts, "nobody refused: {record}");
        assert_explained(record);
    }
    assert_eq!(seen, ledger.count(), "every attempt belongs to an exchange");
    let fates = stage.fates("many");
    assert_eq!(fates.values().sum::<u64>(), EXCHANGES as u64);
    if refusing.is_none() {
        let each = (EXCHANGES / SCRIPTS.len()) as u64;
        assert_eq!(fates, counts(&[("clean", each), ("failed", each), ("retried", 6 * each)]));
        assert_eq!(stage.envoy.near_misses().attempts("many"), ledger.count() as u64);
    }
}
