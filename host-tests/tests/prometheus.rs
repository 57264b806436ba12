//! The rules in examples/prometheus: what promtool says of them, and a real fault in a real Envoy that a real Prometheus
//! alerts of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use host_tests::artifact;
use host_tests::real::{Client, Prometheus, Request, example, promtool, shipped};
use serde_json::Value;

/// What a client waits between two requests: twenty-five a second are enough not to be called low traffic.
const THINK: Duration = Duration::from_millis(40);

#[test]
fn promtool_finds_that_the_rules_fire_when_they_should_and_only_then() {
    let folder = artifact::root().join("examples/prometheus");
    for arguments in [&["check", "config", "prometheus.yml"][..], &["test", "rules", "tests.yml"]] {
        let output = promtool(&folder, arguments);
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn every_alert_says_what_and_where_to_read_on() {
    let alerts = alerts();
    assert_eq!(alerts.len(), 8);
    let anchors: Vec<_> = shipped("docs/prometheus.md").lines().filter_map(anchor).collect();
    for alert in &alerts {
        let text =
            |key: &str| alert["annotations"][key].as_str().unwrap_or_else(|| panic!("no {key}: {alert}"));
        assert!(text("summary").len() < 120 && text("description").ends_with('.'), "{alert}");
        let runbook = text("runbook").strip_prefix("docs/prometheus.md#").expect("a runbook in our docs");
        assert_eq!(anchors.iter().filter(|anchor| *anchor == runbook).count(), 1, "{runbook}: {anchors:?}");
    }
}

#[test]
fn one_alert_pages_and_only_when_the_margin_shrinks_too() {
    let alerts = alerts();
    let pages: Vec<_> = alerts.iter().filter(|alert| alert["labels"]["severity"] == "page").collect();
    assert_eq!(pages.len(), 1);
    let condition = pages[0]["expr"].as_str().expect("an expression");
    assert!(condition.contains("margin_bp") && condition.contains("budget_burn"), "{condition}");
    assert!(
        alerts
            .iter()
            .all(|alert| ["page", "ticket"].iter().any(|known| alert["labels"]["severity"] == *known))
    );
}

/// With windows divided by sixty: an hour of quiet, a quarter of an hour in which every first attempt fails, quiet again.
#[test]
fn a_fault_that_callers_do_not_notice_pages_and_the_page_ends_with_it() {
    let (envoy, _hosts) = example("examples/prometheus/envoy.yaml");
    let prometheus = Prometheus::watch(&envoy);
    let caller = Caller::start(envoy.port);

    // The page compares with an hour ago, now a minute.
    prometheus.wait_for("upstream:nearmiss_margin_bp:p05_rate1d > 6000");
    prometheus.wait_for("upstream:nearmiss_margin_bp:p05_rate1d offset 30s > 6000");
    prometheus.wait_for("upstream:nearmiss_margin_bp:p05_rate1d offset 1m > 6000");
    assert_eq!(
        prometheus.query("count_over_time(ALERTS[10m])"),
        [] as [Value; 0],
        "nothing has happened yet"
    );

    caller.fault.store(true, Ordering::Relaxed);
    let page =
        r#"ALERTS{alertname="NearMissBudgetBurnsFastAndMarginShrinks",alertstate="firing",upstream="cart"}"#;
    let ticket = r#"ALERTS{alertname="NearMissBudgetBurnsFast",alertstate="firing",upstream="cart"}"#;
    prometheus.wait_for(page);
    prometheus.wait_for(ticket);
    prometheus.wait_for("upstream:nearmiss_first_try_success:ratio_rate5m < 0.5");
    let told = prometheus.ask("/api/v1/alerts");
    let told = told["data"]["alerts"].as_array().expect("a list of alerts");
    let told = told.iter().find(|alert| alert["labels"]["severity"] == "page").expect("the page");
    let summary = told["annotations"]["summary"].as_str().expect("a summary");
    assert!(summary.starts_with("cart is close to failing"), "{summary}");

    caller.fault.store(false, Ordering::Relaxed);
    prometheus.wait_for("upstream:nearmiss:ratio_rate5m == 0");
    prometheus.wait_for_none(page);
    prometheus.wait_for_none(ticket);
    assert!(caller.stop() > 0);
    let failed = r#"nearmiss_exchanges_total{fate="failed"}"#;
    assert_eq!(prometheus.query(failed), [] as [Value; 0], "callers noticed nothing");
}

/// Somebody who sends requests all the time, and is happy with every answer.
struct Caller {
    /// Whether the first attempt fails.
    fault: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<usize>,
}

impl Caller {
    fn start(port: u16) -> Self {
        let (fault, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (is_faulty, is_over) = (Arc::clone(&fault), Arc::clone(&over));
        let thread = thread::spawn(move || {
            let (mut client, mut sent) = (Client::new(port), 0);
            while !is_over.load(Ordering::Relaxed) {
                sent += 1;
                let script = if is_faulty.load(Ordering::Relaxed) { "503,200" } else { "200" };
                let response = client.send(&Request::get("/").script(&format!("{sent}"), script));
                assert_eq!(response.status, 200);
                thread::sleep(THINK);
            }
            sent
        });
        Self { fault, over, thread }
    }

    /// How many requests there were.
    fn stop(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("every answer was a success")
    }
}

/// The alerts as they are written.
fn alerts() -> Vec<Value> {
    let rules: Value = serde_yaml_ng::from_str(&shipped("examples/prometheus/alerts.yml")).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups");
    groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

/// What a heading is linked by.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
    };
    Some(title.chars().filter_map(kept).collect())
}
