//! Styles of the live view. The colors are readable on light and on dark backgrounds, so yellow is not among them.

use crate::display::upstream_column::Tone;
use ratatui::style::{Color, Modifier, Style};

/// The styles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) plain: Style,
    pub(super) dim: Style,
    pub(super) bold: Style,
    pub(super) warning: Style,
    pub(super) alarm: Style,
    pub(super) selected: Style,
}

impl Palette {
    /// Returns the styles, without colors if they are unwanted.
    pub(super) fn new(has_colors: bool) -> Self {
        let color = |color: Color| if has_colors { Style::new().fg(color) } else { Style::new() };
        Self {
            plain: Style::new(),
            dim: Style::new().add_modifier(Modifier::DIM),
            bold: Style::new().add_modifier(Modifier::BOLD),
            warning: color(Color::Magenta),
            alarm: color(Color::Red).add_modifier(Modifier::BOLD),
            selected: Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    pub(super) fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Neutral => self.plain,
            Tone::Warning => self.warning,
            Tone::Alarm => self.alarm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colors_only_attributes_distinguish_styles() {
        let palette = Palette::new(false);
        for style in
            [palette.plain, palette.dim, palette.bold, palette.warning, palette.alarm, palette.selected]
        {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert_eq!(Palette::new(true).tone(Tone::Alarm).fg, Some(Color::Red));
    }
}
