//! Colors of the table.

use crate::display::upstream_column::Tone;
use std::io::IsTerminal;

/// Writes escape sequences for colors if standard error is a terminal and `NO_COLOR` is unset.
pub(crate) struct Colors(bool);

impl Colors {
    pub(crate) fn new() -> Self {
        Self(std::io::stderr().is_terminal() && are_wanted())
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn tone(&self, tone: Tone, text: &str) -> String {
        match tone {
            Tone::Neutral => text.into(),
            Tone::Warning => self.with("35", text),
            Tone::Alarm => self.with("31", text),
        }
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

/// Returns true unless `NO_COLOR` is set.
pub(crate) fn are_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
