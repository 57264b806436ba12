//! Renders the report as an HTML page: one file that loads nothing, and is complete without JavaScript, which only
//! filters and shows numbers under the pointer.

mod attempts;
mod data;
mod drift;
mod episodes;
mod footer;
mod heat_map;
mod hosts;
mod layout;
mod margins;
mod plot;
mod put;
mod ranking;
mod scale;
mod ticks;
mod timeline;

use super::advice;
use super::escape::{HtmlAttribute, HtmlText};
use super::headline;
use super::input_stats::InputStats;
use super::model::ReportModel;
use crate::display::time::DateTime;
use layout::PageLayout;
use put::put;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// The only script that may run: one injected through a name would not. When the script changes, the tests print the
/// new hash as Chromium reports it.
const SCRIPT_HASH: &str = "sha256-B//UyM+wik9wPDoEej36EL/2mO9mcIXjFs/1uXC35VU=";
const SYMBOLS: &str = include_str!("html/symbols.svg");

/// Renders the page.
pub(crate) fn page(model: &ReportModel, stats: &InputStats) -> String {
    let layout = PageLayout::new(model);
    let out = &mut String::with_capacity(1 << 20);
    put!(
        out,
        r##"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<title>Near misses: {}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
{SYMBOLS}
<a class="skip" href="#story">Skip to the story</a>
<header>
<p class="over">Near misses<span class="files"> · {}</span></p>
<h1>{}</h1>
<p class="extent">{}</p>
"##,
        HtmlText(&stats.file_names()),
        HtmlText(&stats.file_names()),
        HtmlText(&headline::sentence(model)),
        HtmlText(&headline::extent(model)),
    );
    if let Some((from, to)) = model.span {
        put!(
            out,
            "<p class=\"when\"><time>{}</time> to <time>{}</time> UTC</p>\n",
            DateTime(from),
            DateTime(to)
        );
    }
    out.push_str(CONTENTS);
    out.push_str("</header>\n");
    filter(out, &layout);
    out.push_str("<main id=\"story\">\n");
    if layout.rows.is_empty() {
        out.push_str("<p>There is nothing to show.</p>");
    } else {
        first(out, model);
        ranking::section(out, &layout);
        timeline::section(out, &layout);
        margins::section(out, &layout);
        heat_map::section(out, &layout);
        attempts::section(out, &layout);
        drift::section(out, &layout);
        episodes::section(out, &layout);
        hosts::section(out, &layout);
    }
    out.push_str("</main>\n");
    footer::section(out, &layout, stats);
    put!(out, "<div id=\"tip\" role=\"status\" aria-live=\"polite\" hidden></div>\n");
    data::script(out, &layout);
    put!(out, "<script>{SCRIPT}</script>\n</html>\n");
    core::mem::take(out)
}

const CONTENTS: &str = r##"<nav aria-label="Contents"><ol>
<li><a href="#first">Look first at</a><li><a href="#upstreams">Upstreams</a><li><a href="#timeline">Timeline</a><li><a href="#margins">Margins</a>
<li><a href="#latency">Latency</a><li><a href="#attempts">Attempts</a><li><a href="#normal">Become normal</a>
<li><a href="#episodes">Episodes</a><li><a href="#hosts">Hosts</a>
</ol></nav>
"##;

/// Writes the filter form. It is hidden until the script, which it needs, shows it.
fn filter(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str("<form id=\"filter\" aria-label=\"Filter\" hidden>\n<label>Upstream <select id=\"f-upstream\"><option value=\"\">all</option>");
    for (index, upstream) in layout.rows.iter().enumerate() {
        put!(out, "<option value=\"{index}\">{}</option>", HtmlAttribute(&upstream.name));
    }
    let last = layout.bins.saturating_sub(1);
    put!(
        out,
        r#"</select></label>
<label>From <input id="f-from" type="range" min="0" max="{last}" value="0"></label>
<label>to <input id="f-to" type="range" min="0" max="{last}" value="{last}"></label>
<button type="reset">Everything</button>
<output id="f-told" for="f-upstream f-from f-to"></output>
</form>
"#
    );
}

fn first(out: &mut String, model: &ReportModel) {
    let list = advice::advice(model);
    out.push_str(
        "<section id=\"first\" aria-labelledby=\"first-h\"><h2 id=\"first-h\">What to look at first</h2>\n",
    );
    if list.is_empty() {
        out.push_str("<p>Nothing is urgent: no episode is open, no host stands out, and almost nothing depends on safety nets.</p>");
    } else {
        out.push_str("<ol class=\"advice\">");
        for advice in &list {
            put!(out, "<li>{} <a href=\"#{}\">More</a>\n", advice.text.html(), advice.section);
        }
        out.push_str("</ol>");
    }
    out.push_str("</section>\n");
}
