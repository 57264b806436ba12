//! The table that `replay` prints at its end: the success rate of each upstream, with and without safety nets.

use super::colors::Colors;
use super::fnv::FnvHasher;
use crate::counts::Counts;
use core::cmp::Reverse;
use core::hash::BuildHasherDefault;
use nearmiss::{Exchange, Fate, NO_UPSTREAM, OTHER, Verdict, upstream_name};
use std::collections::HashMap;

/// Counts per upstream.
#[derive(Debug, Default)]
pub(super) struct ReplayTable {
    /// Indices into `rows`, by name.
    indices: HashMap<String, usize, BuildHasherDefault<FnvHasher>>,
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
/// Maximum number of rows that are printed.
const MAX_ROWS: usize = 30;

impl ReplayTable {
    /// Counts an exchange that was judged here.
    pub(super) fn count(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
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
    pub(super) fn count_judged(&mut self, upstream: Option<&str>, fate: Fate) {
        self.update(&upstream_name(upstream.unwrap_or_default()), |row| {
            row.counts.add(&Counts::of_one(fate));
        });
    }

    /// Prints the table on standard error, upstreams with the most near misses first.
    pub(super) fn print(&self) {
        let row = |index: &usize| self.rows.get(*index).copied().unwrap_or_default();
        let mut rows: Vec<_> = self.indices.iter().map(|(name, index)| (name, row(index))).collect();
        rows.sort_by_key(|(name, row)| (Reverse(row.counts.near_misses()), (*name).clone()));
        let widest = rows.iter().take(MAX_ROWS).map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let width = widest.clamp(8, 40);
        let colors = Colors::new();
        eprintln!(
            "{}",
            colors.dim(&format!(
                "{:width$}  {:>10}  {:>9}  {:>9}  {:>11}  {:>8}  {:>8}  near misses by fate",
                "upstream", "exchanges", "first try", "final", "near misses", "failed", "margin"
            ))
        );
        for (name, row) in rows.iter().take(MAX_ROWS) {
            eprintln!("{}", row.format(name, width, &colors).trim_end());
        }
        if rows.len() > MAX_ROWS {
            eprintln!("… and {} more upstreams", rows.len() - MAX_ROWS);
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
    /// Formats the row, with the name cut to `width` characters.
    fn format(&self, name: &str, width: usize, colors: &Colors) -> String {
        let counts = &self.counts;
        let share = |share: Option<u64>| match share {
            Some(bp) => format!("{}.{:02} %", bp / 100, bp % 100),
            None => "-".into(),
        };
        let margin = self.margin.map_or("-".into(), |bp| format!("{}.{} %", bp / 100, bp % 100 / 10));
        let mut fates: Vec<_> = Fate::ALL
            .into_iter()
            .filter(|fate| !matches!(fate, Fate::Clean | Fate::Failed))
            .map(|fate| (counts.of(fate), fate.name()))
            .filter(|(count, _)| *count > 0)
            .collect();
        fates.sort_by_key(|(count, _)| Reverse(*count));
        let fates: Vec<_> = fates.iter().map(|(count, name)| format!("{name} {count}")).collect();
        let mut name: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if name.chars().count() > width {
            name = name.chars().take(width - 1).chain(['…']).collect();
        }
        let near_misses = colors.warning(&format!("{:>11}", counts.near_misses()), counts.near_misses() > 0);
        let failed = colors.error(&format!("{:>8}", counts.failed()), counts.failed() > 0);
        format!(
            "{name:width$}  {:>10}  {:>9}  {:>9}  {near_misses}  {failed}  {margin:>8}  {}",
            counts.exchanges(),
            share(counts.first_try_success()),
            share(counts.final_success()),
            fates.join(", ")
        )
    }
}
