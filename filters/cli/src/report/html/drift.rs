//! The last day compared with the reference, and the budget that near misses spend.

use super::layout::PageLayout;
use super::table::{number, sortable, table, text};
use crate::display::numbers::{Hundredths, Millis, Percent};
use crate::display::time::iso_date;
use crate::report::drift::{Drift, ReferenceComparison, compare_to_references};
use crate::report::escape::HtmlName;
use crate::report::upstream::UpstreamReport;
use maud::{Markup, html};

/// Maximum number of rows of each table.
const MAX_ROWS: usize = 20;

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    let mut comparisons = compare_to_references(&layout.model.upstreams);
    comparisons.sort_by_key(|comparison| (comparison.drift() == Drift::Unchanged, comparison.index));
    html! {
        section #normal aria-labelledby="normal-h" {
            h2 #normal-h { "Drift from the reference day" }
            @if comparisons.is_empty() {
                p.none {
                    "There is no reference yet. One whole day of each upstream is frozen as its reference, and later days are compared \
                     with it, so that a slow decline shows too. To keep one across runs, set "
                    code { "reference.<upstream>" } " in the configuration."
                }
            } @else {
                (references(&comparisons))
            }
            (burn(layout))
        }
    }
}

fn references(comparisons: &[ReferenceComparison<'_>]) -> Markup {
    let columns = [
        text("Upstream"),
        text("Reference"),
        number("Near misses then"),
        number("now"),
        number("Typical duration then"),
        number("now"),
        text("Finding"),
    ];
    let body = html! {
        @for comparison in comparisons.iter().take(MAX_ROWS) {
            tr data-u=(comparison.index) {
                th scope="row" { (HtmlName(&comparison.upstream.name)) }
                td { (iso_date(comparison.since)) }
                (sortable(comparison.near_then, Percent(Some(comparison.near_then)).to_string()))
                (sortable(comparison.near_now, Percent(Some(comparison.near_now)).to_string()))
                td.n { (Millis(comparison.typical_then).to_string()) }
                td.n { (Millis(comparison.typical_now).to_string()) }
                td class=(if comparison.drift() == Drift::Unchanged { "calm" } else { "alarm" }) {
                    (comparison.drift().label())
                }
            }
        }
    };
    html! {
        p {
            "The last day of each upstream beside its reference, a frozen day. A rolling baseline adapts to a slow decline; a \
             reference does not."
        }
        (table("normal", "The last day and the reference", &columns, &body))
    }
}

/// Renders the burn rate of the near-miss budget from the last summaries.
fn burn(layout: &PageLayout<'_>) -> Markup {
    const WINDOWS: [&str; 4] = ["5m", "30m", "1h", "6h"];
    let mut rows: Vec<(usize, &UpstreamReport, _)> = layout
        .rows
        .iter()
        .enumerate()
        .filter_map(|(index, upstream)| Some((index, *upstream, upstream.burn.as_ref()?)))
        .filter(|(_, _, burn)| burn.values().any(|bp| *bp > 0))
        .collect();
    if rows.is_empty() {
        return Markup::default();
    }
    rows.sort_by_key(|(index, _, burn)| (core::cmp::Reverse(burn.get("6h").copied()), *index));
    let columns = [
        text("Upstream"),
        number("last 5 min"),
        number("last 30 min"),
        number("last 1 h"),
        number("last 6 h"),
    ];
    let body = html! {
        @for (index, upstream, burn) in rows.into_iter().take(MAX_ROWS) {
            tr data-u=(index) {
                th scope="row" { (HtmlName(&upstream.name)) }
                @for bp in WINDOWS.map(|window| burn.get(window).copied()) {
                    td.n.alarm[bp > Some(10_000)] data-v=(bp.unwrap_or(0)) {
                        (Hundredths(bp.map(|bp| bp / 100)).to_string())
                    }
                }
            }
        }
    };
    html! {
        h3 { "Near-miss budget at the end" }
        p { "Spending relative to the budget: 1 spends it exactly." }
        (table("burn sortable", "Burn rate of the near-miss budget", &columns, &body))
    }
}
