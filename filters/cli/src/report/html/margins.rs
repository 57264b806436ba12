//! Renders the histograms of the margin, with a hatched wall at zero, and the closest calls.

use super::layout::PageLayout;
use super::moment::date_time;
use super::table::{number, sortable, table, text};
use crate::display::numbers::{GroupedCount, Millis, Percent};
use crate::report::escape::{HtmlName, HtmlText, attribute};
use crate::report::exemplars::Exemplar;
use crate::report::upstream::UpstreamReport;
use maud::{Markup, html};

/// Height of a plot in pixels.
const HEIGHT: f64 = 96.0;
/// Maximum number of closest calls.
const MAX_CALLS: usize = 10;
/// Maximum number of closest calls of one upstream.
const MAX_CALLS_PER_UPSTREAM: usize = 3;

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    let with_margins: Vec<_> = layout.detailed().filter(|(_, upstream)| upstream.with_margin() > 0).collect();
    html! {
        section #margins aria-labelledby="margins-h" {
            h2 #margins-h { "Margins" }
            p {
                "The margin is the room that was left before the nearest limit: timeout, deadline, attempts or quota. At the hatched wall \
                 there is none. Counts are on a logarithmic scale, because the few exchanges that came close matter most."
            }
            @if with_margins.is_empty() {
                p.none {
                    "No exchange had a known limit, so there is no margin to show. Limits come from the proxy, or from "
                    code { "upstreams.<name>" } " in the configuration."
                }
            }
            div.cards {
                @for (index, upstream) in with_margins {
                    (figure(index, upstream))
                }
            }
            (closest_calls(layout))
        }
    }
}

fn figure(index: usize, upstream: &UpstreamReport) -> Markup {
    let in_last_tenth = upstream.margins.first().copied().unwrap_or(0);
    html! {
        figure data-u=(index) {
            figcaption {
                h3 { (HtmlName(&upstream.name)) }
                p {
                    (GroupedCount(in_last_tenth).to_string()) " of "
                    (GroupedCount(upstream.with_margin()).to_string()) " in the last tenth"
                }
            }
            (plot(upstream))
            details {
                summary { "Numbers" }
                table.numbers {
                    caption.sr { "Exchanges by margin" }
                    thead { tr { th scope="col" { "Margin" } th scope="col" { "Exchanges" } } }
                    tbody {
                        @for (tenth, count) in upstream.margins.iter().enumerate() {
                            tr {
                                th scope="row" { (tenth * 10) " to " (tenth * 10 + 10) "\u{202f}%" }
                                td { (GroupedCount(*count).to_string()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn plot(upstream: &UpstreamReport) -> Markup {
    let max_count = upstream.margins.iter().copied().max().unwrap_or(1).max(10) as f64;
    let y = |count: u64| HEIGHT * (1.0 - (1.0 + count as f64).log10() / (1.0 + max_count).log10());
    let title =
        format!("Exchanges of {} by margin; the numbers follow as a table", attribute(&upstream.name));
    let grid: Vec<u64> =
        (0..19).map(|power| 10_u64.pow(power)).take_while(|line| *line as f64 <= max_count).collect();
    let step = grid.len().div_ceil(4);
    let lines: Vec<_> = grid.into_iter().step_by(step).map(|line| (y(line), line)).collect();
    let pixels = |y: f64| format!("{y:.1}");
    html! {
        div.plot {
            svg.labels width="64" height="124" aria-hidden="true" {
                @for (y, line) in &lines {
                    text x="58" y=(pixels(y + 3.5)) { (GroupedCount(*line).to_string()) }
                }
            }
            svg width="100%" height="124" role="img" aria-label=(title) {
                title { (title) }
                g.grid {
                    @for (y, _) in &lines {
                        line x1="0" x2="100%" y1=(pixels(*y)) y2=(pixels(*y)) {}
                    }
                }
                rect.cliff x="0" y="0" width="7" height=(HEIGHT) {}
                @for (tenth, count) in upstream.margins.iter().enumerate().filter(|(_, count)| **count > 0) {
                    (bar(tenth, *count, y(*count)))
                }
                line.base x1="0" x2="100%" y1=(HEIGHT) y2=(HEIGHT) {}
                @for (x, anchor, label) in
                    [("0", "start", "0 %"), ("51.5%", "middle", "50 % left"), ("100%", "end", "100 %")] {
                    text x=(x) y=(HEIGHT + 14.0) text-anchor=(anchor) { (label) }
                }
            }
        }
    }
}

fn bar(tenth: usize, count: u64, y: f64) -> Markup {
    let class = if tenth == 0 { "tightest" } else { "room" };
    html! {
        rect class=(class) x=(format!("{}%", 3.0 + tenth as f64 * 9.7)) y=(format!("{y:.1}")) width="8.4%"
            height=(format!("{:.1}", HEIGHT - y)) {
            title {
                (GroupedCount(count).to_string()) " exchanges with " (tenth * 10) " to " (tenth * 10 + 10) " % left"
            }
        }
        @if tenth == 0 {
            text.count x="7.2%" y=(format!("{:.1}", (y - 3.0).max(9.0))) text-anchor="middle" {
                (GroupedCount(count).to_string())
            }
        }
    }
}

/// Renders the table of the exchanges with the smallest margins.
fn closest_calls(layout: &PageLayout<'_>) -> Markup {
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
        return Markup::default();
    }
    closest_calls.sort_by_key(|(rank, index, _, exemplar)| (*rank, exemplar.time, *index));
    closest_calls.truncate(MAX_CALLS);
    let columns = [
        text("Time"),
        text("Upstream"),
        text("Fate"),
        number("Margin"),
        number("Duration"),
        text("What happened"),
    ];
    let body = html! {
        @for (_, index, upstream, exemplar) in closest_calls {
            tr data-u=(index) data-from=(exemplar.time) data-to=(exemplar.time) {
                td.t { (date_time(exemplar.time)) }
                td { (HtmlName(&upstream.name)) }
                td { (HtmlText(&exemplar.fate)) }
                (sortable(exemplar.margin_bp.unwrap_or(0).into(), Percent(exemplar.margin_bp.map(u64::from)).to_string()))
                (sortable((exemplar.duration_ms * 1_000.0) as u64, Millis(exemplar.duration_ms).to_string()))
                td.said { (HtmlText(&exemplar.explain)) }
            }
        }
    };
    html! {
        h3 { "The closest calls that still succeeded" }
        (table("calls sortable", "The closest calls", &columns, &body))
    }
}
