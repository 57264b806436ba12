//! How many lines came, and what became of them.

use core::fmt::Display;
use nearmiss_formats::Format;
use std::path::Path;
use std::process::ExitCode;

/// Lines by what became of them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Judged here, or earlier by another nearmiss; or with records to merge.
    pub(crate) judged: u64,
    /// Rightly no exchange, or not asked for.
    pub(crate) left_out: u64,
    /// Unreadable.
    pub(crate) bad: u64,
    /// How often the format changed.
    formats: u64,
}

/// How many unreadable lines are shown.
const SHOWN: u64 = 3;

/// What to do where no format is known.
pub(crate) const ADVICE: &str = "name one with --format";

impl Tally {
    /// Counts an unreadable line and shows the first few.
    #[cold]
    pub(crate) fn bad(&mut self, path: &Path, number: u64, error: &dyn Display) {
        self.bad += 1;
        if self.bad <= SHOWN {
            eprintln!("nearmiss: {}:{number}: {error}", path.display());
        }
    }

    /// Says which format the lines turned out to be in, the first time each file or its format changes.
    pub(crate) fn format(&mut self, path: &Path, format: Format) {
        self.formats += 1;
        if format != Format::Auto && self.formats <= SHOWN {
            eprintln!("nearmiss: {}: read as {format}", path.display());
        }
    }

    /// All lines.
    pub(crate) fn lines(&self) -> u64 {
        self.judged + self.left_out + self.bad
    }

    /// Says how many lines were read and what became of them; `what` the good ones are.
    pub(crate) fn report(&self, what: &str) {
        let Self { judged, left_out, bad, .. } = self;
        eprint!("nearmiss: {} lines: {judged} {what}", self.lines());
        if *left_out > 0 {
            eprint!(", {left_out} left out");
        }
        eprintln!(", {bad} unreadable");
    }

    /// The exit code that the share of unreadable lines makes.
    pub(crate) fn exit_code(&self, max_bad: f64) -> ExitCode {
        let allowed = max_bad * self.lines() as f64;
        if self.bad as f64 > allowed { ExitCode::from(2) } else { ExitCode::SUCCESS }
    }
}
