//! The dashboard in examples/grafana: how it is built, and that every panel shows something of a real Envoy.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use host_tests::artifact;
use host_tests::real::{Client, Ledger, Prometheus, Request, eventually, example, promtool, shipped};
use serde_json::{Value, json};

/// What Grafana puts in a variable's place.
const BUILT_IN: [(&str, &str); 2] = [("$__rate_interval", "15s"), ("$__range", "1m")];
/// Path, script and a header to send or to answer with: what becomes of it is the fate before.
const KINDS: [(&str, &str, Header); 8] = [
    ("clean", "200", Header::None),
    ("clean", "404", Header::None),
    ("retried", "503,200", Header::None),
    ("fallback", "503,503,200", Header::None),
    ("failed", "503", Header::None),
    ("partial", "cut", Header::None),
    ("stale", "200", Header::Answered("cache-status: edge; hit; ttl=-30")),
    ("client_retried", "200", Header::Sent("amz-sdk-request", "attempt=2; max=3")),
];

#[derive(Clone, Copy)]
enum Header {
    None,
    Sent(&'static str, &'static str),
    Answered(&'static str),
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard = dashboard();
    for key in ["uid", "title", "schemaVersion", "time", "templating"] {
        assert!(!dashboard[key].is_null(), "no {key}");
    }
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    assert_eq!(names, ["datasource", "upstream"]);
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        let title = text(&panel, "title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is taken");
        assert!(text(&panel, "description").ends_with('.'), "{title}: no description");
        let known = ["heatmap", "stat", "table", "timeseries"];
        assert!(known.contains(&text(&panel, "type").as_str()), "{title}: {}", panel["type"]);
        assert!(panel["fieldConfig"]["defaults"].is_object() && panel["options"].is_object(), "{title}");
        for place in places(&panel) {
            assert!(place.0 < 24 && taken.insert(place), "{title}: {place:?} is taken or outside");
        }
        let references: BTreeSet<_> = targets(&panel).iter().map(|target| text(target, "refId")).collect();
        assert_eq!(references.len(), targets(&panel).len(), "{title}: two queries of one name");
        for holder in targets(&panel).iter().chain([&panel]) {
            assert_eq!(holder["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

#[test]
fn every_query_of_the_dashboard_finds_data_of_a_real_envoy() {
    let (envoy, hosts) = example("examples/prometheus/envoy.yaml");
    let prometheus = Prometheus::watch(&envoy);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| send_all_kinds(envoy.port, &hosts[0].ledger, &over));
        let _over = OnDrop(&over);
        look_at_everything(&prometheus);
    });
    assert_eq!(envoy.near_misses().fates("cart").len(), 8, "seven kinds, and tight");
}

/// An episode takes more than five minutes of traffic; so here is one that is made up. Its counter is born with it, and
/// `increase` would not see that.
#[test]
fn the_first_episode_shows_as_one_and_before_it_there_is_a_zero() {
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
    fs::remove_file(&file).expect("our own file");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Asks all that the dashboard asks, for all upstreams and for one.
fn look_at_everything(prometheus: &Prometheus) {
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
            shows(prometheus, title, &substituted(query, upstream));
        }
        let has_a_zero = query.contains("vector(0)");
        let found = prometheus.query(&substituted(query, "nobody"));
        assert_eq!(found.is_empty(), !has_a_zero, "{title}: of an upstream that is not there: {found:?}");
    }
    // A round has 39 exchanges: one fails, three more need a net.
    let share = |panel: usize| shows(prometheus, &queries[panel].0, &substituted(&queries[panel].1, "cart"));
    let (callers_saw, without_nets) = (share(0), share(1));
    assert!((callers_saw - 38.0 / 39.0).abs() < 0.02, "{callers_saw}");
    assert!((without_nets - 35.0 / 39.0).abs() < 0.04, "{without_nets}");
    let fates = prometheus.query("count by (fate) (nearmiss_exchanges_total)");
    let fates: BTreeSet<_> = fates.iter().filter_map(|series| series["metric"]["fate"].as_str()).collect();
    for (fate, ..) in KINDS {
        assert!(fates.contains(fate), "no {fate} in {fates:?}");
    }
    prometheus.wait_for("nearmiss_suppressed_total > 0");
}

/// Waits until a query finds a number.
fn shows(prometheus: &Prometheus, title: &str, query: &str) -> f64 {
    eventually(&format!("{title}: `{query}`"), || prometheus.query(query).iter().find_map(number))
}

/// One exchange of each kind after the other, and a caller who leaves.
fn send_all_kinds(port: u16, ledger: &Ledger, over: &AtomicBool) {
    let (mut client, mut round) = (Client::new(port), 0);
    while !over.load(Ordering::Relaxed) {
        round += 1;
        for (kind, (_, script, header)) in KINDS.into_iter().enumerate() {
            let request = Request::get("/").script(&format!("{round}-{kind}"), script);
            let request = match header {
                Header::None => request,
                Header::Sent(name, value) => request.header(name, value),
                Header::Answered(line) => request.respond(line),
            };
            if client.try_send(&request).is_err() {
                client = Client::new(port);
            }
        }
        // More near misses than records_per_second lets through: some of their records are suppressed.
        for number in 0..30 {
            let near_a_quota = Request::get("/").script(&format!("{round}-quota-{number}"), "200");
            let near_a_quota =
                near_a_quota.respond("x-ratelimit-limit: 100").respond("x-ratelimit-remaining: 3");
            assert_eq!(client.send(&near_a_quota).status, 200);
        }
        let left = format!("{round}-left");
        let waiting = Request::get("/").script(&left, "hang");
        Client::new(port).abandon(&waiting, || ledger.wait_for(&left));
    }
}

/// Sets a flag when it goes, whatever makes it go.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&shipped("examples/grafana/dashboard.json")).expect("JSON")
}

fn panels(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().expect("panels").clone()
}

fn targets(panel: &Value) -> &[Value] {
    panel["targets"].as_array().expect("queries")
}

/// A panel's queries, each with the panel's title.
fn queries(panel: &Value) -> Vec<(String, String)> {
    targets(panel).iter().map(|target| (text(panel, "title"), text(target, "expr"))).collect()
}

/// The cells of the grid that a panel takes.
fn places(panel: &Value) -> Vec<(u64, u64)> {
    let [x, y, w, h] =
        ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a whole number"));
    (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))).collect()
}

/// A query as Grafana sends it.
fn substituted(query: &str, upstream: &str) -> String {
    let mut query = query.replace("$upstream", upstream);
    for (variable, value) in BUILT_IN {
        query = query.replace(variable, value);
    }
    assert!(!query.contains('$'), "`{query}` has a variable that nobody knows");
    query
}

/// A series' value, if it has one.
fn number(series: &Value) -> Option<f64> {
    series["value"][1].as_str()?.parse().ok().filter(|value: &f64| value.is_finite())
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}
