//! Tables: scrolled sideways where they do not fit, and sortable where the script runs.

use crate::display::upstream_column::Cell;
use maud::{Markup, Render, html};

/// A heading of a column.
pub(super) struct Column {
    title: &'static str,
    is_number: bool,
}

/// Returns a column of text.
pub(super) const fn text(title: &'static str) -> Column {
    Column { title, is_number: false }
}

/// Returns a column of numbers.
pub(super) const fn number(title: &'static str) -> Column {
    Column { title, is_number: true }
}

/// Renders a table; `body` contains its rows.
pub(super) fn table(class: &str, caption: &str, columns: &[Column], body: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table class=(class) {
                caption.sr { (caption) }
                thead {
                    tr {
                        @for column in columns {
                            th scope="col" class=[column.is_number.then_some("n")] { (column.title) }
                        }
                    }
                }
                tbody { (body) }
            }
        }
    }
}

/// Renders a cell with a number that rows can be sorted by.
pub(super) fn sortable(value: u64, shown: impl Render) -> Markup {
    html! { td.n data-v=(value) { (shown) } }
}

/// Renders a cell of a table of upstreams; `key` is its name for the filter.
pub(super) fn upstream_cell(key: Option<&str>, cell: Cell) -> Markup {
    html! { td.n data-k=[key] data-v=(cell.rank()) { (cell.to_string()) } }
}
