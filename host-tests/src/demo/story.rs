//! What happened, in plain sentences, and three records as they left.

use serde_json::Value;

use super::upstream::Upstream;

/// The fates worth a record, the most telling first.
const TELLING: [&str; 6] = ["retried", "fallback", "tight", "stale", "failover", "slow"];

pub(super) fn tell(upstreams: &[Upstream], records: &[Value]) {
    let exchanges: u64 = upstreams.iter().map(Upstream::exchanges).sum();
    let failed: u64 = upstreams.iter().map(Upstream::failed).sum();
    let near: u64 = upstreams.iter().map(Upstream::near_misses).sum();
    println!("\nThe story");
    println!(
        "  {exchanges} requests, {failed} failed for their callers. Nobody would have looked. But {near} more were near misses:"
    );
    for upstream in upstreams.iter().filter(|upstream| upstream.near_misses() > 0) {
        println!("  {}", sentence(upstream));
    }
    println!("\nThree of the records in Envoy's log");
    for record in three(records) {
        println!("  {record}");
        if let Some(explain) = record["explain"].as_str() {
            println!("    {explain}");
        }
    }
}

fn sentence(upstream: &Upstream) -> String {
    let name = &upstream.name;
    let mut text = if upstream.rescued() > 0 {
        format!(
            "{name}: {:.2} % for callers, {:.2} % without retries, fallbacks and stale copies.",
            upstream.final_success(),
            upstream.first_try_success(),
        )
    } else {
        format!("{name}: {:.2} % for callers, and no net was needed.", upstream.final_success())
    };
    for (fate, count) in &upstream.fates {
        text.push_str(&match fate.as_str() {
            "retried" => {
                format!(
                    " {count} were saved by a retry ({} attempts for {} requests).",
                    upstream.attempts,
                    upstream.exchanges()
                )
            }
            "fallback" => format!(" {count} were answered by the fallback because a host refused."),
            "failover" => format!(" {count} were answered by another zone."),
            "stale" => format!(" {count} got an expired copy because the origin gave nothing fresh."),
            "tight" => format!(" {count} came through with next to no room to their timeout or quota."),
            "slow" => format!(" {count} were outliers against its own past."),
            "partial" => format!(" {count} looked well outside and were not inside."),
            "client_retried" => format!(" {count} were somebody's second try."),
            _ => continue,
        });
    }
    text
}

fn three(records: &[Value]) -> Vec<&Value> {
    let of = |fate: &&str| records.iter().rev().find(|record| record["fate"] == **fate);
    TELLING.iter().filter_map(of).take(3).collect()
}
