//! Attempts and amplification: the load that retries put on upstreams.

use super::layout::PageLayout;
use super::put::put;
use super::table::{number, sortable, table, text};
use crate::display::numbers::{GroupedCount, Hundredths, Millis};
use crate::report::escape::HtmlName;
use crate::report::upstream::UpstreamReport;
use maud::{Markup, html};

const HEIGHT: f64 = 24.0;

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    let shown_rows: Vec<_> = layout.detailed().collect();
    let top =
        shown_rows.iter().filter_map(|(_, upstream)| worst(upstream)).max().unwrap_or(100).clamp(110, 1_000);
    let columns = [
        text("Upstream"),
        number("Exchanges"),
        number("Attempts"),
        number("Per exchange"),
        text("Over time"),
        number("Highest"),
        number("Time in failed attempts"),
        number("Used all attempts"),
    ];
    let body = html! {
        @for (index, upstream) in shown_rows {
            (row(layout, index, upstream, top))
        }
    };
    html! {
        section #attempts aria-labelledby="attempts-h" {
            h2 #attempts-h { "Attempts" }
            p { "Attempts per exchange: 1 means that nothing was tried twice. All lines have the same scale." }
            (table("attempts sortable", "Attempts by upstream", &columns, &body))
            p.note {
                "Lines run from 1 to " (Hundredths(Some(top)).to_string())
                ". The time in failed attempts is known where every attempt is logged."
            }
        }
    }
}

fn worst(upstream: &UpstreamReport) -> Option<u64> {
    upstream.bins.values().filter_map(|bin| bin.counts.amplification()).max()
}

fn row(layout: &PageLayout<'_>, index: usize, upstream: &UpstreamReport, top: u64) -> Markup {
    let total = &upstream.total;
    let failed_ms = upstream.failed_attempts_ms;
    let failed = if failed_ms > 0.0 { Millis(failed_ms).to_string() } else { "–".into() };
    html! {
        tr data-u=(index) {
            th scope="row" { (HtmlName(&upstream.name)) }
            (sortable(total.exchanges(), GroupedCount(total.exchanges()).to_string()))
            (sortable(total.attempts, GroupedCount(total.attempts).to_string()))
            (sortable(total.amplification().unwrap_or(0), Hundredths(total.amplification()).to_string()))
            td.spark { (line(layout, upstream, top)) }
            (sortable(worst(upstream).unwrap_or(0), Hundredths(worst(upstream)).to_string()))
            (sortable(failed_ms as u64, failed))
            (sortable(upstream.out_of_attempts, GroupedCount(upstream.out_of_attempts).to_string()))
        }
    }
}

fn line(layout: &PageLayout<'_>, upstream: &UpstreamReport, top: u64) -> Markup {
    let y = |hundredths: u64| {
        let over = hundredths.clamp(100, top) - 100;
        HEIGHT - 1.0 - (HEIGHT - 2.0) * over as f64 / (top - 100).max(1) as f64
    };
    let mut path = String::new();
    for run in layout.runs(&upstream.bins) {
        let mut pen = 'M';
        for (index, bin) in run {
            let Some(amplification) = bin.counts.amplification() else { continue };
            put!(&mut path, "{pen}{index} {:.1}H{}", y(amplification), index + 1);
            pen = 'L';
        }
    }
    let base = format!("M0 {}H{}", HEIGHT - 1.0, layout.bins);
    html! {
        svg width="100%" height=(HEIGHT) viewBox={ "0 0 " (layout.bins) " " (HEIGHT) }
            preserveAspectRatio="none" aria-hidden="true" {
            path.base d=(base) {}
            path.first d=(path) {}
        }
    }
}
