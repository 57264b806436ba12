//! Fits text into columns of a terminal, in which a character may be two columns wide.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cuts `text` to `room` columns. A wide character that would only half fit is dropped.
pub(crate) fn truncate(text: &str, room: usize) -> String {
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
pub(crate) fn pad(text: &str, width: usize) -> String {
    let text = truncate(text, width);
    let room = width - text.width();
    text + &" ".repeat(room)
}
