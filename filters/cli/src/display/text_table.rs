//! A table of upstreams in plain text: names to the left, cells to the right of their columns.

use super::columns::pad;
use crate::sanitize::{REPLACEMENT, replace_controls};
use core::ops::RangeInclusive;
use unicode_width::UnicodeWidthStr;

/// Maximum number of rows that are printed.
pub(crate) const MAX_ROWS: usize = 30;
/// Width of the column of names, in columns of the terminal; longer names are cut.
const NAME_WIDTH: RangeInclusive<usize> = 8..=40;

/// The layout of a table.
pub(crate) struct TextTable {
    name_width: usize,
    /// Titles of the other columns and their widths.
    columns: &'static [(&'static str, usize)],
}

impl TextTable {
    /// Creates a table that is as wide as its names need.
    pub(crate) fn new<'a>(
        names: impl IntoIterator<Item = &'a str>,
        columns: &'static [(&'static str, usize)],
    ) -> Self {
        let widest =
            names.into_iter().map(|name| replace_controls(name, REPLACEMENT).width()).max().unwrap_or(0);
        Self { name_width: widest.clamp(*NAME_WIDTH.start(), *NAME_WIDTH.end()), columns }
    }

    /// Returns the line of titles.
    pub(crate) fn header(&self) -> String {
        self.row("upstream", self.columns.iter().map(|(title, _)| (*title).into()), |_, cell| cell)
    }

    /// Returns one row; `style` gets the index of each padded cell and may color it.
    pub(crate) fn row(
        &self,
        name: &str,
        cells: impl IntoIterator<Item = String>,
        style: impl Fn(usize, String) -> String,
    ) -> String {
        let mut row = pad(&replace_controls(name, REPLACEMENT), self.name_width);
        for (index, (cell, (_, width))) in cells.into_iter().zip(self.columns).enumerate() {
            row.push_str("  ");
            row.push_str(&style(index, format!("{cell:>width$}")));
        }
        row.truncate(row.trim_end().len());
        row
    }
}

/// Returns the line below a table of which only the first [`MAX_ROWS`] of `rows` are printed.
pub(crate) fn omitted(rows: usize) -> Option<String> {
    let more = rows.checked_sub(MAX_ROWS).filter(|more| *more > 0)?;
    Some(format!("… and {more} more upstreams"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[(&str, usize)] = &[("exchanges", 10), ("fates", 0)];

    fn row(table: &TextTable, name: &str) -> String {
        table.row(name, ["7".into(), "retried 7".into()], |_, cell| cell)
    }

    #[test]
    fn cells_of_wide_names_stand_below_their_titles() {
        let long = "購物車".repeat(10);
        for names in [vec!["cart", "購物車"], vec!["ledger-of-orders", "購物車服務中心"], vec!["cart", &long]]
        {
            let table = TextTable::new(names.iter().copied(), COLUMNS);
            let title = table.header();
            let column = title.split_once("fates").unwrap().0.width();
            for name in names {
                let row = row(&table, name);
                assert_eq!(row.split_once("retried").unwrap().0.width(), column, "{title}\n{row}");
            }
        }
    }

    #[test]
    fn a_row_is_padded_cut_and_free_of_control_characters() {
        let table = TextTable::new(["a"], COLUMNS);
        assert_eq!(table.header(), "upstream   exchanges  fates");
        assert_eq!(row(&table, "a\u{1b}b"), "a\u{fffd}b                7  retried 7");
        assert_eq!(row(&table, "shopping-cart"), "shoppin…           7  retried 7");
        assert_eq!(table.row("a", ["7".into(), String::new()], |_, cell| cell), "a                  7");
    }
}
