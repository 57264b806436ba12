//! Scrolling of the panes.

/// The panes of the screen, which scroll separately.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Pane {
    #[default]
    Upstreams,
    Episodes,
    Records,
}

/// Scroll offset of each pane, and the focused pane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scroll {
    pub(super) pane: Pane,
    offsets: [usize; 3],
}

impl Scroll {
    /// Moves the focus to the next pane.
    pub(super) fn next_pane(&mut self) {
        self.pane = match self.pane {
            Pane::Upstreams => Pane::Episodes,
            Pane::Episodes => Pane::Records,
            Pane::Records => Pane::Upstreams,
        };
    }

    /// Scrolls the focused pane. The offset is clamped when the pane is rendered.
    pub(super) fn scroll_by(&mut self, lines: isize) {
        if let Some(offset) = self.offsets.get_mut(self.pane as usize) {
            *offset = offset.saturating_add_signed(lines);
        }
    }

    /// Clamps the offset of a pane with `total` lines, of which `visible` fit, and returns the offset.
    pub(super) fn clamp(&mut self, pane: Pane, total: usize, visible: usize) -> usize {
        let Some(offset) = self.offsets.get_mut(pane as usize) else { return 0 };
        *offset = (*offset).min(total.saturating_sub(visible));
        *offset
    }
}
