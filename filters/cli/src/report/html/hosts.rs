//! Suspect hosts, with a sentence about each.

use super::layout::PageLayout;
use super::table::{number, sortable, table, text};
use crate::display::numbers::{GroupedCount, Percent};
use crate::report::escape::HtmlName;
use crate::report::hosts::suspects;
use maud::{Markup, html};

/// Maximum number of rows.
const MAX_ROWS: usize = 24;

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    let (suspects, total) = suspects(layout.model, MAX_ROWS);
    let columns =
        [text("Host"), text("Upstream"), number("Attempts"), number("Share of problems"), text("Finding")];
    let body = html! {
        @for suspect in &suspects {
            tr data-u=(suspect.index) class=[suspect.stands_out().then_some("alarm")] {
                th scope="row" { (HtmlName(suspect.name)) }
                td { (HtmlName(&suspect.upstream.name)) }
                (sortable(suspect.host.attempts, GroupedCount(suspect.host.attempts).to_string()))
                (sortable(suspect.problem_bp, Percent(Some(suspect.problem_bp)).to_string()))
                td.said { (suspect.sentence()) }
            }
        }
    };
    html! {
        section #hosts aria-labelledby="hosts-h" {
            h2 #hosts-h { "Hosts" }
            @if suspects.is_empty() {
                p.none { "No problem is attributed to a host." }
            } @else {
                (table("hosts sortable", "Hosts with problems, the most conspicuous first", &columns, &body))
            }
            @if total > suspects.len() {
                p.note { (total - suspects.len()) " less conspicuous hosts are not shown." }
            }
        }
    }
}
