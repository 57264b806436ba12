//! Latency over time: how many exchanges took how long, and the slowest of those that left a record.

use super::super::clock::Stamp;
use super::super::escape::{Html, Label, Name};
use super::super::latency::{ROWS, row_of};
use super::super::numbers::{Count, Millis};
use super::super::upstream::Upstream;
use super::plot;
use super::put;
use super::shown::Shown;

/// The height of a row in pixels.
const ROW: f64 = 8.0;
/// Shades, from few to many.
const SHADES: usize = 6;
/// Heat maps are the largest part of the page.
const MOST: usize = 8;

pub(super) fn section(out: &mut String, shown: &Shown<'_>) {
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
        shown.detailed().filter(|(_, upstream)| upstream.latency.total() > 0).take(MOST).collect();
    if known.is_empty() {
        out.push_str("<p class=\"none\">No summary came with these records, so durations are not known.</p>");
    }
    for (place, upstream) in known {
        figure(out, shown, place, upstream);
    }
    out.push_str("</section>\n");
}

fn figure(out: &mut String, shown: &Shown<'_>, place: usize, upstream: &Upstream) {
    let (low, high) = rows(upstream);
    let height = ((high - low) as f64 * ROW) as u32;
    let y = |row: f64| f64::from(height) - (row - low as f64) * ROW;
    let quantile = |share| upstream.latency.quantile(share).map_or("–".into(), |ms| Millis(ms).to_string());
    let title = format!(
        "Latency of {} over time: median {}, 99 % within {}, 99.9 % within {}.",
        Label(&upstream.name),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999)
    );
    put!(
        out,
        "<figure data-u=\"{place}\"><figcaption><h3>{}</h3><p>median {} · p99 {} · p99.9 {} · {} exchanges</p></figcaption>",
        Name(&upstream.name),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        Count(upstream.latency.total())
    );
    let lines: Vec<f64> = [0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0, 60_000.0, 600_000.0]
        .into_iter()
        .filter(|ms| row_of(*ms) >= low as f64 && row_of(*ms) <= high as f64)
        .collect();
    let labels: Vec<_> = lines.iter().map(|ms| (y(row_of(*ms)), Millis(*ms).to_string())).collect();
    plot::open(out, place, "latency", height, &title, &labels);
    plot::stretched(out, shown, height);
    cells(out, shown, upstream, low, y);
    out.push_str("</svg>");
    let across: Vec<_> = lines.iter().map(|ms| y(row_of(*ms))).collect();
    plot::axes(out, shown, height, &across);
    for call in upstream.slowest.iter() {
        put!(
            out,
            "<use href=\"#m-tight\" class=\"outlier\" x=\"{}%\" y=\"{:.1}\"><title>{}: {}, {}</title></use>",
            shown.x(call.time),
            y(row_of(call.duration_ms)),
            Stamp(call.time),
            Millis(call.duration_ms),
            Html(&call.fate)
        );
    }
    plot::close(out, height);
    put!(
        out,
        "<p class=\"sr\">The table of numbers in the timeline of {} has median and p99 by time.</p></figure>\n",
        Name(&upstream.name)
    );
}

/// The rows in use, with room for the outliers and for eight at least.
fn rows(upstream: &Upstream) -> (usize, usize) {
    let used: Vec<usize> = upstream
        .bins
        .values()
        .flat_map(|bin| bin.latency.counts().enumerate().filter(|(_, count)| *count > 0).map(|(row, _)| row))
        .chain(upstream.slowest.iter().map(|call| row_of(call.duration_ms) as usize))
        .collect();
    let low = used.iter().copied().min().unwrap_or(0);
    let high = used.iter().copied().max().unwrap_or(0) + 1;
    (low, high.max(low + 8).min(ROWS + 8))
}

/// One path for each shade: a cell costs a few bytes.
fn cells(out: &mut String, shown: &Shown<'_>, upstream: &Upstream, low: usize, y: impl Fn(f64) -> f64) {
    let most = upstream.bins.values().flat_map(|bin| bin.latency.counts()).max().unwrap_or(1).max(1);
    let mut shades: [String; SHADES] = Default::default();
    for (place, bin) in &upstream.bins {
        for (row, count) in bin.latency.counts().enumerate().filter(|(row, count)| *count > 0 && *row >= low)
        {
            let share = f64::from(count).ln_1p() / f64::from(most).ln_1p();
            let shade = ((share.powf(1.4) * SHADES as f64).ceil() as usize).clamp(1, SHADES);
            if let Some(path) = shades.get_mut(shade - 1) {
                put!(path, "M{} {}h1v{ROW}h-1z", place - shown.first, y(row as f64 + 1.0));
            }
        }
    }
    for (shade, path) in shades.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        put!(out, "<path class=\"s{}\" d=\"{path}\"/>", shade + 1);
    }
}

/// The lowest row that is drawn, for the script.
pub(super) fn lowest_row(upstream: &Upstream) -> usize {
    rows(upstream).0
}
