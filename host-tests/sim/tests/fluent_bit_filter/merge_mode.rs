//! Merge mode, the aggregator tier: summaries of agents are merged into summaries of the fleet.

use crate::harness::with;
use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Timestamp};
use serde_json::Value;
use sim::fluent_bit::RecordOutcome;

const MERGE: &str = r#"{"fluent_bit":{"mode":"merge"}}"#;

/// Returns the summaries of an agent over some minutes, with `exchanges` exchanges per minute.
fn summaries(agent: &str, minutes: u64, exchanges: u64) -> Vec<String> {
    let mut monitor = Monitor::new(Config::default(), Feed::Log, agent);
    let mut records = Vec::new();
    for n in 0..minutes * exchanges {
        monitor.observe(&Exchange {
            ts: Timestamp::from_seconds(1_795_423_560 + n * 60 / exchanges),
            upstream: "cart",
            status: 200,
            duration: Micros::from_millis(20),
            attempts: Some(1 + u32::from(n % 10 == 0)),
            ..Exchange::default()
        });
    }
    monitor.finish();
    while let Some(record) = monitor.poll_record() {
        if record.json.contains(r#""type":"summary""#) {
            records.push(record.json.to_owned());
        }
    }
    records
}

fn parsed(records: &[String]) -> Vec<Value> {
    records.iter().map(|record| serde_json::from_str(record).expect("JSON")).collect()
}

/// Returns the number of exchanges in summaries, and of their sources.
fn total(summaries: &[Value]) -> (u64, usize) {
    let fates = summaries.iter().flat_map(|summary| summary["fates"].as_object().expect("fates").values());
    let sources = summaries.iter().filter_map(|summary| Some(summary["parts"].as_object()?.len())).max();
    (fates.filter_map(Value::as_u64).sum(), sources.unwrap_or_default())
}

#[test]
fn summaries_attached_by_agents_are_detached_merged_and_attached_again() {
    let mut filter = with(MERGE);
    let mut merged = Vec::new();
    let agents: Vec<_> = (0..20).map(|agent| summaries(&format!("agent-{agent}/1/1"), 4, 10)).collect();
    for minute in 0..4 {
        for agent in &agents {
            let carried = &agent[minute];
            let record = format!(r#"{{ "log" : "a \"line\"","near_miss_summaries":[{carried}],"n":1.50}}"#);
            for _ in 0..2 {
                let kept = filter.record(&record).kept();
                let rest = kept.strip_prefix(r#"{"log" : "a \"line\"","n":1.50"#);
                let rest = rest.unwrap_or_else(|| panic!("every byte but those of the summaries: {kept}"));
                if let Some(list) = rest.strip_prefix(r#","near_miss_summaries":"#) {
                    let list: Vec<Value> =
                        serde_json::from_str(list.strip_suffix('}').expect("an object")).expect("a list");
                    merged.extend(list);
                }
            }
        }
    }
    assert!(!merged.is_empty(), "the first minutes were emitted while the filter ran");
    merged.extend(parsed(&filter.finish()));
    assert_eq!(
        total(&merged),
        (20 * 4 * 10, 20),
        "each exchange once, although all were received twice: {merged:?}"
    );
    assert_eq!(merged.len(), 4, "one summary a minute");
}

#[test]
fn a_summary_record_is_absorbed_and_replaced_by_merged_ones() {
    let mut filter = with(MERGE);
    let first = &summaries("a/1/1", 1, 10)[0];
    assert_eq!(filter.record(first), RecordOutcome::Dropped, "absorbed, and nothing has been merged yet");
    let fields =
        filter.record(format!(r#"{{"near_miss_summaries":[{}]}}"#, summaries("b/1/1", 4, 10)[3])).fields();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["near_miss_summaries"]);
    let merged: Vec<Value> = serde_json::from_str(fields["near_miss_summaries"].get()).expect("a list");
    assert_eq!(total(&merged), (10, 1));
    assert_eq!(total(&parsed(&filter.finish())), (10, 1));
}

#[test]
fn records_that_cannot_be_merged_pass_unchanged_and_are_logged() {
    let mut filter = with(MERGE);
    let newer = summaries("a/1/1", 1, 10)[0].replace(r#""schema":1"#, r#""schema":9"#);
    for record in [
        newer.clone(),
        format!(r#"{{"near_miss_summaries":[{newer}]}}"#),
        r#"{"log":"x"}"#.to_owned(),
        "{}".to_owned(),
    ] {
        assert_eq!(filter.record(&record), RecordOutcome::Kept(record));
    }
    assert!(filter.take_stderr().contains("schema 9 is not known; this nearmiss reads schema 1"));
    assert!(filter.finish().is_empty());
}
