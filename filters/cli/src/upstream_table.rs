//! The table that `replay` and `watch` print at their end: the success rate of each upstream, with and without safety nets.

use crate::colors::Colors;
use crate::counts::Counts;
use crate::display::text_table::{self, MAX_ROWS, TextTable};
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use core::cmp::Reverse;
use nearmiss::{Exchange, Fate, NO_UPSTREAM, OTHER, Verdict, upstream_name};
use rustc_hash::FxHashMap;

/// Counts per upstream.
#[derive(Debug, Default)]
pub(crate) struct UpstreamTable {
    /// Indices into `rows`, by name.
    indices: FxHashMap<String, usize>,
    rows: Vec<TableRow>,
    /// Exchanges whose lines do not contain the number of attempts.
    attempts_unknown: u64,
}

/// One upstream.
#[derive(Clone, Copy, Debug, Default)]
struct TableRow {
    counts: Counts,
    /// The smallest margin, in basis points.
    margin: Option<u16>,
}

/// Maximum number of upstreams with a row of their own; the rest count as `other`.
const MAX_UPSTREAMS: usize = 10_000;
impl UpstreamTable {
    /// Counts an exchange that was judged here.
    pub(crate) fn count(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        let name = upstream_name(exchange.upstream);
        self.attempts_unknown += u64::from(exchange.attempts.is_none() && name != NO_UPSTREAM);
        self.update(&name, |row| {
            row.counts.count_exchange(exchange, verdict);
            if let Some(margin) = verdict.margin_bp() {
                row.margin = Some(row.margin.map_or(margin, |least| least.min(margin)));
            }
        });
    }

    /// Counts an exchange whose line already has a verdict.
    pub(crate) fn count_judged(&mut self, upstream: Option<&str>, fate: Fate) {
        self.update(&upstream_name(upstream.unwrap_or_default()), |row| {
            row.counts.add(&Counts::of_one(fate));
        });
    }

    /// Prints the table on standard error, upstreams with the most near misses first; nothing without an upstream.
    pub(crate) fn print(&self) {
        if self.rows.is_empty() {
            return;
        }
        let row = |index: &usize| self.rows.get(*index).copied().unwrap_or_default();
        let mut rows: Vec<_> = self.indices.iter().map(|(name, index)| (name, row(index))).collect();
        rows.sort_by_key(|(name, row)| (Reverse(row.counts.near_misses()), (*name).clone()));
        let table = TextTable::new(
            rows.iter().take(MAX_ROWS).map(|(name, _)| name.as_str()),
            &UpstreamColumn::ALL,
            &[("near misses by fate", 0)],
        );
        let colors = Colors::new();
        eprintln!("{}", colors.dim(&table.header()));
        for (name, row) in rows.iter().take(MAX_ROWS) {
            eprintln!("{}", row.format(name, &table, &colors));
        }
        if let Some(omitted) = text_table::omitted(rows.len()) {
            eprintln!("{omitted}");
        }
        if self.attempts_unknown > 0 {
            eprintln!(
                "nearmiss: {} lines do not say how many attempts there were, so `first try` may be lower: see docs/formats.md",
                self.attempts_unknown
            );
        }
    }

    fn update(&mut self, name: &str, update: impl FnOnce(&mut TableRow)) {
        let index = self.indices.get(name).copied().unwrap_or_else(|| self.insert(name));
        if let Some(row) = self.rows.get_mut(index) {
            update(row);
        }
    }

    /// Adds a row for a new upstream and returns its index.
    #[cold]
    fn insert(&mut self, name: &str) -> usize {
        let name = if self.indices.len() < MAX_UPSTREAMS { name } else { OTHER };
        let next = self.rows.len();
        let index = *self.indices.entry(name.into()).or_insert(next);
        if index == next {
            self.rows.push(TableRow::default());
        }
        index
    }
}

impl TableRow {
    /// Formats the row.
    fn format(&self, name: &str, table: &TextTable, colors: &Colors) -> String {
        let mut fates: Vec<_> = Fate::ALL
            .into_iter()
            .filter(|fate| fate.is_near_miss())
            .map(|fate| (self.counts.of(fate), fate.name()))
            .filter(|(count, _)| *count > 0)
            .collect();
        fates.sort_by_key(|(count, _)| Reverse(*count));
        let fates: Vec<_> = fates.iter().map(|(count, name)| format!("{name} {count}")).collect();
        let figures = UpstreamFigures::new(&self.counts, self.margin);
        table.row(name, &figures, [fates.join(", ")], |tone, cell| colors.tone(tone, &cell))
    }
}
