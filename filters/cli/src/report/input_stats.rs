//! Statistics of the input, for the footer of the report.

use crate::display::numbers::{GroupedCount, plural};

/// Names of the files that were read, and counts of unreadable and incomplete lines.
#[derive(Debug, Default)]
pub(crate) struct InputStats {
    /// File names without their directories.
    pub(crate) files: Vec<String>,
    /// Lines that could not be parsed.
    pub(crate) unreadable: u64,
    /// All lines.
    pub(crate) lines: u64,
    /// Lines with an exchange or a record that was not selected.
    pub(crate) left_out: u64,
    /// The first errors, with the line's number, and what was selected of the input if that was nothing.
    pub(crate) problems: Vec<String>,
    /// Exchanges whose lines do not contain the number of attempts.
    pub(crate) attempts_unknown: u64,
}

impl InputStats {
    /// Returns the name of the only file, or the first name and the number of the others.
    pub(crate) fn file_names(&self) -> String {
        match self.files.as_slice() {
            [] => "nothing".into(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        }
    }

    /// Returns why a report without exchanges is empty.
    pub(crate) fn why_empty(&self) -> String {
        let lines = GroupedCount(self.lines);
        match (self.lines, self.unreadable, self.left_out) {
            (0, ..) => "The input is empty.".into(),
            (all, unreadable, _) if unreadable == all => {
                format!("None of {lines} line{} could be read.", plural(all))
            }
            (_, 0, 0) => format!("None of {lines} line{} is in a known format.", plural(self.lines)),
            (_, 0, left_out) => format!(
                "{} of {lines} lines were left out: they are not selected, or are health checks or mirrored traffic.",
                GroupedCount(left_out)
            ),
            (_, unreadable, _) => format!(
                "{} of {lines} lines could not be read, and none of the others has an exchange.",
                GroupedCount(unreadable)
            ),
        }
    }
}
