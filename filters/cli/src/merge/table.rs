//! The table that `merge` prints at its end: success rates and latency quantiles of each upstream.

use nearmiss::NO_UPSTREAM;
use nearmiss::merge::{Merger, SummaryCounts};
use nearmiss::{Fate, Used};

/// Maximum number of rows that are printed.
const MAX_ROWS: usize = 30;

/// Prints the table on standard error, upstreams with the most near misses first.
pub(crate) fn print(merger: &Merger) {
    let mut rows: Vec<_> = merger.totals().collect();
    rows.sort_by_key(|(name, counts, _)| (core::cmp::Reverse(near_misses(counts)), *name));
    let widest = rows.iter().take(MAX_ROWS).map(|(name, _, _)| name.chars().count()).max().unwrap_or(0);
    let width = widest.clamp(8, 40);
    eprintln!(
        "{:width$}  {:>10}  {:>9}  {:>9}  {:>11}  {:>8}  {:>9}  {:>9}  {:>9}  {:>9}  {:>8}  {:>7}",
        "upstream",
        "exchanges",
        "first try",
        "final",
        "near misses",
        "failed",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "attempts",
        "sources"
    );
    for (name, counts, sources) in rows.iter().take(MAX_ROWS) {
        eprintln!("{}", row(name, counts, *sources, width));
    }
    if rows.len() > MAX_ROWS {
        eprintln!("… and {} more upstreams", rows.len() - MAX_ROWS);
    }
    let relayed: u64 = rows.iter().map(|(_, counts, _)| counts.totals.exchanges_relayed()).sum();
    if relayed > 0 {
        eprintln!(
            "nearmiss: {relayed} exchanges have no duration: they come from logs with verdicts, and the records of the instance that judged them are missing"
        );
    }
}

fn row(name: &str, counts: &SummaryCounts, sources: usize, width: usize) -> String {
    let (totals, latency) = (&counts.totals, &counts.latency);
    let share = |share: Option<Used>| {
        share.filter(|_| name != NO_UPSTREAM).map_or("-".into(), |share| {
            let bp = share.basis_points();
            format!("{}.{:02} %", bp / 100, bp % 100)
        })
    };
    let quantile = |per_mille: u64| {
        latency.quantile(per_mille).map_or("-".into(), |span| {
            let tenths = (span.get() + 50) / 100;
            format!("{}.{} ms", tenths / 10, tenths % 10)
        })
    };
    let amplification = match (totals.attempts * 100).checked_div(totals.exchanges()) {
        Some(hundredths) => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        None => "-".into(),
    };
    let mut name: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if name.chars().count() > width {
        name = name.chars().take(width - 1).chain(['…']).collect();
    }
    format!(
        "{name:width$}  {:>10}  {:>9}  {:>9}  {:>11}  {:>8}  {:>9}  {:>9}  {:>9}  {:>9}  {amplification:>8}  {sources:>7}",
        totals.exchanges() + totals.exchanges_relayed(),
        share(totals.first_try_success()),
        share(totals.final_success()),
        near_misses(counts),
        count_of(counts, Fate::Failed),
        quantile(500),
        quantile(900),
        quantile(990),
        quantile(999),
    )
}

/// Returns the exchanges of one fate, judged here or relayed.
fn count_of(counts: &SummaryCounts, fate: Fate) -> u64 {
    let relayed = counts.totals.relayed.as_ref().and_then(|fates| fates.get(fate as usize));
    counts.totals.of(fate) + relayed.copied().unwrap_or(0)
}

fn near_misses(counts: &SummaryCounts) -> u64 {
    Fate::ALL.into_iter().filter(|fate| fate.is_near_miss()).map(|fate| count_of(counts, fate)).sum()
}
