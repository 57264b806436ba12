//! The table that `merge` prints at its end: success rates and latency quantiles of each upstream.

use crate::counts::Counts;
use crate::display::text_table::{self, MAX_ROWS, TextTable};
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use core::cmp::Reverse;
use nearmiss::merge::{CounterTotals, Merger, SummaryCounts};
use nearmiss::{Fate, NO_UPSTREAM, Used};

/// Titles and widths of the columns beside those of all tables.
const OWN_COLUMNS: &[(&str, usize)] =
    &[("p50", 9), ("p90", 9), ("p99", 9), ("p99.9", 9), ("attempts", 8), ("sources", 7)];

/// Prints the table on standard error, upstreams with the most near misses first.
pub(crate) fn print(merger: &Merger) {
    let mut rows: Vec<_> = merger.totals().collect();
    rows.sort_by_cached_key(|(name, counts, _)| (Reverse(with_relayed(&counts.totals).near_misses()), *name));
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
        first_try_bp: share(totals.first_try_success()),
        final_bp: share(totals.final_success()),
        ..UpstreamFigures::new(&with_relayed(totals), None)
    }
}

/// Returns the exchanges by fate, judged here or relayed.
fn with_relayed(totals: &CounterTotals) -> Counts {
    let mut counts = Counts::default();
    let relayed = totals.relayed.iter().flat_map(|fates| **fates);
    for (fate, count) in Fate::ALL.into_iter().zip(totals.fates).chain(Fate::ALL.into_iter().zip(relayed)) {
        counts.count(fate, count);
    }
    counts
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
