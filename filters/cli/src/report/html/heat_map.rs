//! Latency over time: a heat map of durations, and the slowest exchanges that have a record.

use super::layout::PageLayout;
use super::plot;
use super::put::put;
use crate::display::numbers::{GroupedCount, Millis};
use crate::display::time::DateTime;
use crate::report::escape::{HtmlAttribute, HtmlName, HtmlText};
use crate::report::latency::{ROWS, row_of};
use crate::report::upstream::UpstreamReport;

/// Height of a row in pixels.
const ROW: f64 = 8.0;
/// Number of shades.
const SHADES: usize = 6;
/// Maximum number of heat maps, the largest part of the page.
const MAX_HEAT_MAPS: usize = 8;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str(
        r##"<section id="latency" aria-labelledby="latency-h"><h2 id="latency-h">Latency</h2>
<p>Each cell is a stretch of time and half an octave of duration; the darker, the more exchanges (logarithmic). Diamonds are the slowest exchanges
that were near misses or failed.</p>
<ul class="legend shades" aria-label="Shades">"##,
    );
    for shade in 1..=SHADES {
        put!(
            out,
            "<li><svg width=\"18\" height=\"12\" aria-hidden=\"true\"><rect class=\"s{shade}\" width=\"18\" height=\"12\"/></svg>{}",
            match shade {
                1 => " few",
                SHADES => " most",
                _ => "",
            }
        );
    }
    out.push_str("</ul>\n");
    let known: Vec<_> =
        layout.detailed().filter(|(_, upstream)| upstream.latency.total() > 0).take(MAX_HEAT_MAPS).collect();
    if known.is_empty() {
        out.push_str("<p class=\"none\">No summary came with these records, so durations are not known.</p>");
    }
    for (index, upstream) in known {
        figure(out, layout, index, upstream);
    }
    out.push_str("</section>\n");
}

fn figure(out: &mut String, layout: &PageLayout<'_>, index: usize, upstream: &UpstreamReport) {
    let (low, high) = rows(upstream);
    let height = ((high - low) as f64 * ROW) as u32;
    let y = |row: f64| f64::from(height) - (row - low as f64) * ROW;
    let quantile = |share| upstream.latency.quantile(share).map_or("–".into(), |ms| Millis(ms).to_string());
    let title = format!(
        "Latency of {} over time: median {}, 99 % within {}, 99.9 % within {}.",
        HtmlAttribute(&upstream.name),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999)
    );
    put!(
        out,
        "<figure data-u=\"{index}\"><figcaption><h3>{}</h3><p>median {} · p99 {} · p99.9 {} · {} exchanges</p></figcaption>",
        HtmlName(&upstream.name),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        GroupedCount(upstream.latency.total())
    );
    let lines: Vec<f64> = [0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0, 60_000.0, 600_000.0]
        .into_iter()
        .filter(|ms| row_of(*ms) >= low as f64 && row_of(*ms) <= high as f64)
        .collect();
    let labels: Vec<_> = lines.iter().map(|ms| (y(row_of(*ms)), Millis(*ms).to_string())).collect();
    plot::open(out, index, "latency", height, &title, &labels);
    plot::stretched(out, layout, height);
    cells(out, layout, upstream, low, y);
    out.push_str("</svg>");
    let across: Vec<_> = lines.iter().map(|ms| y(row_of(*ms))).collect();
    plot::axes(out, layout, height, &across);
    for exemplar in upstream.slowest.iter() {
        put!(
            out,
            "<use href=\"#m-tight\" class=\"outlier\" x=\"{}%\" y=\"{:.1}\"><title>{}: {}, {}</title></use>",
            layout.x(exemplar.time),
            y(row_of(exemplar.duration_ms)),
            DateTime(exemplar.time),
            Millis(exemplar.duration_ms),
            HtmlText(&exemplar.fate)
        );
    }
    plot::close(out, height);
    put!(
        out,
        "<p class=\"sr\">The table of numbers in the timeline of {} has median and p99 by time.</p></figure>\n",
        HtmlName(&upstream.name)
    );
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

/// Writes one path for each shade, so that a cell takes a few bytes.
fn cells(
    out: &mut String,
    layout: &PageLayout<'_>,
    upstream: &UpstreamReport,
    low: usize,
    y: impl Fn(f64) -> f64,
) {
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
    for (shade, path) in shades.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        put!(out, "<path class=\"s{}\" d=\"{path}\"/>", shade + 1);
    }
}

/// Returns the lowest row that is drawn, for the script.
pub(super) fn lowest_row(upstream: &UpstreamReport) -> usize {
    rows(upstream).0
}
