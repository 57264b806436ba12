//! The frame of plots over time: a column of labels with a fixed width, and a field that stretches.
//!
//! Positions across a field are percentages, so that it fits any screen. Only paths are stretched, by a view box of
//! their own; their strokes keep their width.

use super::layout::PageLayout;
use maud::{Markup, html};

/// Height of the time labels below a field.
const FOOT: u32 = 20;

/// The frame of a plot.
pub(super) struct Plot<'a> {
    /// Index of the upstream.
    pub(super) index: usize,
    pub(super) kind: &'static str,
    /// Height in pixels.
    pub(super) height: u32,
    pub(super) title: &'a str,
    /// Labels at the left: pixels from the top, and the text.
    pub(super) labels: &'a [(f64, String)],
}

impl Plot<'_> {
    /// Renders the frame around `field`.
    pub(super) fn render(&self, field: &Markup) -> Markup {
        let whole = self.height + FOOT;
        html! {
            div.plot {
                svg.labels width="64" height=(whole) aria-hidden="true" {
                    @for (y, label) in self.labels {
                        text x="58" y=(format!("{:.1}", y + 3.5)) { (label) }
                    }
                }
                svg.field data-u=(self.index) data-kind=(self.kind) data-h=(self.height) width="100%" height=(whole)
                    role="img" aria-label=(self.title) {
                    title { (self.title) }
                    (field)
                    // The script draws its cursor, and veils over the time that the filter excludes.
                    rect.veil x="0" y="0" width="0" height=(self.height) {}
                    rect.veil x="100%" y="0" width="0" height=(self.height) {}
                    line.cursor visibility="hidden" y1="0" y2=(self.height) {}
                }
            }
        }
    }
}

/// Renders the horizontal lines and the time ticks.
pub(super) fn axes(layout: &PageLayout<'_>, height: u32, lines: &[f64]) -> Markup {
    let ticks: Vec<_> = layout.ticks.iter().map(|(at, label)| (layout.x(*at), label)).collect();
    html! {
        g.grid {
            @for y in lines.iter().map(|y| format!("{y:.1}")) {
                line x1="0" x2="100%" y1=(y) y2=(y) {}
            }
            @for x in ticks.iter().map(|(x, _)| format!("{x}%")) {
                line x1=(x) x2=(x) y1="0" y2=(height) {}
            }
        }
        g.ticks {
            @for (number, (x, label)) in ticks.iter().enumerate() {
                text class=[(number % 2 == 1).then_some("odd")] x=(format!("{x}%")) y=(height + 14)
                    text-anchor=(anchor(*x)) { (label) }
            }
        }
    }
}

fn anchor(x: f64) -> &'static str {
    if x < 2.0 {
        "start"
    } else if x > 98.0 {
        "end"
    } else {
        "middle"
    }
}

/// Renders the stretched part: one unit across is a bin, one unit down is a pixel.
pub(super) fn stretched(layout: &PageLayout<'_>, height: u32, paths: &Markup) -> Markup {
    html! {
        svg.stretched width="100%" height=(height) viewBox={ "0 0 " (layout.bins) " " (height) }
            preserveAspectRatio="none" { (paths) }
    }
}
