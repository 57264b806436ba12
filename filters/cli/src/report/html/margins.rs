//! Renders the histograms of the margin, with a hatched wall at zero, and the closest calls.

use super::layout::PageLayout;
use super::put::put;
use crate::display::numbers::{GroupedCount, Millis, Percent};
use crate::display::time::DateTime;
use crate::report::escape::{HtmlAttribute, HtmlName, HtmlText};
use crate::report::exemplars::Exemplar;
use crate::report::upstream::UpstreamReport;

/// Height of a plot in pixels.
const HEIGHT: f64 = 96.0;
/// Maximum number of closest calls.
const MAX_CALLS: usize = 10;
/// Maximum number of closest calls of one upstream.
const MAX_CALLS_PER_UPSTREAM: usize = 3;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str(
        r#"<section id="margins" aria-labelledby="margins-h"><h2 id="margins-h">Margin: the room that was left</h2>
<p>The margin is what was left of the nearest limit: timeout, deadline, attempts or quota. At the hatched wall there is none. The scale of counts
is logarithmic, since the few that came close are what matters.</p>
"#,
    );
    let with_margins: Vec<_> = layout.detailed().filter(|(_, upstream)| upstream.with_margin() > 0).collect();
    if with_margins.is_empty() {
        out.push_str("<p class=\"none\">No exchange had a known limit, so there is no margin to show. Limits come from the proxy, or from <code>upstreams.&lt;name&gt;</code> in the configuration.</p>");
    }
    out.push_str("<div class=\"cards\">");
    for (index, upstream) in with_margins {
        figure(out, index, upstream);
    }
    out.push_str("</div>\n");
    closest_calls(out, layout);
    out.push_str("</section>\n");
}

fn figure(out: &mut String, index: usize, upstream: &UpstreamReport) {
    let max_count = upstream.margins.iter().copied().max().unwrap_or(1).max(10) as f64;
    let y = |count: f64| HEIGHT * (1.0 - (1.0 + count).log10() / (1.0 + max_count).log10());
    let in_last_tenth = upstream.margins.first().copied().unwrap_or(0);
    let title =
        format!("Exchanges of {} by margin; the numbers follow as a table", HtmlAttribute(&upstream.name));
    put!(
        out,
        "<figure data-u=\"{index}\"><figcaption><h3>{}</h3><p>{} of {} in the last tenth</p></figcaption><div class=\"plot\"><svg class=\"labels\" width=\"64\" height=\"124\" aria-hidden=\"true\">",
        HtmlName(&upstream.name),
        GroupedCount(in_last_tenth),
        GroupedCount(upstream.with_margin())
    );
    let grid: Vec<u64> =
        (0..19).map(|power| 10_u64.pow(power)).take_while(|line| *line as f64 <= max_count).collect();
    let step = grid.len().div_ceil(4);
    for line in grid.iter().step_by(step) {
        put!(out, "<text x=\"58\" y=\"{:.1}\">{}</text>", y(*line as f64) + 3.5, GroupedCount(*line));
    }
    put!(
        out,
        "</svg><svg width=\"100%\" height=\"124\" role=\"img\" aria-label=\"{title}\"><title>{title}</title><g class=\"grid\">"
    );
    for line in grid.iter().step_by(step) {
        put!(out, "<line x1=\"0\" x2=\"100%\" y1=\"{:.1}\" y2=\"{:.1}\"/>", y(*line as f64), y(*line as f64));
    }
    put!(out, "</g><rect class=\"cliff\" x=\"0\" y=\"0\" width=\"7\" height=\"{HEIGHT}\"/>");
    for (tenth, count) in upstream.margins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let y = y(*count as f64);
        put!(
            out,
            "<rect class=\"{}\" x=\"{}%\" y=\"{y:.1}\" width=\"8.4%\" height=\"{:.1}\"><title>{} exchanges with {} to {} % left</title></rect>",
            if tenth == 0 { "tightest" } else { "room" },
            3.0 + tenth as f64 * 9.7,
            HEIGHT - y,
            GroupedCount(*count),
            tenth * 10,
            tenth * 10 + 10
        );
        if tenth == 0 {
            put!(
                out,
                "<text class=\"count\" x=\"7.2%\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                (y - 3.0).max(9.0),
                GroupedCount(*count)
            );
        }
    }
    put!(out, "<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/>");
    for (x, anchor, label) in
        [("0", "start", "0 %"), ("51.5%", "middle", "50 % left"), ("100%", "end", "100 %")]
    {
        put!(out, "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{label}</text>", HEIGHT + 14.0);
    }
    out.push_str("</svg></div><details><summary>Numbers</summary><table class=\"numbers\"><caption class=\"sr\">Exchanges by margin</caption><thead><tr><th scope=\"col\">Margin<th scope=\"col\">Exchanges<tbody>");
    for (tenth, count) in upstream.margins.iter().enumerate() {
        put!(
            out,
            "<tr><th scope=\"row\">{} to {}\u{202f}%<td>{}\n",
            tenth * 10,
            tenth * 10 + 10,
            GroupedCount(*count)
        );
    }
    out.push_str("</table></details></figure>\n");
}

/// Writes the table of the exchanges with the smallest margins.
fn closest_calls(out: &mut String, layout: &PageLayout<'_>) {
    let mut closest_calls: Vec<(u64, usize, &UpstreamReport, &Exemplar)> = layout
        .rows
        .iter()
        .enumerate()
        .flat_map(|(index, upstream)| {
            upstream
                .closest
                .ranked()
                .take(MAX_CALLS_PER_UPSTREAM)
                .map(move |(rank, exemplar)| (*rank, index, *upstream, exemplar))
        })
        .collect();
    if closest_calls.is_empty() {
        return;
    }
    closest_calls.sort_by_key(|(rank, index, _, exemplar)| (*rank, exemplar.time, *index));
    closest_calls.truncate(MAX_CALLS);
    out.push_str("<h3>The closest calls that still succeeded</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"The closest calls\"><table class=\"calls\"><caption class=\"sr\">The closest calls</caption><thead><tr><th scope=\"col\">When<th scope=\"col\">Upstream<th scope=\"col\">Fate<th scope=\"col\" class=\"n\">Margin<th scope=\"col\" class=\"n\">Took<th scope=\"col\">What happened<tbody>");
    for (_, index, upstream, exemplar) in closest_calls {
        put!(
            out,
            "<tr data-u=\"{index}\" data-from=\"{}\" data-to=\"{}\"><td class=\"t\">{}<td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"said\">{}\n",
            exemplar.time,
            exemplar.time,
            DateTime(exemplar.time),
            HtmlName(&upstream.name),
            HtmlText(&exemplar.fate),
            Percent(exemplar.margin_bp.map(u64::from)),
            Millis(exemplar.duration_ms),
            HtmlText(&exemplar.explain)
        );
    }
    out.push_str("</table></div>");
}
