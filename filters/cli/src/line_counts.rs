//! Counts lines by outcome.

use core::fmt::Display;
use nearmiss_formats::Format;
use std::path::Path;
use std::process::ExitCode;

/// Number of lines by outcome.
#[derive(Debug, Default)]
pub(crate) struct LineCounts {
    /// Judged here, or earlier by another nearmiss; for `merge`, lines with records.
    pub(crate) judged: u64,
    /// Not an exchange, or not selected.
    pub(crate) skipped: u64,
    /// Unreadable.
    pub(crate) bad: u64,
    /// Number of changes of the format.
    formats: u64,
}

/// Maximum number of unreadable lines that are printed.
const MAX_SHOWN: u64 = 3;

/// Advice for lines in an unknown format.
pub(crate) const FORMAT_HINT: &str = "name one with --format";

impl LineCounts {
    /// Counts an unreadable line, and prints its error if it is one of the first few.
    #[cold]
    pub(crate) fn bad(&mut self, path: &Path, number: u64, error: &dyn Display) {
        self.bad += 1;
        if self.bad <= MAX_SHOWN {
            eprintln!("nearmiss: {}:{number}: {error}", path.display());
        }
    }

    /// Prints the detected format when a file or its format changes, for the first few changes.
    pub(crate) fn format(&mut self, path: &Path, format: Format) {
        self.formats += 1;
        if format != Format::Auto && self.formats <= MAX_SHOWN {
            eprintln!("nearmiss: {}: read as {format}", path.display());
        }
    }

    /// Returns the total number of lines.
    pub(crate) fn lines(&self) -> u64 {
        self.judged + self.skipped + self.bad
    }

    /// Prints the counts; `what` describes the good lines.
    pub(crate) fn report(&self, what: &str) {
        let Self { judged, skipped, bad, .. } = self;
        eprint!("nearmiss: {} lines: {judged} {what}", self.lines());
        if *skipped > 0 {
            eprint!(", {skipped} left out");
        }
        eprintln!(", {bad} unreadable");
    }

    /// Returns the exit code for the share of unreadable lines.
    pub(crate) fn exit_code(&self, max_bad: f64) -> ExitCode {
        let allowed = max_bad * self.lines() as f64;
        if self.bad as f64 > allowed { ExitCode::from(2) } else { ExitCode::SUCCESS }
    }
}
