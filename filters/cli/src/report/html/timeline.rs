//! A timeline per upstream: the success rate with and without safety nets, episodes as bands, near misses as marks.

use super::layout::PageLayout;
use super::moment::date_time;
use super::plot::{Plot, axes, stretched};
use super::put::put;
use super::scale;
use super::table::{number, table, text};
use crate::display::numbers::{GroupedCount, Hundredths, Millis, Percent};
use crate::display::time::DateTime;
use crate::fate_class::FateClass;
use crate::records::EpisodeRecord;
use crate::report::escape::{HtmlName, attribute};
use crate::report::latency::HeatMapColumn;
use crate::report::upstream::UpstreamReport;
use maud::{Markup, html};

/// Heights of the lines, and of one row of marks.
const LINES: u32 = 72;
const ROW: u32 = 13;

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    html! {
        section #timeline aria-labelledby="timeline-h" {
            h2 #timeline-h { "Timeline" }
            p {
                "The solid line is the success rate that callers saw, the dashed line the rate without safety nets; the filled area between \
                 them is what retries and fallbacks hid. Each grid line down is ten times more failures. Bands are "
                a href="#episodes" { "episodes" }
                " with their numbers. Marks below are near misses and failures: small for fewer than ten, large for a hundred or more."
            }
            ul.legend {
                @for class in FateClass::ALL {
                    li {
                        svg width="14" height="12" aria-hidden="true" {
                            use href=(format!("#{}3", class.name())) x="7" y="6" {}
                        }
                        " " (class.name()) ": " (class.meaning())
                    }
                }
            }
            @for (index, upstream) in layout.detailed() {
                (figure(layout, index, upstream))
            }
        }
    }
}

fn figure(layout: &PageLayout<'_>, index: usize, upstream: &UpstreamReport) -> Markup {
    let y = |bp: u64| f64::from(LINES) * scale::nines(bp);
    let classes: Vec<_> =
        FateClass::ALL.into_iter().filter(|class| upstream.total.class(*class) > 0).collect();
    let height = LINES + 6 + ROW * classes.len() as u32;
    let across = scale::NINES.map(|(bp, _)| y(bp));
    let mut labels: Vec<_> = scale::NINES.map(|(bp, label)| (y(bp), label.to_owned())).into();
    let row = |number: usize| f64::from(LINES + 6) + f64::from(ROW) * (number as f64 + 0.5);
    labels.extend(classes.iter().enumerate().map(|(number, class)| (row(number), class.name().to_owned())));
    let title = format!(
        "Success of {} over time: {} for callers, {} at the first try; {} near misses, {} failed.",
        attribute(&upstream.name),
        Percent(upstream.total.final_success()),
        Percent(upstream.total.first_try_success()),
        GroupedCount(upstream.total.near_misses()),
        GroupedCount(upstream.total.failed())
    );
    let field = html! {
        (axes(layout, height, &across))
        (bands(layout, upstream))
        (stretched(layout, LINES, &lines(layout, upstream, y)))
        (band_numbers(layout, upstream))
        @for (number, class) in classes.iter().enumerate() {
            (marks(layout, upstream, *class, row(number)))
        }
    };
    html! {
        figure data-u=(index) {
            figcaption { h3 { (HtmlName(&upstream.name)) } }
            (Plot { index, kind: "timeline", height, title: &title, labels: &labels }.render(&field))
            (numbers(layout, upstream))
        }
    }
}

/// Draws episodes as bands.
fn bands(layout: &PageLayout<'_>, upstream: &UpstreamReport) -> Markup {
    html! {
        @for (number, episode, x, width) in episodes(layout, upstream) {
            rect.band x=(format!("{x}%")) y="0" width=(format!("{width:.2}%")) height=(LINES) {
                title {
                    "Episode " (number) ": " (attribute(&episode.pattern)) ", " (DateTime(episode.start.0).to_string())
                }
            }
        }
    }
}

/// Writes the numbers of the bands where there is room; those that need a wide screen have a class.
fn band_numbers(layout: &PageLayout<'_>, upstream: &UpstreamReport) -> Markup {
    /// Space that a number takes on a wide and on a narrow screen, in percent.
    const SPACE: (f64, f64) = (2.2, 7.0);
    let (mut free, mut free_if_narrow) = (f64::MIN, f64::MIN);
    let mut shown = Vec::new();
    for (number, _, x, width) in episodes(layout, upstream) {
        if x > free {
            let is_wide = x <= free_if_narrow;
            shown.push((number, format!("{:.2}%", x + width / 2.0), is_wide));
            free = x + SPACE.0;
            if !is_wide {
                free_if_narrow = x + SPACE.1;
            }
        }
    }
    html! {
        @for (number, x, is_wide) in shown {
            text.band-n.wide[is_wide] x=(x) y="10" { (number) }
        }
    }
}

