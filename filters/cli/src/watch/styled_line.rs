//! Lines of styled text, cut to the width of the screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Style of a piece of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    Plain,
    Dim,
    Bold,
    Warning,
    Alarm,
}

/// One line made of styled pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct StyledLine {
    pub(super) pieces: Vec<(Style, String)>,
    pub(super) width: usize,
}

impl StyledLine {
    /// Appends a piece, cut to a line of `max` columns.
    pub(super) fn add(&mut self, style: Style, text: &str, max: usize) {
        let room = max.saturating_sub(self.width);
        let text = truncate(text, room);
        self.width += text.width();
        self.pieces.push((style, text));
    }
}

/// Cuts `text` to `room` columns. A wide character that would only half fit is dropped.
fn truncate(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.into();
    }
    let mut width = 0;
    let fits = |c: &char| {
        width += c.width().unwrap_or(0);
        width < room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    if room > 0 {
        cut.push('…');
    }
    cut
}

/// Cuts or pads `text` to exactly `width` columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    let text = truncate(text, width);
    let room = width - text.width();
    text + &" ".repeat(room)
}
