//! The table that `merge` prints at its end: success rates and latency quantiles of each upstream.

use crate::display::text_table::{self, MAX_ROWS, TextTable};
use nearmiss::NO_UPSTREAM;
use nearmiss::merge::{Merger, SummaryCounts};
use nearmiss::{Fate, Used};

/// Titles and widths of the columns.
const COLUMNS: &[(&str, usize)] = &[
    ("exchanges", 10),
    ("first try", 9),
    ("final", 9),
    ("near misses", 11),
    ("failed", 8),
    ("rejected", 8),
    ("abandoned", 9),
    ("p50", 9),
    ("p90", 9),
    ("p99", 9),
    ("p99.9", 9),
    ("attempts", 8),
    ("sources", 7),
];

/// Prints the table on standard error, upstreams with the most near misses first.
pub(crate) fn print(merger: &Merger) {
    let mut rows: Vec<_> = merger.totals().collect();
    rows.sort_by_key(|(name, counts, _)| (core::cmp::Reverse(near_misses(counts)), *name));
    let table = TextTable::new(rows.iter().take(MAX_ROWS).map(|(name, _, _)| *name), COLUMNS);
    eprintln!("{}", table.header());
    for (name, counts, sources) in rows.iter().take(MAX_ROWS) {
        eprintln!("{}", table.row(name, cells(name, counts, *sources), |_, cell| cell));
    }
    if let Some(omitted) = text_table::omitted(rows.len()) {
        eprintln!("{omitted}");
    }
    let relayed: u64 = rows.iter().map(|(_, counts, _)| counts.totals.exchanges_relayed()).sum();
    if relayed > 0 {
        eprintln!(
            "nearmiss: {relayed} exchanges have no duration: they come from logs with verdicts, and the records of the instance that judged them are missing"
        );
    }
}

fn cells(name: &str, counts: &SummaryCounts, sources: usize) -> [String; COLUMNS.len()] {
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
    [
        (totals.exchanges() + totals.exchanges_relayed()).to_string(),
        share(totals.first_try_success()),
        share(totals.final_success()),
        near_misses(counts).to_string(),
        count_of(counts, Fate::Failed).to_string(),
        count_of(counts, Fate::Rejected).to_string(),
        count_of(counts, Fate::Abandoned).to_string(),
        quantile(500),
        quantile(900),
        quantile(990),
        quantile(999),
        amplification,
        sources.to_string(),
    ]
}

/// Returns the exchanges of one fate, judged here or relayed.
fn count_of(counts: &SummaryCounts, fate: Fate) -> u64 {
    let relayed = counts.totals.relayed.as_ref().and_then(|fates| fates.get(fate as usize));
    counts.totals.of(fate) + relayed.copied().unwrap_or(0)
}

fn near_misses(counts: &SummaryCounts) -> u64 {
    Fate::ALL.into_iter().filter(|fate| fate.is_near_miss()).map(|fate| count_of(counts, fate)).sum()
}
