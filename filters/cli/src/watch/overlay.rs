//! Overlays on top of the screen: the keys, a whole record, or all figures of an upstream.

use super::dashboard::UpstreamRow;
use crate::display::columns::pad;
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use crate::sanitize::sanitize;
use nearmiss::Fate;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

/// Content on top of the screen.
#[derive(Debug, Default)]
pub(super) enum Overlay {
    #[default]
    None,
    Help,
    /// A whole record, or all figures of an upstream, scrolled by some lines.
    Details {
        text: String,
        scroll: u16,
    },
}

const HELP: &str = "\
q, Esc, Ctrl-C  quit
Tab             next pane
↑ ↓ PgUp PgDn Home End
                select a line
Enter           open the whole record, or all figures of an upstream
/               filter by a part of an upstream, fate or sentence; Esc clears
s               sort upstreams by the next column
p, Space        pause and continue
?               this help

exchanges       requests with their response, judged so far
first try       success rate without retries, fallbacks and other safety nets
final           success rate that callers saw
near misses     requests that succeeded only because of a safety net, or with
                little room left
margin          smallest room left before a limit
";

/// Renders the overlay on top of the screen, if there is one.
pub(super) fn render(frame: &mut Frame<'_>, overlay: &Overlay) {
    match overlay {
        Overlay::None => {}
        Overlay::Help => popup(frame, " Keys and columns · any key closes ", HELP, 0),
        Overlay::Details { text, scroll } => popup(frame, " Esc closes · ↑ ↓ scroll ", text, *scroll),
    }
}

fn popup(frame: &mut Frame<'_>, title: &str, text: &str, scroll: u16) {
    let area = frame.area();
    let inset = |length: u16| if length > 24 { 2 } else { 0 };
    let (x, y) = (inset(area.width), inset(area.height) / 2);
    let popup = Rect::new(x, y, area.width.saturating_sub(2 * x), area.height.saturating_sub(2 * y));
    frame.render_widget(Clear, popup);
    let block = Block::bordered().title(title);
    let paragraph = Paragraph::new(text).block(block).wrap(Wrap { trim: false }).scroll((scroll, 0));
    frame.render_widget(paragraph, popup);
}

/// Formats all figures of an upstream.
pub(super) fn upstream(row: &UpstreamRow) -> String {
    let figures = UpstreamFigures::new(&row.counts, row.margin);
    let columns = UpstreamColumn::ALL
        .into_iter()
        .map(|column| format!("{} {}\n", pad(column.title(), 12), column.cell(&figures)));
    let fates = Fate::ALL
        .into_iter()
        .filter(|fate| row.counts.of(*fate) > 0)
        .map(|fate| format!("  {} {}\n", pad(fate.name(), 14), row.counts.of(fate)));
    let name = core::iter::once(format!("{}\n\n", sanitize(&row.name, 200)));
    name.chain(columns).chain(core::iter::once("\nby fate\n".into())).chain(fates).collect()
}
