//! Cardinality limits: memory stays bounded however many names arrive; the rest counts as `other`.

use crate::harness::with;
use serde_json::Value;

const RECORDS: u64 = 30_000;
/// Maximum number of upstreams that are kept.
const MAX_UPSTREAMS: u64 = 50;

/// Returns an exchange of a new upstream, with a host and a route of kilobytes; every other one is a near miss.
fn record(number: u64) -> String {
    format!(
        r#"{{"ts":{}.{:03},"upstream":"{}-{number}","host":"{}-{number}:80","route":"{}/{number}","status":200,"duration_ms":12,"attempts":{}}}"#,
        1_795_423_550 + number / 1_000,
        number % 1_000,
        "upstream".repeat(100),
        "host".repeat(300),
        "route".repeat(300),
        1 + number % 2,
    )
}

#[test]
fn unbounded_names_are_truncated_folded_into_other_and_counted() {
    let mut filter = with(&format!(r#"{{"max_upstreams":{MAX_UPSTREAMS},"summary_every":"10s"}}"#));
    let (mut memory, mut summaries) = (0, Vec::new());
    for number in 0..RECORDS {
        let record = record(number);
        let kept = filter.record(&record).kept();
        let added = kept.len() - record.len();
        assert!(added < 300 << 10, "{added} bytes are added to one record");
        if let Some((_, list)) = kept.split_once(r#""near_miss_summaries":"#) {
            let list = serde_json::Deserializer::from_str(list).into_iter::<Vec<Value>>().next();
            summaries.extend(list.expect("a list").expect("JSON"));
        }
        if number == RECORDS / 3 {
            memory = filter.memory_bytes();
        }
    }
    assert!(filter.memory_bytes() <= memory + (1 << 20), "{memory}, then {} bytes", filter.memory_bytes());
    summaries.extend(filter.finish().iter().map(|line| serde_json::from_str(line).expect("JSON")));
    summaries.retain(|record: &Value| record["type"] == "summary");
    let exchanges = |summary: &Value| {
        summary["fates"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, count)| count.as_u64())
            .sum::<u64>()
    };
    assert_eq!(summaries.iter().map(exchanges).sum::<u64>(), RECORDS, "every exchange is reported");
    let names: std::collections::BTreeSet<_> =
        summaries.iter().filter_map(|summary| summary["upstream"].as_str()).collect();
    assert!(names.len() as u64 <= MAX_UPSTREAMS + 1, "{} upstreams are reported", names.len());
    assert!(names.iter().all(|name| name.len() <= 128), "names are truncated");
    let other = summaries.iter().filter(|summary| summary["upstream"] == "other").map(exchanges).sum::<u64>();
    assert!(other >= RECORDS - MAX_UPSTREAMS, "{other} are reported as `other`");
}
