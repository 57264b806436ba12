//! The footer: how the report was counted, and which data is folded or left out.

use super::layout::{self, PageLayout};
use super::put::put;
use crate::display::numbers::{GroupedCount, Seconds};
use crate::report::escape::HtmlText;
use crate::report::input_stats::InputStats;

/// Writes the footer.
pub(super) fn section(out: &mut String, layout: &PageLayout<'_>, stats: &InputStats) {
    let model = layout.model;
    out.push_str(
        "<footer aria-labelledby=\"counted-h\"><h2 id=\"counted-h\">How this was counted</h2>\n<ul>",
    );
    put!(
        out,
        "<li>From {} summaries, {} exchange records and {} episodes of {}. Counts are those of the summaries and exact.",
        GroupedCount(model.summaries),
        GroupedCount(model.exchange_records),
        GroupedCount(model.episodes.len() as u64),
        HtmlText(&stats.file_names())
    );
    put!(
        out,
        "<li>Time is cut in bins of {}; a summary counts in the bin it ended in. All times are UTC.",
        Seconds(model.time_bins.width_ms() / 1_000)
    );
    out.push_str(
        "<li>Shares are of the exchanges whose callers stayed, cut to two decimals, never rounded up.",
    );
    let folded = model.upstreams.len().saturating_sub(layout::MAX_ROWS);
    if folded > 0 {
        put!(
            out,
            "<li>{folded} upstreams beyond the first {} are folded into one row; nothing of them is lost in the sums.",
            layout::MAX_ROWS
        );
    }
    if model.upstreams.len() > layout::MAX_DETAILED {
        put!(out, "<li>Plots show the {} upstreams that came closest.", layout::MAX_DETAILED);
    }
    for (count, label) in [
        (model.duplicate_summaries, "summaries came twice and were counted once"),
        (model.skipped_episodes, "episodes beyond those that are kept were left out"),
        (model.unrouted, "exchanges had no upstream and are in no share"),
        (
            model.prior_verdicts,
            "exchanges came with a fate and no more; their attempts and durations are not known",
        ),
        (model.relayed, "exchanges had been judged by another nearmiss, whose records tell of them"),
        (
            stats.attempts_unknown,
            "exchanges do not say how many attempts they had, so the first try may be lower than shown",
        ),
        (stats.unreadable, "lines could not be read"),
        (
            model.upstreams.iter().map(|upstream| upstream.late).sum(),
            "exchanges came late: they are counted and changed no episode",
        ),
        (
            model.upstreams.iter().map(|upstream| upstream.suppressed).sum(),
            "exchange records were held back where they arose; the counts have them",
        ),
    ] {
        if count > 0 {
            put!(out, "<li>{} {label}.", GroupedCount(count));
        }
    }
    out.push_str("</ul></footer>\n");
}
