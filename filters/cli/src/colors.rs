//! Colors of the table.

use std::io::IsTerminal;

/// Writes escape sequences for colors if standard error is a terminal and `NO_COLOR` is unset.
pub(super) struct Colors(bool);

impl Colors {
    pub(super) fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stderr().is_terminal() && !unwanted)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.with("2", text, true)
    }

    pub(super) fn warning(&self, text: &str, wanted: bool) -> String {
        self.with("33", text, wanted)
    }

    pub(super) fn error(&self, text: &str, wanted: bool) -> String {
        self.with("31", text, wanted)
    }

    fn with(&self, code: &str, text: &str, wanted: bool) -> String {
        if self.0 && wanted { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}
