//! The dashboard in examples/grafana: its structure is valid, and every panel shows data of a real Envoy.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use real::{ArrivalLog, Client, Prometheus, Request, eventually, promtool, repository_file, start_example};
use serde_json::{Value, json};

/// Values of Grafana's built-in variables.
const BUILT_IN_VARIABLES: [(&str, &str); 2] = [("$__rate_interval", "15s"), ("$__range", "1m")];
/// Expected fate, fault script, and a request or response header.
const EXCHANGES: [(&str, &str, Header); 8] = [
    ("clean", "200", Header::None),
    ("clean", "404", Header::None),
    ("retried", "503,200", Header::None),
    ("fallback", "503,503,200", Header::None),
    ("failed", "503", Header::None),
    ("partial", "cut", Header::None),
    ("stale", "200", Header::Response("cache-status: edge; hit; ttl=-30")),
    ("client_retried", "200", Header::Request("amz-sdk-request", "attempt=2; max=3")),
];

#[derive(Clone, Copy)]
enum Header {
    None,
    Request(&'static str, &'static str),
    Response(&'static str),
}

#[test]
fn the_structure_of_the_dashboard_is_valid() {
    let dashboard = dashboard();
    for key in ["uid", "title", "schemaVersion", "time", "templating"] {
        assert!(!dashboard[key].is_null(), "no {key}");
    }
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    assert_eq!(names, ["datasource", "upstream"]);
    let (mut ids, mut occupied) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        let title = text(&panel, "title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: duplicate id");
        assert!(text(&panel, "description").ends_with('.'), "{title}: no description");
        let known = ["heatmap", "stat", "table", "timeseries"];
        assert!(known.contains(&text(&panel, "type").as_str()), "{title}: {}", panel["type"]);
        assert!(panel["fieldConfig"]["defaults"].is_object() && panel["options"].is_object(), "{title}");
        for cell in cells(&panel) {
            assert!(
                cell.0 < 24 && occupied.insert(cell),
                "{title}: {cell:?} is occupied or outside the grid"
            );
        }
        let references: BTreeSet<_> = targets(&panel).iter().map(|target| text(target, "refId")).collect();
        assert_eq!(references.len(), targets(&panel).len(), "{title}: duplicate refId");
        for holder in targets(&panel).iter().chain([&panel]) {
            assert_eq!(holder["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

#[test]
fn every_query_of_the_dashboard_returns_data_of_a_real_envoy() {
    let (envoy, hosts) = start_example("examples/prometheus/envoy.yaml");
    let prometheus = Prometheus::scrape(&envoy);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| send_all(envoy.port, &hosts[0].arrivals, &stop));
        let _stop = SetOnDrop(&stop);
        assert_all_queries(&prometheus);
    });
    let mut fates = envoy.nearmiss_stats().fates("cart");
    // On a busy machine some exchanges are slower than their history, and some clients wait too long.
    fates.retain(|fate, _| fate != "slow" && fate != "abandoned");
    assert_eq!(fates.len(), 8, "seven fates, and tight: {fates:?}");
}

/// Uses a synthetic series, because an episode takes more than five minutes of traffic. Its counter appears with the first
/// episode, which `increase` alone would miss.
#[test]
fn the_episodes_panel_shows_zero_before_the_first_episode_and_one_after_it() {
    let panels = panels(&dashboard());
    let panel =
        panels.iter().find(|panel| text(panel, "title") == "Episodes that opened").expect("the panel");
    let query = substituted(&queries(panel)[0].1, ".*").replace("15s", "5m");
    let at = |eval_time: &str, labels: &str, value: u32| {
        let sample = json!({"labels": labels, "value": value});
        json!({"expr": query, "eval_time": eval_time, "exp_samples": [sample]})
    };
    let test = json!({"evaluation_interval": "1m", "tests": [{
        "interval": "1m",
        "input_series": [{
            "series": r#"nearmiss_episodes_total{upstream="cart",pattern="burst"}"#,
            "values": "_x10 1x20 2x20",
        }],
        "promql_expr_test": [
            at("8m", "{}", 0),
            at("12m", r#"{pattern="burst"}"#, 1),
            at("25m", r#"{pattern="burst"}"#, 0),
            at("34m", r#"{pattern="burst"}"#, 1),
        ],
    }]});
    let folder = artifact::root().join("target/e2e");
    fs::create_dir_all(&folder).expect("target can be written");
    let file = folder.join(format!("episodes-{}.json", std::process::id()));
    fs::write(&file, test.to_string()).expect("target can be written");
    let output = promtool(&artifact::root(), &["test", "rules", &file.display().to_string()]);
    fs::remove_file(&file).expect("the test's file");
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

/// Runs all queries of the dashboard for all upstreams, for one, and for an unknown one.
fn assert_all_queries(prometheus: &Prometheus) {
    let dashboard = dashboard();
    let names = text(&dashboard["templating"]["list"][1]["query"], "query");
    let names = names.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(", upstream)"));
    let found =
        prometheus.wait_for(&format!("count by (upstream) ({})", names.expect("a list of upstreams")));
    assert_eq!((found.len(), &found[0]["metric"]["upstream"]), (1, &Value::from("cart")));

    let queries: Vec<_> = panels(&dashboard).iter().flat_map(queries).collect();
    assert!(queries.len() > 20);
    for (title, query) in &queries {
        for upstream in [".*", "cart"] {
            wait_for_number(prometheus, title, &substituted(query, upstream));
        }
        let has_a_zero = query.contains("vector(0)");
        let found = prometheus.query(&substituted(query, "unknown"));
        assert_eq!(found.is_empty(), !has_a_zero, "{title}: for an unknown upstream: {found:?}");
    }
    // A round has 39 exchanges: one fails, and three more need a retry, a fallback or a stale copy. The shares converge
    // when the first samples, in the middle of a round, are no longer a large part of the window.
    for (panel, share) in [(0, 38.0 / 39.0), (1, 35.0 / 39.0)] {
        let (title, query) = (&queries[panel].0, substituted(&queries[panel].1, "cart"));
        let is_close = |found: &f64| (found - share).abs() < 0.02;
        eventually(&format!("{title}: `{query}` is {share:.3}"), || {
            prometheus.query(&query).iter().find_map(number).filter(is_close)
        });
    }
    let fates = prometheus.query("count by (fate) (nearmiss_exchanges_total)");
    let fates: BTreeSet<_> = fates.iter().filter_map(|series| series["metric"]["fate"].as_str()).collect();
    for (fate, ..) in EXCHANGES {
        assert!(fates.contains(fate), "no {fate} in {fates:?}");
    }
    prometheus.wait_for("nearmiss_suppressed_total > 0");
}

/// Waits until a query returns a number.
fn wait_for_number(prometheus: &Prometheus, title: &str, query: &str) -> f64 {
    eventually(&format!("{title}: `{query}`"), || prometheus.query(query).iter().find_map(number))
}

/// Sends all exchanges in turn until `stop`, and in each round a request whose client disconnects.
fn send_all(port: u16, arrivals: &ArrivalLog, stop: &AtomicBool) {
    let (mut client, mut round) = (Client::new(port), 0);
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        for (index, (_, script, header)) in EXCHANGES.into_iter().enumerate() {
            let request = Request::get("/").script(&format!("{round}-{index}"), script);
            let request = match header {
                Header::None => request,
                Header::Request(name, value) => request.header(name, value),
                Header::Response(line) => request.respond(line),
            };
            if client.try_send(&request).is_err() {
                client = Client::new(port);
            }
        }
        // More near misses than records_per_second allows: some of their records are suppressed.
        for number in 0..30 {
            let near_a_quota = Request::get("/").script(&format!("{round}-quota-{number}"), "200");
            let near_a_quota =
                near_a_quota.respond("x-ratelimit-limit: 100").respond("x-ratelimit-remaining: 3");
            assert_eq!(client.send(&near_a_quota).status, 200);
        }
        let aborted = format!("{round}-aborted");
        let waiting = Request::get("/").script(&aborted, "hang");
        Client::new(port).abandon(&waiting, || arrivals.wait_for(&aborted));
    }
}

/// Sets a flag on drop, also when a test panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&repository_file("examples/grafana/dashboard.json")).expect("JSON")
}

fn panels(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().expect("panels").clone()
}

fn targets(panel: &Value) -> &[Value] {
    panel["targets"].as_array().expect("queries")
}

/// Returns a panel's queries, each with the panel's title.
fn queries(panel: &Value) -> Vec<(String, String)> {
    targets(panel).iter().map(|target| (text(panel, "title"), text(target, "expr"))).collect()
}

/// Returns the grid cells that a panel occupies.
fn cells(panel: &Value) -> Vec<(u64, u64)> {
    let [x, y, w, h] =
        ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a whole number"));
    (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))).collect()
}

/// Substitutes the variables in a query as Grafana does.
fn substituted(query: &str, upstream: &str) -> String {
    let mut query = query.replace("$upstream", upstream);
    for (variable, value) in BUILT_IN_VARIABLES {
        query = query.replace(variable, value);
    }
    assert!(!query.contains('$'), "`{query}` has an unknown variable");
    query
}

/// Returns the value of a series, if it is finite.
fn number(series: &Value) -> Option<f64> {
    series["value"][1].as_str()?.parse().ok().filter(|value: &f64| value.is_finite())
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}
