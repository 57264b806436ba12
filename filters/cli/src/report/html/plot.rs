//! What plots over time have in common: a column of labels that keeps its size, and a field that stretches.
//!
//! Across a field, places are percentages, so that it fits a phone and a poster; only paths are stretched, by a view box
//! of their own, and their strokes keep their width.

use super::put;
use super::shown::Shown;

/// The room below a field for the labels of time.
const FOOT: u32 = 20;

/// Opens a plot of `height` pixels: `labels` are (pixels from above, text).
pub(super) fn open(
    out: &mut String,
    place: usize,
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
        "</svg><svg class=\"field\" data-u=\"{place}\" data-kind=\"{kind}\" data-h=\"{height}\" width=\"100%\" height=\"{whole}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
    );
}

/// Lines across at each label, and the ticks of time.
pub(super) fn axes(out: &mut String, shown: &Shown<'_>, height: u32, lines: &[f64]) {
    out.push_str("<g class=\"grid\">");
    for y in lines {
        put!(out, "<line x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
    }
    for (at, _) in &shown.ticks {
        let x = shown.x(*at);
        put!(out, "<line x1=\"{x}%\" x2=\"{x}%\" y1=\"0\" y2=\"{height}\"/>");
    }
    out.push_str("</g><g class=\"ticks\">");
    for (number, (at, label)) in shown.ticks.iter().enumerate() {
        let x = shown.x(*at);
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

/// Opens the stretched part: one unit across is a bin, one unit down a pixel.
pub(super) fn stretched(out: &mut String, shown: &Shown<'_>, height: u32) {
    put!(
        out,
        "<svg class=\"stretched\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {} {height}\" preserveAspectRatio=\"none\">",
        shown.bins
    );
}

/// Closes a plot: the script draws its cursor and what is left out by the filter into the last two.
pub(super) fn close(out: &mut String, height: u32) {
    put!(
        out,
        "<rect class=\"veil\" x=\"0\" y=\"0\" width=\"0\" height=\"{height}\"/><rect class=\"veil\" x=\"100%\" y=\"0\" width=\"0\" height=\"{height}\"/><line class=\"cursor\" visibility=\"hidden\" y1=\"0\" y2=\"{height}\"/></svg></div>\n"
    );
}