/// Returns the episodes of an upstream: number, episode, start and width in percent.
fn episodes<'a>(
    layout: &'a PageLayout<'_>,
    upstream: &'a UpstreamReport,
) -> impl Iterator<Item = (usize, &'a EpisodeRecord, f64, f64)> {
    let own = layout.model.episodes.iter().zip(1..).filter(|(episode, _)| episode.upstream == upstream.name);
    own.map(|(episode, number)| {
        let end = episode.end.or(episode.detected).map_or(layout.to, |end| end.0);
        let x = layout.x(episode.start.0);
        (number, episode, x, (layout.x(end) - x).max(0.35))
    })
}

/// Draws the success rate that callers saw, the rate of the first try, and the area between.
fn lines(layout: &PageLayout<'_>, upstream: &UpstreamReport, y: impl Fn(u64) -> f64) -> Markup {
    let (mut seen, mut first, mut between) = (String::new(), String::new(), String::new());
    for run in layout.runs(&upstream.bins) {
        let mut back = Vec::new();
        let mut pen = 'M';
        for (index, bin) in run {
            let (Some(last_bp), Some(first_bp)) =
                (bin.counts.final_success(), bin.counts.first_try_success())
            else {
                continue;
            };
            let (y_last, y_first) = (y(last_bp), y(first_bp));
            let (from, to) = (index, index + 1);
            put!(&mut seen, "{pen}{from} {y_last:.1}H{to}");
            put!(&mut first, "{pen}{from} {y_first:.1}H{to}");
            put!(&mut between, "{pen}{from} {y_last:.1}H{to}");
            back.push((from, to, y_first));
            pen = 'L';
        }
        for (from, to, y) in back.iter().rev() {
            put!(&mut between, "L{to} {y:.1}H{from}");
        }
        if !back.is_empty() {
            between.push('Z');
        }
    }
    html! {
        path.between d=(between) {}
        path.first d=(first) {}
        path.seen d=(seen) {}
    }
}

fn marks(layout: &PageLayout<'_>, upstream: &UpstreamReport, class: FateClass, y: f64) -> Markup {
    let width = layout.model.time_bins.width_ms();
    let marks = upstream.bins.iter().filter_map(|(index, bin)| {
        let size = match bin.counts.class(class) {
            0 => return None,
            1..10 => 1,
            10..100 => 2,
            _ => 3,
        };
        Some((format!("#{}{size}", class.name()), layout.x(index * width + width / 2)))
    });
    html! {
        g transform=(format!("translate(0 {y})")) {
            @for (symbol, x) in marks {
                use href=(symbol) x=(format!("{x}%")) {}
            }
        }
    }
}

/// Renders the same data as a table, for screen readers and for exact numbers.
fn numbers(layout: &PageLayout<'_>, upstream: &UpstreamReport) -> Markup {
    let columns = [
        text("From"),
        number("Exchanges"),
        number("First try"),
        number("Final"),
        number("Near misses"),
        number("Failed"),
        number("Attempts per exchange"),
        number("Median"),
        number("p99"),
    ];
    let millis = |rows: &HeatMapColumn, share| {
        rows.quantile(share).map_or("–".into(), |ms| format!("≤\u{202f}{}", Millis(ms)))
    };
    let body = html! {
        @for (index, bin) in &upstream.bins {
            tr {
                th scope="row" { (date_time(index * layout.model.time_bins.width_ms())) }
                td { (GroupedCount(bin.counts.exchanges()).to_string()) }
                td { (Percent(bin.counts.first_try_success()).to_string()) }
                td { (Percent(bin.counts.final_success()).to_string()) }
                td { (GroupedCount(bin.counts.near_misses()).to_string()) }
                td { (GroupedCount(bin.counts.failed()).to_string()) }
                td { (Hundredths(bin.counts.amplification()).to_string()) }
                td { (millis(&bin.latency, 0.5)) }
                td { (millis(&bin.latency, 0.99)) }
            }
        }
    };
    html! {
        details {
            summary { "Numbers of " (HtmlName(&upstream.name)) }
            (table("numbers", &format!("Numbers of {}", attribute(&upstream.name)), &columns, &body))
        }
    }
}
