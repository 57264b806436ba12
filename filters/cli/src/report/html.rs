//! Renders the report as an HTML page: one file that loads nothing, and is complete without JavaScript, which only
//! filters, sorts, and shows numbers under the pointer and local times.

mod attempts;
mod data;
mod drift;
mod episodes;
mod footer;
mod heat_map;
mod hosts;
mod layout;
mod margins;
mod moment;
mod plot;
mod put;
mod ranking;
mod scale;
mod table;
mod ticks;
mod timeline;

use super::advice;
use super::escape::{HtmlText, attribute};
use super::headline;
use super::input_stats::InputStats;
use super::model::ReportModel;
use layout::PageLayout;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use moment::date_time;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// The only script that may run: one injected through a name would not. When the script changes, the tests print the
/// new hash as Chromium reports it.
const SCRIPT_HASH: &str = "sha256-pntdFDe1SPDseQgNWSF/4GBANYmOJmFcEx9u9dhBpGw=";
const SYMBOLS: &str = include_str!("html/symbols.svg");

/// Renders the page.
pub(crate) fn page(model: &ReportModel, stats: &InputStats) -> String {
    let layout = PageLayout::new(model);
    let is_empty = layout.rows.is_empty();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(stats))
            body {
                (PreEscaped(SYMBOLS))
                a.skip href="#story" { "Skip to the content" }
                header {
                    p.over { "Near misses" span.files { " · " (HtmlText(&stats.file_names())) } }
                    h1 { (headline::sentence(model)) }
                    @if is_empty {
                        (HtmlText(&stats.why_empty()))
                    } @else {
                        p.extent { (headline::extent(model)) }
                    }
                    @if let Some((from, to)) = model.span {
                        p.when { (date_time(from)) " to " (date_time(to)) " UTC" span #local {} }
                    }
                    @if !is_empty { (contents()) }
                }
                @if !is_empty { (filter(&layout)) }
                main #story {
                    @if is_empty { (unreadable(stats)) } @else { (sections(&layout)) }
                }
                (footer::section(&layout, stats))
                div #tip role="status" aria-live="polite" hidden {}
                (PreEscaped(data::script(&layout)))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn head(stats: &InputStats) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
    );
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="color-scheme" content="light dark";
            title { "Near misses: " (HtmlText(&stats.file_names())) }
            link rel="icon" href="data:,";
            style { (PreEscaped(STYLE)) }
        }
    }
}

fn contents() -> Markup {
    const SECTIONS: [(&str, &str); 9] = [
        ("first", "Look first at"),
        ("upstreams", "Upstreams"),
        ("timeline", "Timeline"),
        ("margins", "Margins"),
        ("latency", "Latency"),
        ("attempts", "Attempts"),
        ("normal", "Drift"),
        ("episodes", "Episodes"),
        ("hosts", "Hosts"),
    ];
    html! {
        nav aria-label="Contents" {
            ol {
                @for (id, title) in SECTIONS {
                    li { a href={ "#" (id) } { (title) } }
                }
            }
        }
    }
}

fn sections(layout: &PageLayout<'_>) -> Markup {
    html! {
        (first(layout.model))
        (ranking::section(layout))
        (timeline::section(layout))
        (margins::section(layout))
        (heat_map::section(layout))
        (attempts::section(layout))
        (drift::section(layout))
        (episodes::section(layout))
        (hosts::section(layout))
    }
}

/// Renders what could not be read, and what to do about it.
fn unreadable(stats: &InputStats) -> Markup {
    html! {
        section #unreadable aria-labelledby="unreadable-h" {
            h2 #unreadable-h { "What was read" }
            @if stats.problems.is_empty() {
                p { "The input has no line with an exchange." }
            } @else {
                ul.problems {
                    @for problem in &stats.problems {
                        li { code { (HtmlText(problem)) } }
                    }
                }
            }
            p {
                code { "nearmiss check FILE" } " explains the first lines of a file, field by field; " code { "--format" }
                " names the format if it is not recognized, and docs/formats.md lists what each format must contain."
            }
        }
    }
}

/// Renders the filter form. It is hidden until the script, which it needs, shows it.
fn filter(layout: &PageLayout<'_>) -> Markup {
    let last = layout.bins.saturating_sub(1);
    html! {
        form #filter aria-label="Filter" hidden {
            label {
                "Upstream "
                select #f-upstream {
                    option value="" { "all" }
                    @for (index, upstream) in layout.rows.iter().enumerate() {
                        option value=(index) { (attribute(&upstream.name)) }
                    }
                }
            }
            label { "From " input #f-from type="range" min="0" max=(last) value="0"; }
            label { "to " input #f-to type="range" min="0" max=(last) value=(last); }
            button type="reset" { "Reset" }
            output #f-told for="f-upstream f-from f-to" {}
        }
    }
}

fn first(model: &ReportModel) -> Markup {
    let list = advice::advice(model);
    html! {
        section #first aria-labelledby="first-h" {
            h2 #first-h { "What to look at first" }
            @if list.is_empty() {
                p { "Nothing is urgent: no episode is open, no host stands out, and almost nothing depends on safety nets." }
            } @else {
                ol.advice {
                    @for advice in &list {
                        li { (advice.text) " " a href={ "#" (advice.section) } { "More" } }
                    }
                }
            }
        }
    }
}
