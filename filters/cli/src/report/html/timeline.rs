//! A timeline per upstream: the success rate with and without safety nets, episodes as bands, near misses as marks.

use super::layout::PageLayout;
use super::plot;
use super::put::put;
use super::scale;
use crate::display::numbers::{GroupedCount, Hundredths, Millis, Percent};
use crate::display::time::DateTime;
use crate::fate_class::FateClass;
use crate::records::EpisodeRecord;
use crate::report::escape::{HtmlAttribute, HtmlName, HtmlText};
use crate::report::latency::HeatMapColumn;
use crate::report::upstream::UpstreamReport;

/// Heights of the lines, and of one row of marks.
const LINES: u32 = 72;
const ROW: u32 = 13;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str(
        r##"<section id="timeline" aria-labelledby="timeline-h"><h2 id="timeline-h">Timeline</h2>
<p>The dark line is what callers saw, the dashed one what they would have seen without safety nets, and the filled space between is what
nobody noticed. The axis counts nines, so a tenfold more failures is the same way down everywhere. Bands are <a href="#episodes">episodes</a>, by their numbers. Marks below are near misses and failures: small for less than ten, large from a hundred on.</p>
<ul class="legend">"##,
    );
    for class in FateClass::ALL {
        let name = class.name();
        put!(
            out,
            "<li><svg width=\"14\" height=\"12\" aria-hidden=\"true\"><use href=\"#{name}3\" x=\"7\" y=\"6\"/></svg> {name}: {}",
            class.meaning()
        );
    }
    out.push_str("</ul>\n");
    for (index, upstream) in layout.detailed() {
        figure(out, layout, index, upstream);
    }
    out.push_str("</section>\n");
}

fn figure(out: &mut String, layout: &PageLayout<'_>, index: usize, upstream: &UpstreamReport) {
    put!(out, "<figure data-u=\"{index}\"><figcaption><h3>{}</h3></figcaption>", HtmlName(&upstream.name));
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
        HtmlAttribute(&upstream.name),
        Percent(upstream.total.final_success()),
        Percent(upstream.total.first_try_success()),
        GroupedCount(upstream.total.near_misses()),
        GroupedCount(upstream.total.failed())
    );
    plot::open(out, index, "timeline", height, &title, &labels);
    plot::axes(out, layout, height, &across);
    bands(out, layout, upstream);
    plot::stretched(out, layout, LINES);
    lines(out, layout, upstream, y);
    out.push_str("</svg>");
    band_numbers(out, layout, upstream);
    for (number, class) in classes.iter().enumerate() {
        marks(out, layout, upstream, *class, row(number));
    }
    plot::close(out, height);
    table(out, layout, upstream);
    out.push_str("</figure>\n");
}

/// Draws episodes as bands.
fn bands(out: &mut String, layout: &PageLayout<'_>, upstream: &UpstreamReport) {
    for (number, episode, x, width) in episodes(layout, upstream) {
        put!(
            out,
            "<rect class=\"band\" x=\"{x}%\" y=\"0\" width=\"{width:.2}%\" height=\"{LINES}\"><title>Episode {number}: {}, {}</title></rect>",
            HtmlText(&episode.pattern),
            DateTime(episode.start.0)
        );
    }
}

/// Writes the numbers of the bands where there is room.
fn band_numbers(out: &mut String, layout: &PageLayout<'_>, upstream: &UpstreamReport) {
    let mut free = f64::MIN;
    for (number, _, x, width) in episodes(layout, upstream) {
        if x > free {
            put!(out, "<text class=\"band-n\" x=\"{:.2}%\" y=\"10\">{number}</text>", x + width / 2.0);
            free = x + 2.2;
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
fn lines(out: &mut String, layout: &PageLayout<'_>, upstream: &UpstreamReport, y: impl Fn(u64) -> f64) {
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
    put!(
        out,
        "<path class=\"between\" d=\"{between}\"/><path class=\"first\" d=\"{first}\"/><path class=\"seen\" d=\"{seen}\"/>"
    );
}

fn marks(out: &mut String, layout: &PageLayout<'_>, upstream: &UpstreamReport, class: FateClass, y: f64) {
    put!(out, "<g transform=\"translate(0 {y})\">");
    for (index, bin) in &upstream.bins {
        let size = match bin.counts.class(class) {
            0 => continue,
            1..10 => 1,
            10..100 => 2,
            _ => 3,
        };
        let x = layout.x(index * layout.model.time_bins.width_ms() + layout.model.time_bins.width_ms() / 2);
        put!(out, "<use href=\"#{}{size}\" x=\"{x}%\"/>", class.name());
    }
    out.push_str("</g>");
}

/// Writes the same data as a table, for screen readers and for exact numbers.
fn table(out: &mut String, layout: &PageLayout<'_>, upstream: &UpstreamReport) {
    put!(
        out,
        "<details><summary>Numbers of {}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Numbers of {}\"><table class=\"numbers\"><caption class=\"sr\">By time</caption><thead><tr><th scope=\"col\">From<th scope=\"col\">Exchanges<th scope=\"col\">First try<th scope=\"col\">Callers<th scope=\"col\">Near misses<th scope=\"col\">Failed<th scope=\"col\">Attempts each<th scope=\"col\">Median<th scope=\"col\">p99<tbody>",
        HtmlName(&upstream.name),
        HtmlAttribute(&upstream.name)
    );
    let millis = |rows: &HeatMapColumn, share| {
        rows.quantile(share).map_or("–".into(), |ms| format!("≤\u{202f}{}", Millis(ms)))
    };
    for (index, bin) in &upstream.bins {
        let counts = &bin.counts;
        put!(
            out,
            "<tr><th scope=\"row\">{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}\n",
            DateTime(index * layout.model.time_bins.width_ms()),
            GroupedCount(counts.exchanges()),
            Percent(counts.first_try_success()),
            Percent(counts.final_success()),
            GroupedCount(counts.near_misses()),
            GroupedCount(counts.failed()),
            Hundredths(counts.amplification()),
            millis(&bin.latency, 0.5),
            millis(&bin.latency, 0.99)
        );
    }
    out.push_str("</table></div></details>");
}
