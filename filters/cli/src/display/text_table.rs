//! A table of upstreams in plain text: names to the left, cells to the right of their columns.

use super::columns::pad;
use super::upstream_column::{Tone, UpstreamColumn, UpstreamFigures};
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
    columns: &'static [UpstreamColumn],
    /// Titles and widths of the columns that only this table has.
    own_columns: &'static [(&'static str, usize)],
}

impl TextTable {
    /// Creates a table that is as wide as its names need.
    pub(crate) fn new<'a>(
        names: impl IntoIterator<Item = &'a str>,
        columns: &'static [UpstreamColumn],
        own_columns: &'static [(&'static str, usize)],
    ) -> Self {
        let widest =
            names.into_iter().map(|name| replace_controls(name, REPLACEMENT).width()).max().unwrap_or(0);
        Self { name_width: widest.clamp(*NAME_WIDTH.start(), *NAME_WIDTH.end()), columns, own_columns }
    }

    /// Returns the line of titles.
    pub(crate) fn header(&self) -> String {
        let titles = self.columns.iter().map(|column| (column.title(), column.width()));
        self.line(
            "upstream",
            titles.chain(self.own_columns.iter().copied()).map(|(title, width)| format!("{title:>width$}")),
        )
    }

    /// Returns one row; `style` may color a padded cell.
    pub(crate) fn row(
        &self,
        name: &str,
        figures: &UpstreamFigures,
        own_cells: impl IntoIterator<Item = String>,
        style: impl Fn(Tone, String) -> String,
    ) -> String {
        let cells = self.columns.iter().map(|column| {
            let text = format!("{:#}", column.cell(figures));
            style(column.tone(figures), format!("{text:>width$}", width = column.width()))
        });
        let own_cells =
            own_cells.into_iter().zip(self.own_columns).map(|(cell, (_, width))| format!("{cell:>width$}"));
        self.line(name, cells.chain(own_cells))
    }

    fn line(&self, name: &str, cells: impl Iterator<Item = String>) -> String {
        let mut line = pad(&replace_controls(name, REPLACEMENT), self.name_width);
        for cell in cells {
            line.push_str("  ");
            line.push_str(&cell);
        }
        line.truncate(line.trim_end().len());
        line
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

    fn table<'a>(names: impl IntoIterator<Item = &'a str>) -> TextTable {
        TextTable::new(names, &[UpstreamColumn::Exchanges], &[("fates", 0)])
    }

    fn row(table: &TextTable, name: &str, fates: &str) -> String {
        let figures = UpstreamFigures { exchanges: 7, ..UpstreamFigures::default() };
        table.row(name, &figures, [fates.into()], |_, cell| cell)
    }

    #[test]
    fn cells_of_wide_names_stand_below_their_titles() {
        let long = "購物車".repeat(10);
        for names in [vec!["cart", "購物車"], vec!["ledger-of-orders", "購物車服務中心"], vec!["cart", &long]]
        {
            let table = table(names.iter().copied());
            let title = table.header();
            let column = title.split_once("fates").unwrap().0.width();
            for name in names {
                let row = row(&table, name, "retried 7");
                assert_eq!(row.split_once("retried").unwrap().0.width(), column, "{title}\n{row}");
            }
        }
    }

    #[test]
    fn a_row_is_padded_cut_and_free_of_control_characters() {
        let table = table(["a"]);
        assert_eq!(table.header(), "upstream   exchanges  fates");
        assert_eq!(row(&table, "a\u{1b}b", "retried 7"), "a\u{fffd}b                7  retried 7");
        assert_eq!(row(&table, "shopping-cart", "retried 7"), "shoppin…           7  retried 7");
        assert_eq!(row(&table, "a", ""), "a                  7");
    }
}
