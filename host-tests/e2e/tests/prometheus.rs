//! The rules in examples/prometheus: promtool's tests, and a fault in a real Envoy on which a real Prometheus alerts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use real::{Client, Prometheus, Request, promtool, repository_file, start_example};
use serde_json::Value;

/// Pause between two requests: twenty-five per second are above the rules' low-traffic limit.
const THINK_TIME: Duration = Duration::from_millis(40);

#[test]
fn the_rules_pass_their_promtool_tests() {
    let folder = artifact::root().join("examples/prometheus");
    for arguments in [&["check", "config", "prometheus.yml"][..], &["test", "rules", "tests.yml"]] {
        let output = promtool(&folder, arguments);
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn every_alert_has_a_summary_a_description_and_a_runbook() {
    let alerts = alerts();
    assert_eq!(alerts.len(), 8);
    let anchors: Vec<_> = repository_file("docs/prometheus.md").lines().filter_map(anchor).collect();
    for alert in &alerts {
        let text =
            |key: &str| alert["annotations"][key].as_str().unwrap_or_else(|| panic!("no {key}: {alert}"));
        assert!(text("summary").len() < 120 && text("description").ends_with('.'), "{alert}");
        let runbook = text("runbook").strip_prefix("docs/prometheus.md#").expect("a runbook in the docs");
        assert_eq!(anchors.iter().filter(|anchor| *anchor == runbook).count(), 1, "{runbook}: {anchors:?}");
    }
}

#[test]
fn only_one_alert_pages_and_it_requires_a_shrinking_margin() {
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

/// Plays an hour without faults, a quarter of an hour in which every first attempt fails, and a recovery, sixty times as fast.
#[test]
fn a_fault_hidden_by_retries_pages_until_it_ends() {
    let (envoy, _hosts) = start_example("examples/prometheus/envoy.yaml");
    let prometheus = Prometheus::scrape(&envoy);
    let caller = Caller::start(envoy.port);

    // The page compares with an hour ago, which is a minute here.
    prometheus.wait_for("upstream:nearmiss_margin_bp:p05_rate1d > 6000");
    prometheus.wait_for("upstream:nearmiss_margin_bp:p05_rate1d offset 30s > 6000");
    prometheus.wait_for("upstream:nearmiss_margin_bp:p05_rate1d offset 1m > 6000");
    assert_eq!(
        prometheus.query("count_over_time(ALERTS[10m])"),
        [] as [Value; 0],
        "no alert before the fault"
    );

    caller.fault.store(true, Ordering::Relaxed);
    let page =
        r#"ALERTS{alertname="NearMissBudgetBurnsFastAndMarginShrinks",alertstate="firing",upstream="cart"}"#;
    let ticket = r#"ALERTS{alertname="NearMissBudgetBurnsFast",alertstate="firing",upstream="cart"}"#;
    prometheus.wait_for(page);
    prometheus.wait_for(ticket);
    prometheus.wait_for("upstream:nearmiss_first_try_success:ratio_rate5m < 0.5");
    let response = prometheus.api("/api/v1/alerts");
    let alerts = response["data"]["alerts"].as_array().expect("a list of alerts");
    let page_alert = alerts.iter().find(|alert| alert["labels"]["severity"] == "page").expect("the page");
    let summary = page_alert["annotations"]["summary"].as_str().expect("a summary");
    assert!(summary.starts_with("cart is close to failing"), "{summary}");

    caller.fault.store(false, Ordering::Relaxed);
    prometheus.wait_for("upstream:nearmiss:ratio_rate5m == 0");
    prometheus.wait_for_none(page);
    prometheus.wait_for_none(ticket);
    assert!(caller.stop() > 0);
    let failed = r#"nearmiss_exchanges_total{fate="failed"}"#;
    assert_eq!(prometheus.query(failed), [] as [Value; 0], "no request fails for its caller");
}

/// A client that sends requests all the time and expects every one to succeed.
struct Caller {
    /// True while the first attempts fail.
    fault: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<usize>,
}

impl Caller {
    fn start(port: u16) -> Self {
        let (fault, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (is_faulty, is_stopped) = (Arc::clone(&fault), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let (mut client, mut sent) = (Client::new(port), 0);
            while !is_stopped.load(Ordering::Relaxed) {
                sent += 1;
                let script = if is_faulty.load(Ordering::Relaxed) { "503,200" } else { "200" };
                let response = client.send(&Request::get("/").script(&format!("{sent}"), script));
                assert_eq!(response.status, 200);
                thread::sleep(THINK_TIME);
            }
            sent
        });
        Self { fault, stop, thread }
    }

    /// Stops the client and returns the number of requests.
    fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("every request succeeds")
    }
}

/// Parses the alerting rules.
fn alerts() -> Vec<Value> {
    let rules: Value =
        serde_yaml_ng::from_str(&repository_file("examples/prometheus/alerts.yml")).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups");
    groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

/// Returns the anchor of a heading.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then(|| c.to_ascii_lowercase()),
    };
    Some(title.chars().filter_map(kept).collect())
}
