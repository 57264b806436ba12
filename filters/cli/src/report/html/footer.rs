//! The footer: how the report was counted, and which data is merged or missing.

use super::layout::{self, PageLayout};
use crate::display::numbers::{GroupedCount, Seconds};
use crate::report::escape::HtmlText;
use crate::report::input_stats::InputStats;
use maud::{Markup, html};

pub(super) fn section(layout: &PageLayout<'_>, stats: &InputStats) -> Markup {
    let model = layout.model;
    let folded = model.upstreams.len().saturating_sub(layout::MAX_ROWS);
    html! {
        footer aria-labelledby="counted-h" {
            h2 #counted-h { "How this was counted" }
            ul {
                @if !layout.rows.is_empty() {
                    li {
                    "From " (GroupedCount(model.summaries).to_string()) " summaries, "
                    (GroupedCount(model.exchange_records).to_string()) " exchange records and "
                    (GroupedCount(model.episodes.len() as u64).to_string()) " episodes of "
                    (HtmlText(&stats.file_names())) ". Counts are exact, and come from the summaries."
                    }
                }
                li {
                    "Time is divided into bins of " (Seconds(model.time_bins.width_ms() / 1_000).to_string())
                    "; a summary counts in the bin in which it ended. Times are in UTC"
                    span #zone {} "."
                }
                li {
                    "Shares refer to exchanges that were neither aborted by the client nor rejected by a policy; they are rounded down to two \
                     decimals."
                }
                @if folded > 0 {
                    li {
                        (folded) " upstreams beyond the first " (layout::MAX_ROWS)
                        " are folded into one row; all of them count in the sums."
                    }
                }
                @if model.upstreams.len() > layout::MAX_DETAILED {
                    li { "Plots show the first " (layout::MAX_DETAILED) " upstreams." }
                }
                @for (count, label) in notes(layout, stats).into_iter().filter(|(count, _)| *count > 0) {
                    li { (GroupedCount(count).to_string()) " " (label) "." }
                }
            }
        }
    }
}

/// Returns what is missing or was counted in another way, with its count.
fn notes(layout: &PageLayout<'_>, stats: &InputStats) -> [(u64, &'static str); 9] {
    let model = layout.model;
    [
        (model.duplicate_summaries, "summaries occurred twice and were counted once"),
        (model.skipped_episodes, "episodes beyond the maximum were left out"),
        (model.unrouted, "exchanges had no upstream; they are in no share"),
        (model.prior_verdicts, "exchanges came with a fate only; their attempts and durations are not known"),
        (model.relayed, "exchanges had been judged by another nearmiss, which reports them"),
        (
            stats.attempts_unknown,
            "exchanges do not say how many attempts they had, so the first-try success may be lower than shown",
        ),
        (stats.unreadable + model.unread, "lines could not be read"),
        (
            model.upstreams.iter().map(|upstream| upstream.late).sum(),
            "exchanges were out of order or late: they are counted, but not part of an episode",
        ),
        (
            model.upstreams.iter().map(|upstream| upstream.suppressed).sum(),
            "exchange records were suppressed by a rate limit; the counts include them",
        ),
    ]
}
