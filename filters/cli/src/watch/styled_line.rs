//! Lines of styled text, cut to the width of the screen.

use crate::display::columns::truncate;
use unicode_width::UnicodeWidthStr;

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
