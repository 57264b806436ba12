//! How much room was left: exchanges by margin, with the cliff where there was none.

use super::super::clock::Stamp;
use super::super::closest::Call;
use super::super::escape::{Html, Label, Name};
use super::super::numbers::{Count, Millis, Percent};
use super::super::upstream::Upstream;
use super::put;
use super::shown::Shown;

const HEIGHT: f64 = 96.0;
/// How many close calls are shown one by one.
const CALLS: usize = 10;
/// How many of them of one upstream.
const CALLS_OF_ONE: usize = 3;

pub(super) fn section(out: &mut String, shown: &Shown<'_>) {
    out.push_str(
        r#"<section id="margins" aria-labelledby="margins-h"><h2 id="margins-h">Margin: the room that was left</h2>
<p>The margin is what was left of the nearest limit: timeout, deadline, attempts or quota. At the hatched wall there is none. The scale of counts
is logarithmic, since the few that came close are what matters.</p>
"#,
    );
    let known: Vec<_> = shown.detailed().filter(|(_, upstream)| upstream.with_margin() > 0).collect();
    if known.is_empty() {
        out.push_str("<p class=\"none\">No exchange had a known limit, so there is no margin to show. Limits come from the proxy, or from <code>upstreams.&lt;name&gt;</code> in the configuration.</p>");
    }
    out.push_str("<div class=\"cards\">");
    for (place, upstream) in known {
        figure(out, place, upstream);
    }
    out.push_str("</div>\n");
    calls(out, shown);
    out.push_str("</section>\n");
}

fn figure(out: &mut String, place: usize, upstream: &Upstream) {
    let top = upstream.margins.iter().copied().max().unwrap_or(1).max(10) as f64;
    let y = |count: f64| HEIGHT * (1.0 - (1.0 + count).log10() / (1.0 + top).log10());
    let tight = upstream.margins.first().copied().unwrap_or(0);
    let title = format!("Exchanges of {} by margin; the numbers follow as a table", Label(&upstream.name));
    put!(
        out,
        "<figure data-u=\"{place}\"><figcaption><h3>{}</h3><p>{} of {} in the last tenth</p></figcaption><div class=\"plot\"><svg class=\"labels\" width=\"64\" height=\"124\" aria-hidden=\"true\">",
        Name(&upstream.name),
        Count(tight),
        Count(upstream.with_margin())
    );
    let lines: Vec<u64> =
        (0..19).map(|power| 10_u64.pow(power)).take_while(|line| *line as f64 <= top).collect();
    let step = lines.len().div_ceil(4);
    for line in lines.iter().step_by(step) {
        put!(out, "<text x=\"58\" y=\"{:.1}\">{}</text>", y(*line as f64) + 3.5, Count(*line));
    }
    put!(
        out,
        "</svg><svg width=\"100%\" height=\"124\" role=\"img\" aria-label=\"{title}\"><title>{title}</title><g class=\"grid\">"
    );
    for line in lines.iter().step_by(step) {
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
            Count(*count),
            tenth * 10,
            tenth * 10 + 10
        );
        if tenth == 0 {
            put!(
                out,
                "<text class=\"count\" x=\"7.2%\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                (y - 3.0).max(9.0),
                Count(*count)
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
            Count(*count)
        );
    }
    out.push_str("</table></details></figure>\n");
}

/// Those with the least room, one by one.
fn calls(out: &mut String, shown: &Shown<'_>) {
    let mut calls: Vec<(u64, usize, &Upstream, &Call)> = shown
        .rows
        .iter()
        .enumerate()
        .flat_map(|(place, upstream)| {
            upstream
                .closest
                .ranked()
                .take(CALLS_OF_ONE)
                .map(move |(rank, call)| (*rank, place, *upstream, call))
        })
        .collect();
    if calls.is_empty() {
        return;
    }
    calls.sort_by_key(|(rank, place, _, call)| (*rank, call.time, *place));
    calls.truncate(CALLS);
    out.push_str("<h3>The closest calls that still succeeded</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"The closest calls\"><table class=\"calls\"><caption class=\"sr\">The closest calls</caption><thead><tr><th scope=\"col\">When<th scope=\"col\">Upstream<th scope=\"col\">Fate<th scope=\"col\" class=\"n\">Margin<th scope=\"col\" class=\"n\">Took<th scope=\"col\">What happened<tbody>");
    for (_, place, upstream, call) in calls {
        put!(
            out,
            "<tr data-u=\"{place}\" data-from=\"{}\" data-to=\"{}\"><td class=\"t\">{}<td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"said\">{}\n",
            call.time,
            call.time,
            Stamp(call.time),
            Name(&upstream.name),
            Html(&call.fate),
            Percent(call.margin_bp.map(u64::from)),
            Millis(call.duration_ms),
            Html(&call.explain)
        );
    }
    out.push_str("</table></div>");
}
