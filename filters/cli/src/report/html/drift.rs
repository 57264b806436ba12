//! The last day compared with the reference, and the budget that near misses spend.

use super::layout::PageLayout;
use super::put::put;
use crate::display::numbers::{Hundredths, Millis, Percent};
use crate::display::time::iso_date;
use crate::report::drift::{Drift, compare_to_references};
use crate::report::escape::HtmlName;

/// Maximum number of rows of each table.
const MAX_ROWS: usize = 20;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str("<section id=\"normal\" aria-labelledby=\"normal-h\"><h2 id=\"normal-h\">What has become normal</h2>\n");
    let mut comparisons = compare_to_references(&layout.model.upstreams);
    comparisons.sort_by_key(|comparison| (comparison.drift() == Drift::Unchanged, comparison.index));
    if comparisons.is_empty() {
        out.push_str("<p class=\"none\">There is no reference yet: one whole day of each upstream is frozen as its reference, and later days are compared with it, so that a slow decline shows too. Give one back with <code>reference.&lt;upstream&gt;</code> in the configuration.</p>");
    } else {
        out.push_str("<p>The last day of each upstream beside its reference, a day that was frozen: rolling baselines get used to anything, a reference does not.</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of references\"><table class=\"normal\"><caption class=\"sr\">The last day against the reference</caption><thead><tr><th scope=\"col\">Upstream<th scope=\"col\">Reference<th scope=\"col\" class=\"n\">Near misses then<th scope=\"col\" class=\"n\">now<th scope=\"col\" class=\"n\">Typically then<th scope=\"col\" class=\"n\">now<th scope=\"col\">It is<tbody>\n");
        for comparison in comparisons.iter().take(MAX_ROWS) {
            put!(
                out,
                "<tr data-u=\"{}\"><th scope=\"row\">{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"{}\">{}\n",
                comparison.index,
                HtmlName(&comparison.upstream.name),
                iso_date(comparison.since),
                Percent(Some(comparison.near_then)),
                Percent(Some(comparison.near_now)),
                Millis(comparison.typical_then),
                Millis(comparison.typical_now),
                if comparison.drift() == Drift::Unchanged { "calm" } else { "alarm" },
                comparison.drift().label()
            );
        }
        out.push_str("</table></div>");
    }
    burn(out, layout);
    out.push_str("</section>\n");
}

/// Writes the burn rate of the near-miss budget from the last summaries.
fn burn(out: &mut String, layout: &PageLayout<'_>) {
    const WINDOWS: [&str; 4] = ["5m", "30m", "1h", "6h"];
    let mut rows: Vec<_> = layout
        .rows
        .iter()
        .enumerate()
        .filter_map(|(index, upstream)| Some((index, *upstream, upstream.burn.as_ref()?)))
        .filter(|(_, _, burn)| burn.values().any(|bp| *bp > 0))
        .collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|(index, _, burn)| (core::cmp::Reverse(burn.get("6h").copied()), *index));
    out.push_str("<h3>The budget of near misses at the end</h3><p>How many times as fast as the budget allows: at 1 it is spent exactly.</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Budget\"><table class=\"burn\"><caption class=\"sr\">Burn of the budget of near misses</caption><thead><tr><th scope=\"col\">Upstream");
    for window in ["5 min", "30 min", "1 h", "6 h"] {
        put!(out, "<th scope=\"col\" class=\"n\">last {window}");
    }
    out.push_str("<tbody>\n");
    for (index, upstream, burn) in rows.into_iter().take(MAX_ROWS) {
        put!(out, "<tr data-u=\"{index}\"><th scope=\"row\">{}", HtmlName(&upstream.name));
        for window in WINDOWS {
            let bp = burn.get(window).copied();
            let class = if bp > Some(10_000) { "n alarm" } else { "n" };
            put!(out, "<td class=\"{class}\">{}", Hundredths(bp.map(|bp| bp / 100)));
        }
        out.push('\n');
    }
    out.push_str("</table></div>");
}
