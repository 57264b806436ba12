//! Renders the ranking: upstreams by their share of near misses.

use super::layout::PageLayout;
use super::scale;
use super::table::{number, sortable, table, text, upstream_cell};
use crate::counts::share;
use crate::display::numbers::Percent;
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use crate::report::escape::HtmlName;
use crate::report::upstream::UpstreamReport;
use maud::{Markup, html};

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    let lowest = layout.rows.iter().filter_map(|upstream| upstream.total.first_try_success()).min();
    let floor = scale::floor(lowest.unwrap_or(10_000));
    let episodes_of = |upstream: &UpstreamReport| {
        layout.model.episodes.iter().filter(|episode| episode.upstream == upstream.name).count()
    };
    let columns = [
        text("Upstream"),
        number("Exchanges"),
        number("First try"),
        text("Gap"),
        number("Final"),
        number("Near misses"),
        number("Failed"),
        number("In the last tenth"),
        number("Episodes"),
    ];
    let body = html! {
        @for (index, upstream) in layout.rows.iter().enumerate() {
            (row(index, upstream, floor, Some(episodes_of(upstream))))
        }
        @if let Some(rest) = &layout.rest {
            (row(layout.rows.len(), rest, floor, None))
        }
    };
    html! {
        section #upstreams aria-labelledby="upstreams-h" {
            h2 #upstreams-h { "Upstreams" }
            p {
                "A near miss succeeded for its caller, but only because a safety net caught it, or with little room left. Upstreams with the \
                 largest share of near misses come first, failures aside: sort by a column for another order. Slow exchanges alone do not \
                 count here, and few exchanges weigh less. "
                b { "First try" } " is the success rate without safety nets, " b { "final" }
                " the one that callers saw, and the bar shows the gap between them. " b { "In the last tenth" }
                " are exchanges that used nine tenths or more of a limit."
            }
            (table("ranking sortable", "Table of upstreams", &columns, &body))
            p.note { "Bars begin at " (Percent(Some(floor)).to_string()) " and end at 100 %." }
        }
    }
}

fn row(index: usize, upstream: &UpstreamReport, floor: u64, episodes: Option<usize>) -> Markup {
    let figures = UpstreamFigures {
        failed: upstream.total.failed(),
        ..UpstreamFigures::new(&upstream.total, upstream.margin_min_bp)
    };
    let cell = |key, column: UpstreamColumn| upstream_cell(Some(key), column.cell(&figures));
    let tightest = upstream.margins.first().copied().unwrap_or(0);
    let in_last_tenth = share(tightest, upstream.with_margin());
    html! {
        tr data-row=(index) {
            th scope="row" { (HtmlName(&upstream.name)) }
            (cell("exchanges", UpstreamColumn::Exchanges))
            (cell("first", UpstreamColumn::FirstTry))
            td.bar { (bar(&figures, floor)) }
            (cell("last", UpstreamColumn::Final))
            (cell("near", UpstreamColumn::NearMisses))
            (cell("failed", UpstreamColumn::Failed))
            (sortable(in_last_tenth.unwrap_or(0), Percent(in_last_tenth).to_string()))
            (sortable(episodes.unwrap_or(0) as u64, episodes.map(|count| count.to_string()).unwrap_or_default()))
        }
    }
}

/// Draws the gap between the success rates without and with safety nets.
fn bar(figures: &UpstreamFigures, floor: u64) -> Markup {
    let (Some(first), Some(last)) = (figures.first_try_bp, figures.final_bp) else {
        return Markup::default();
    };
    let x = |bp: u64| (bp.saturating_sub(floor)) as f64 * 100.0 / (10_000 - floor) as f64;
    let percent = |share: f64| format!("{share:.2}%");
    html! {
        svg width="100%" height="14" aria-hidden="true" {
            rect.rail width="100%" height="4" y="5" {}
            rect.carried x=(percent(x(first))) width=(percent(x(last) - x(first))) height="8" y="3" {}
            rect.end x=(percent(x(last))) width="2" height="14" {}
        }
    }
}
