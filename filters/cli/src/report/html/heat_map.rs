//! Latency over time: a heat map of durations, and the slowest exchanges that have a record.

use super::layout::PageLayout;
use super::plot::{Plot, axes, stretched};
use super::put::put;
use crate::display::numbers::{GroupedCount, Millis};
use crate::display::time::DateTime;
use crate::report::escape::{HtmlName, attribute};
use crate::report::latency::{ROWS, row_of};
use crate::report::upstream::UpstreamReport;
use maud::{Markup, html};

/// Height of a row in pixels.
const ROW: f64 = 8.0;
/// Number of shades.
const SHADES: usize = 6;
/// Maximum number of heat maps, the largest part of the page.
const MAX_HEAT_MAPS: usize = 8;

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    let known: Vec<_> =
        layout.detailed().filter(|(_, upstream)| upstream.latency.total() > 0).take(MAX_HEAT_MAPS).collect();
    html! {
        section #latency aria-labelledby="latency-h" {
            h2 #latency-h { "Latency" }
            p {
                "Each cell covers a stretch of time and a range of durations; a stronger color means more exchanges (on a logarithmic \
                 scale). Diamonds are the slowest exchanges that were near misses or failed."
            }
            ul.legend.shades aria-label="Shades" {
                @for shade in 1..=SHADES {
                    li {
                        svg width="18" height="12" aria-hidden="true" {
                            rect class=(format!("s{shade}")) width="18" height="12" {}
                        }
                        @match shade { 1 => " few", SHADES => " most", _ => "" }
                    }
                }
            }
            @if known.is_empty() {
                p.none { "These records have no summaries, so durations are not known." }
            }
            @for (index, upstream) in known {
                (figure(layout, index, upstream))
            }
        }
    }
}

fn figure(layout: &PageLayout<'_>, index: usize, upstream: &UpstreamReport) -> Markup {
    let (low, high) = rows(upstream);
    let height = ((high - low) as f64 * ROW) as u32;
    let y = |row: f64| f64::from(height) - (row - low as f64) * ROW;
    let quantile = |share| upstream.latency.quantile(share).map_or("–".into(), |ms| Millis(ms).to_string());
    let title = format!(
        "Latency of {} over time: median {}, 99 % within {}, 99.9 % within {}.",
        attribute(&upstream.name),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999)
    );
    let lines: Vec<f64> = [0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0, 60_000.0, 600_000.0]
        .into_iter()
        .filter(|ms| row_of(*ms) >= low as f64 && row_of(*ms) <= high as f64)
        .collect();
    let labels: Vec<_> = lines.iter().map(|ms| (y(row_of(*ms)), Millis(*ms).to_string())).collect();
    let across: Vec<_> = lines.iter().map(|ms| y(row_of(*ms))).collect();
    let field = html! {
        (stretched(layout, height, &cells(layout, upstream, low, y)))
        (axes(layout, height, &across))
        @for exemplar in upstream.slowest.iter() {
            use.outlier href="#m-tight" x=(format!("{}%", layout.x(exemplar.time)))
                y=(format!("{:.1}", y(row_of(exemplar.duration_ms)))) {
                title {
                    (DateTime(exemplar.time).to_string()) ": " (Millis(exemplar.duration_ms).to_string()) ", "
                    (attribute(&exemplar.fate))
                }
            }
        }
    };
    html! {
        figure data-u=(index) {
            figcaption {
                h3 { (HtmlName(&upstream.name)) }
                p {
                    "median " (quantile(0.5)) " · p99 " (quantile(0.99)) " · p99.9 " (quantile(0.999)) " · "
                    (GroupedCount(upstream.latency.total()).to_string()) " exchanges"
                }
            }
            (Plot { index, kind: "latency", height, title: &title, labels: &labels }.render(&field))
            p.sr {
                "The table of numbers in the timeline of " (HtmlName(&upstream.name)) " has median and p99 by time."
            }
        }
    }
}

/// Returns the range of rows in use, including the outliers; eight rows at least.
fn rows(upstream: &UpstreamReport) -> (usize, usize) {
    let used: Vec<usize> = upstream
        .bins
        .values()
        .flat_map(|bin| bin.latency.counts().enumerate().filter(|(_, count)| *count > 0).map(|(row, _)| row))
        .chain(upstream.slowest.iter().map(|exemplar| row_of(exemplar.duration_ms) as usize))
        .collect();
    let low = used.iter().copied().min().unwrap_or(0);
    let high = used.iter().copied().max().unwrap_or(0) + 1;
    (low, high.max(low + 8).min(ROWS + 8))
}

/// Renders one path for each shade, so that a cell takes a few bytes.
fn cells(layout: &PageLayout<'_>, upstream: &UpstreamReport, low: usize, y: impl Fn(f64) -> f64) -> Markup {
    let max = upstream.bins.values().flat_map(|bin| bin.latency.counts()).max().unwrap_or(1).max(1);
    let mut shades: [String; SHADES] = Default::default();
    for (index, bin) in &upstream.bins {
        for (row, count) in bin.latency.counts().enumerate().filter(|(row, count)| *count > 0 && *row >= low)
        {
            let share = f64::from(count).ln_1p() / f64::from(max).ln_1p();
            let shade = ((share.powf(1.4) * SHADES as f64).ceil() as usize).clamp(1, SHADES);
            if let Some(path) = shades.get_mut(shade - 1) {
                put!(path, "M{} {}h1v{ROW}h-1z", index - layout.first, y(row as f64 + 1.0));
            }
        }
    }
    html! {
        @for (shade, path) in shades.iter().zip(1..).filter(|(path, _)| !path.is_empty()).map(|(path, shade): (_, usize)| (shade, path)) {
            path class=(format!("s{shade}")) d=(path) {}
        }
    }
}

/// Returns the lowest row that is drawn, for the script.
pub(super) fn lowest_row(upstream: &UpstreamReport) -> usize {
    rows(upstream).0
}
