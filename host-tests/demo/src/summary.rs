//! Prints the summary: a sentence per upstream, and three of the records.

use serde_json::Value;

use super::upstream_stats::UpstreamStats;

/// Fates to show a record of, the most instructive first.
const SHOWN_FATES: [&str; 6] = ["retried", "fallback", "tight", "stale", "failover", "slow"];

pub(super) fn print(upstreams: &[UpstreamStats], records: &[Value]) {
    let exchanges: u64 = upstreams.iter().map(UpstreamStats::exchanges).sum();
    let failed: u64 = upstreams.iter().map(UpstreamStats::failed).sum();
    let near: u64 = upstreams.iter().map(UpstreamStats::near_misses).sum();
    println!("\nSummary");
    println!("  {exchanges} requests: {failed} failed for their callers, and {near} more were near misses:");
    for upstream in upstreams.iter().filter(|upstream| upstream.near_misses() > 0) {
        println!("  {}", sentence(upstream));
    }
    println!("\nThree of the records in Envoy's log");
    for record in examples(records) {
        println!("  {record}");
        if let Some(explain) = record["explain"].as_str() {
            println!("    {explain}");
        }
    }
}

fn sentence(upstream: &UpstreamStats) -> String {
    let name = &upstream.name;
    let mut text = if upstream.rescued() > 0 {
        format!(
            "{name}: {:.2} % success for callers, {:.2} % without retries, fallbacks and stale copies.",
            upstream.final_success(),
            upstream.first_try_success(),
        )
    } else {
        format!(
            "{name}: {:.2} % success for callers, without retries or fallbacks.",
            upstream.final_success()
        )
    };
    for (fate, count) in &upstream.fates {
        text.push_str(&match fate.as_str() {
            "retried" => {
                format!(
                    " {count} succeeded after a retry ({} attempts for {} requests).",
                    upstream.attempts,
                    upstream.exchanges()
                )
            }
            "fallback" => {
                format!(" {count} were served by the fallback because a host refused the connection.")
            }
            "failover" => format!(" {count} were served by another zone."),
            "stale" => format!(" {count} were served an expired copy."),
            "tight" => format!(" {count} came close to their timeout or quota."),
            "slow" => format!(" {count} were slow compared with the upstream's history."),
            "partial" => format!(" {count} were incomplete or hid an error."),
            "client_retried" => format!(" {count} were retries by the client."),
            _ => continue,
        });
    }
    text
}

fn examples(records: &[Value]) -> Vec<&Value> {
    let last = |fate: &&str| records.iter().rev().find(|record| record["fate"] == **fate);
    SHOWN_FATES.iter().filter_map(last).take(3).collect()
}
