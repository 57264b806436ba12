//! The table that `merge` prints at its end: success rates and latency quantiles of each upstream.

use crate::display::text_table::{self, MAX_ROWS, TextTable};
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use nearmiss::NO_UPSTREAM;
use nearmiss::merge::{Merger, SummaryCounts};
use nearmiss::{Fate, Used};

/// Titles and widths of the columns beside those of all tables.
const OWN_COLUMNS: &[(&str, usize)] =
    &[("p50", 9), ("p90", 9), ("p99", 9), ("p99.9", 9), ("attempts", 8), ("sources", 7)];

/// Prints the table on standard error, upstreams with the most near misses first.
pub(crate) fn print(merger: &Merger) {
    let mut rows: Vec<_> = merger.totals().collect();
    rows.sort_by_key(|(name, counts, _)| (core::cmp::Reverse(near_misses(counts)), *name));
    let table = TextTable::new(
        rows.iter().take(MAX_ROWS).map(|(name, _, _)| *name),
        UpstreamColumn::COUNTS,
        OWN_COLUMNS,
    );
    eprintln!("{}", table.header());
    for (name, counts, sources) in rows.iter().take(MAX_ROWS) {
        eprintln!("{}", table.row(name, &figures(name, counts), own_cells(counts, *sources), |_, cell| cell));
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

fn figures(name: &str, counts: &SummaryCounts) -> UpstreamFigures {
    let totals = &counts.totals;
    let share = |share: Option<Used>| {
        share.filter(|_| name != NO_UPSTREAM).map(|share| u64::from(share.basis_points()))
    };
    UpstreamFigures {
        exchanges: totals.exchanges() + totals.exchanges_relayed(),
        first_try_bp: share(totals.first_try_success()),
        final_bp: share(totals.final_success()),
        near_misses: near_misses(counts),
        failed: count_of(counts, Fate::Failed),
        rejected: count_of(counts, Fate::Rejected),
        abandoned: count_of(counts, Fate::Abandoned),
        margin_bp: None,
    }
}

fn own_cells(counts: &SummaryCounts, sources: usize) -> [String; OWN_COLUMNS.len()] {
    let (totals, latency) = (&counts.totals, &counts.latency);
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
    [quantile(500), quantile(900), quantile(990), quantile(999), amplification, sources.to_string()]
}

/// Returns the exchanges of one fate, judged here or relayed.
fn count_of(counts: &SummaryCounts, fate: Fate) -> u64 {
    let relayed = counts.totals.relayed.as_ref().and_then(|fates| fates.get(fate as usize));
    counts.totals.of(fate) + relayed.copied().unwrap_or(0)
}

fn near_misses(counts: &SummaryCounts) -> u64 {
    Fate::ALL.into_iter().filter(|fate| fate.is_near_miss()).map(|fate| count_of(counts, fate)).sum()
}
