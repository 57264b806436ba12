//! The frame of plots over time: a column of labels with a fixed width, and a field that stretches.
//!
//! Positions across a field are percentages, so that it fits any screen. Only paths are stretched, by a view box of
//! their own; their strokes keep their width.

use super::layout::PageLayout;
use super::put::put;

/// Height of the time labels below a field.
const FOOT: u32 = 20;

/// Opens a plot of `height` pixels. `labels` are (pixels from the top, text).
pub(super) fn open(
    out: &mut String,
    index: usize,
    kind: &str,
    height: u32,
    title: &str,
    labels: &[(f64, String)],
) {
    let whole = height + FOOT;
    put!(
        out,
        "<div class=\"plot\"><svg class=\"labels\" width=\"64\" height=\"{whole}\" aria-hidden=\"true\">"
    );
    for (y, label) in labels {
        put!(out, "<text x=\"58\" y=\"{:.1}\">{label}</text>", y + 3.5);
    }
    put!(
        out,
        "</svg><svg class=\"field\" data-u=\"{index}\" data-kind=\"{kind}\" data-h=\"{height}\" width=\"100%\" height=\"{whole}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
    );
}

/// Draws the horizontal lines and the time ticks.
pub(super) fn axes(out: &mut String, layout: &PageLayout<'_>, height: u32, lines: &[f64]) {
    out.push_str("<g class=\"grid\">");
    for y in lines {
        put!(out, "<line x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
    }
    for (at, _) in &layout.ticks {
        let x = layout.x(*at);
        put!(out, "<line x1=\"{x}%\" x2=\"{x}%\" y1=\"0\" y2=\"{height}\"/>");
    }
    out.push_str("</g><g class=\"ticks\">");
    for (number, (at, label)) in layout.ticks.iter().enumerate() {
        let x = layout.x(*at);
        let anchor = if x < 2.0 {
            "start"
        } else if x > 98.0 {
            "end"
        } else {
            "middle"
        };
        let class = if number % 2 == 1 { " class=\"odd\"" } else { "" };
        put!(out, "<text{class} x=\"{x}%\" y=\"{}\" text-anchor=\"{anchor}\">{label}</text>", height + 14);
    }
    out.push_str("</g>");
}

/// Opens the stretched part: one unit across is a bin, one unit down is a pixel.
pub(super) fn stretched(out: &mut String, layout: &PageLayout<'_>, height: u32) {
    put!(
        out,
        "<svg class=\"stretched\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {} {height}\" preserveAspectRatio=\"none\">",
        layout.bins
    );
}

/// Closes a plot. The script draws its cursor, and veils over the time that the filter excludes.
pub(super) fn close(out: &mut String, height: u32) {
    put!(
        out,
        "<rect class=\"veil\" x=\"0\" y=\"0\" width=\"0\" height=\"{height}\"/><rect class=\"veil\" x=\"100%\" y=\"0\" width=\"0\" height=\"{height}\"/><line class=\"cursor\" visibility=\"hidden\" y1=\"0\" y2=\"{height}\"/></svg></div>\n"
    );
}
