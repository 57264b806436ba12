//! Names made to explode: what is kept has a bound, and the rest is told as `other`.

use crate::stage::with;
use serde_json::Value;

const RECORDS: u64 = 30_000;
/// Of the names that are kept.
const BOUND: u64 = 50;

/// One of ever more upstreams, with a host and a route of kilobytes; every other one is a near miss.
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
fn names_that_are_made_to_explode_are_cut_folded_and_counted() {
    let mut filter = with(&format!(r#"{{"max_upstreams":{BOUND},"summary_every":"10s"}}"#));
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
    assert_eq!(summaries.iter().map(exchanges).sum::<u64>(), RECORDS, "every exchange is told");
    let names: std::collections::BTreeSet<_> =
        summaries.iter().filter_map(|summary| summary["upstream"].as_str()).collect();
    assert!(names.len() as u64 <= BOUND + 1, "{} upstreams are told", names.len());
    assert!(names.iter().all(|name| name.len() <= 128), "names are cut");
    let other = summaries.iter().filter(|summary| summary["upstream"] == "other").map(exchanges).sum::<u64>();
    assert!(other >= RECORDS - BOUND, "{other} are told as `other`");
}
