//! What has become normal: the last day against the reference, and the budget that near misses spend.

use super::super::clock::day;
use super::super::escape::Name;
use super::super::normal::{Drift, compared};
use super::super::numbers::{Hundredths, Millis, Percent};
use super::put;
use super::shown::Shown;

/// Rows of each table.
const MOST: usize = 20;

pub(super) fn section(out: &mut String, shown: &Shown<'_>) {
    out.push_str("<section id=\"normal\" aria-labelledby=\"normal-h\"><h2 id=\"normal-h\">What has become normal</h2>\n");
    let mut compared = compared(&shown.story.upstreams);
    compared.sort_by_key(|compared| (compared.drift() == Drift::AsEver, compared.place));
    if compared.is_empty() {
        out.push_str("<p class=\"none\">There is no reference yet: one whole day of each upstream is frozen as its reference, and later days are compared with it, so that a slow decline shows too. Give one back with <code>reference.&lt;upstream&gt;</code> in the configuration.</p>");
    } else {
        out.push_str("<p>The last day of each upstream beside its reference, a day that was frozen: rolling baselines get used to anything, a reference does not.</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of references\"><table class=\"normal\"><caption class=\"sr\">The last day against the reference</caption><thead><tr><th scope=\"col\">Upstream<th scope=\"col\">Reference<th scope=\"col\" class=\"n\">Near misses then<th scope=\"col\" class=\"n\">now<th scope=\"col\" class=\"n\">Typically then<th scope=\"col\" class=\"n\">now<th scope=\"col\">It is<tbody>\n");
        for compared in compared.iter().take(MOST) {
            put!(
                out,
                "<tr data-u=\"{}\"><th scope=\"row\">{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"{}\">{}\n",
                compared.place,
                Name(&compared.upstream.name),
                day(compared.since),
                Percent(Some(compared.near_then)),
                Percent(Some(compared.near_now)),
                Millis(compared.typical_then),
                Millis(compared.typical_now),
                if compared.drift() == Drift::AsEver { "calm" } else { "alarm" },
                compared.drift().words()
            );
        }
        out.push_str("</table></div>");
    }
    burn(out, shown);
    out.push_str("</section>\n");
}

/// How fast near misses spend their budget, as the last summaries had it.
fn burn(out: &mut String, shown: &Shown<'_>) {
    const WINDOWS: [&str; 4] = ["5m", "30m", "1h", "6h"];
    let mut rows: Vec<_> = shown
        .rows
        .iter()
        .enumerate()
        .filter_map(|(place, upstream)| Some((place, *upstream, upstream.burn.as_ref()?)))
        .filter(|(_, _, burn)| burn.values().any(|bp| *bp > 0))
        .collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|(place, _, burn)| (core::cmp::Reverse(burn.get("6h").copied()), *place));
    out.push_str("<h3>The budget of near misses at the end</h3><p>How many times as fast as the budget allows: at 1 it is spent exactly.</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Budget\"><table class=\"burn\"><caption class=\"sr\">Burn of the budget of near misses</caption><thead><tr><th scope=\"col\">Upstream");
    for window in ["5 min", "30 min", "1 h", "6 h"] {
        put!(out, "<th scope=\"col\" class=\"n\">last {window}");
    }
    out.push_str("<tbody>\n");
    for (place, upstream, burn) in rows.into_iter().take(MOST) {
        put!(out, "<tr data-u=\"{place}\"><th scope=\"row\">{}", Name(&upstream.name));
        for window in WINDOWS {
            let bp = burn.get(window).copied();
            let class = if bp > Some(10_000) { "n alarm" } else { "n" };
            put!(out, "<td class=\"{class}\">{}", Hundredths(bp.map(|bp| bp / 100)));
        }
        out.push('\n');
    }
    out.push_str("</table></div>");
}
