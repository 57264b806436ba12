//! The aggregator tier: what agents carry becomes the fleet's.

use crate::stage::with;
use host_tests::sim::fluent_bit::Outcome;
use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Timestamp};
use serde_json::Value;

const MERGE: &str = r#"{"fluent_bit":{"mode":"merge"}}"#;

/// The summaries of an agent over some minutes, of `exchanges` a minute.
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

/// Exchanges in summaries, and from how many sources.
fn total(summaries: &[Value]) -> (u64, usize) {
    let fates = summaries.iter().flat_map(|summary| summary["fates"].as_object().expect("fates").values());
    let sources = summaries.iter().filter_map(|summary| Some(summary["parts"].as_object()?.len())).max();
    (fates.filter_map(Value::as_u64).sum(), sources.unwrap_or_default())
}

#[test]
fn what_agents_carry_is_taken_off_merged_and_rides_on() {
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
                let rest = rest.unwrap_or_else(|| panic!("every byte it had but what was taken: {kept}"));
                if let Some(list) = rest.strip_prefix(r#","near_miss_summaries":"#) {
                    let list: Vec<Value> =
                        serde_json::from_str(list.strip_suffix('}').expect("an object")).expect("a list");
                    merged.extend(list);
                }
            }
        }
    }
    assert!(!merged.is_empty(), "the first minutes left while the filter ran");
    merged.extend(parsed(&filter.finish()));
    assert_eq!(total(&merged), (20 * 4 * 10, 20), "each exchange once, although all came twice: {merged:?}");
    assert_eq!(merged.len(), 4, "one summary a minute");
}

#[test]
fn a_record_that_is_a_summary_makes_room_for_what_was_merged() {
    let mut filter = with(MERGE);
    let first = &summaries("a/1/1", 1, 10)[0];
    assert_eq!(filter.record(first), Outcome::Dropped, "nothing has been merged yet, and it was taken");
    let fields =
        filter.record(format!(r#"{{"near_miss_summaries":[{}]}}"#, summaries("b/1/1", 4, 10)[3])).fields();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["near_miss_summaries"]);
    let left: Vec<Value> = serde_json::from_str(fields["near_miss_summaries"].get()).expect("a list");
    assert_eq!(total(&left), (10, 1));
    assert_eq!(total(&parsed(&filter.finish())), (10, 1));
}

#[test]
fn what_cannot_be_merged_goes_on_as_it_came_and_is_told() {
    let mut filter = with(MERGE);
    let newer = summaries("a/1/1", 1, 10)[0].replace(r#""schema":1"#, r#""schema":9"#);
    for record in [
        newer.clone(),
        format!(r#"{{"near_miss_summaries":[{newer}]}}"#),
        r#"{"log":"x"}"#.to_owned(),
        "{}".to_owned(),
    ] {
        assert_eq!(filter.record(&record), Outcome::Kept(record));
    }
    assert!(filter.take_said().contains("schema 9 is not known; this nearmiss reads schema 1"));
    assert!(filter.finish().is_empty());
}
