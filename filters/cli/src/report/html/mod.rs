//! The page: one file, no network, and everything in it without JavaScript too, which only filters and shows numbers
//! under the pointer.

mod attempts;
mod data;
mod episodes;
mod heat_map;
mod hosts;
mod margins;
mod normal;
mod plot;
mod ranking;
mod scale;
mod shown;
mod timeline;

use super::Notes;
use super::advice;
use super::clock::Stamp;
use super::escape::{Html, Label};
use super::headline;
use super::numbers::Count;
use super::story::Story;
use shown::Shown;

/// Writes formatted text to the end of a page; a `String` takes all there is.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {{
        let _ = core::fmt::Write::write_fmt($out, format_args!($($text)*));
    }};
}
pub(super) use put;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Only this script may run, so that a name which slipped through as one would not. When the script changes, Chromium says in
/// the tests what this has to be.
const SCRIPT_HASH: &str = "sha256-B//UyM+wik9wPDoEej36EL/2mO9mcIXjFs/1uXC35VU=";
const SYMBOLS: &str = include_str!("symbols.svg");

/// The whole page.
pub(crate) fn page(story: &Story, notes: &Notes) -> String {
    let shown = Shown::new(story);
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
        Html(&files(notes)),
        Html(&files(notes)),
        Html(&headline::sentence(story)),
        Html(&headline::extent(story)),
    );
    if let Some((from, to)) = story.span {
        put!(out, "<p class=\"when\"><time>{}</time> to <time>{}</time> UTC</p>\n", Stamp(from), Stamp(to));
    }
    out.push_str(CONTENTS);
    out.push_str("</header>\n");
    filter(out, &shown);
    out.push_str("<main id=\"story\">\n");
    if shown.rows.is_empty() {
        out.push_str("<p>There is nothing to show.</p>");
    } else {
        ranking::section(out, &shown);
        timeline::section(out, &shown);
        margins::section(out, &shown);
        heat_map::section(out, &shown);
        attempts::section(out, &shown);
        normal::section(out, &shown);
        episodes::section(out, &shown);
        hosts::section(out, &shown);
        first(out, story);
    }
    out.push_str("</main>\n");
    footer(out, &shown, notes);
    put!(out, "<div id=\"tip\" role=\"status\" aria-live=\"polite\" hidden></div>\n");
    data::script(out, &shown);
    put!(out, "<script>{SCRIPT}</script>\n</html>\n");
    core::mem::take(out)
}

const CONTENTS: &str = r##"<nav aria-label="Contents"><ol>
<li><a href="#upstreams">Upstreams</a><li><a href="#timeline">Timeline</a><li><a href="#margins">Margins</a>
<li><a href="#latency">Latency</a><li><a href="#attempts">Attempts</a><li><a href="#normal">Become normal</a>
<li><a href="#episodes">Episodes</a><li><a href="#hosts">Hosts</a><li><a href="#first">Look first at</a>
</ol></nav>
"##;

/// Shown by the script, which it needs.
fn filter(out: &mut String, shown: &Shown<'_>) {
    out.push_str("<form id=\"filter\" aria-label=\"Filter\" hidden>\n<label>Upstream <select id=\"f-upstream\"><option value=\"\">all</option>");
    for (place, upstream) in shown.rows.iter().enumerate() {
        put!(out, "<option value=\"{place}\">{}</option>", Label(&upstream.name));
    }
    let last = shown.bins.saturating_sub(1);
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

fn first(out: &mut String, story: &Story) {
    let list = advice::advice(story);
    out.push_str(
        "<section id=\"first\" aria-labelledby=\"first-h\"><h2 id=\"first-h\">What to look at first</h2>\n",
    );
    if list.is_empty() {
        out.push_str("<p>Nothing presses: no episode is open, no host stands out, and safety nets carry next to nothing.</p>");
    } else {
        out.push_str("<ol class=\"advice\">");
        for advice in &list {
            put!(out, "<li>{} <a href=\"#{}\">More</a>\n", advice.phrase.html(), advice.part);
        }
        out.push_str("</ol>");
    }
    out.push_str("</section>\n");
}

/// How it was counted, and what was folded to keep the page small.
fn footer(out: &mut String, shown: &Shown<'_>, notes: &Notes) {
    let story = shown.story;
    out.push_str(
        "<footer aria-labelledby=\"counted-h\"><h2 id=\"counted-h\">How this was counted</h2>\n<ul>",
    );
    put!(
        out,
        "<li>From {} summaries, {} exchange records and {} episodes of {}. Counts are those of the summaries and exact.",
        Count(story.summaries),
        Count(story.exchange_records),
        Count(story.episodes.len() as u64),
        Html(&files(notes))
    );
    put!(
        out,
        "<li>Time is cut in bins of {}; a summary counts in the bin it ended in. All times are UTC.",
        super::numbers::Span(story.grid.width_ms() / 1_000)
    );
    out.push_str(
        "<li>Shares are of the exchanges whose callers stayed, cut to two decimals, never rounded up.",
    );
    let folded = story.upstreams.len().saturating_sub(shown::ROWS);
    if folded > 0 {
        put!(
            out,
            "<li>{folded} upstreams beyond the first {} are folded into one row; nothing of them is lost in the sums.",
            shown::ROWS
        );
    }
    if story.upstreams.len() > shown::DETAILED {
        put!(out, "<li>Plots show the {} upstreams that came closest.", shown::DETAILED);
    }
    for (count, words) in [
        (story.repeats, "summaries came twice and were counted once"),
        (story.episodes_left_out, "episodes beyond those that are kept were left out"),
        (story.unrouted, "exchanges had no upstream and are in no share"),
        (
            story.judged_before,
            "exchanges came with a fate and no more; their attempts and durations are not known",
        ),
        (story.relayed, "exchanges had been judged by another nearmiss, whose records tell of them"),
        (
            notes.untold,
            "exchanges do not say how many attempts they had, so the first try may be lower than shown",
        ),
        (notes.unreadable, "lines could not be read"),
        (
            story.upstreams.iter().map(|upstream| upstream.late).sum(),
            "exchanges came late: they are counted and changed no episode",
        ),
        (
            story.upstreams.iter().map(|upstream| upstream.suppressed).sum(),
            "exchange records were held back where they arose; the counts have them",
        ),
    ] {
        if count > 0 {
            put!(out, "<li>{} {words}.", Count(count));
        }
    }
    out.push_str("</ul></footer>\n");
}

fn files(notes: &Notes) -> String {
    match notes.files.as_slice() {
        [] => "nothing".into(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}
