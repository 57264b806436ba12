//! Counts of input lines by outcome.

use crate::input::InputLine;
use crate::records;
use core::fmt::{self, Display, Formatter};
use nearmiss_formats::{Format, LineError, OtherLine};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Number of lines by outcome.
#[derive(Debug, Default)]
pub(crate) struct LineCounts {
    /// True if only problems are printed.
    quiet: bool,
    /// Lines judged here or earlier by another nearmiss; for `merge`, lines with records.
    pub(crate) judged: u64,
    /// Lines without an exchange, or with one that is not selected.
    pub(crate) left_out: u64,
    /// Lines that could not be parsed.
    pub(crate) unreadable: u64,
    /// Lines that are not in an access log's format: messages of programs that share the stream.
    pub(crate) other: u64,
    /// Exchanges whose lines do not contain the number of attempts.
    pub(crate) attempts_unknown: u64,
    /// The first unreadable lines and the first other lines.
    pub(crate) problems: Vec<Problem>,
    /// True if there are records of nearmiss among the other lines.
    has_records: bool,
    /// The kinds of other lines that were named.
    named: Vec<OtherLine>,
    /// Number of times that the file or its format changed.
    formats: u64,
    /// The formats of the last file, if there are several.
    mixed: Mixed,
}

/// A line that is not an exchange, and why.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) number: u64,
    pub(crate) reason: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.number, self.reason)
    }
}

/// The formats in one file.
#[derive(Debug, Default)]
struct Mixed {
    path: PathBuf,
    formats: Vec<Format>,
}

/// Maximum number of unreadable lines that are printed.
const MAX_PRINTED: u64 = 3;

/// Hint appended to the error of a line in an unknown format.
pub(crate) const FORMAT_HINT: &str = "name one with --format";

impl LineCounts {
    /// Creates counts that print the detected format, or, if `quiet`, only problems.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, ..Self::default() }
    }

    /// Counts an unreadable line, and prints its error if it is one of the first few.
    #[cold]
    pub(crate) fn count_unreadable(&mut self, path: &Path, number: u64, error: &dyn Display) {
        self.unreadable += 1;
        if self.unreadable <= MAX_PRINTED {
            self.print_problem(path, number, error.to_string());
        }
    }

    /// Counts a line without a readable exchange: a record of nearmiss as another line, anything else as unreadable.
    #[cold]
    pub(crate) fn count_without_exchange(&mut self, line: &InputLine<'_>, error: &LineError) {
        if records::find_record(line.text).is_none() {
            return self.count_unreadable(line.path, line.number, &error.with_advice(FORMAT_HINT));
        }
        self.other += 1;
        if !core::mem::replace(&mut self.has_records, true) {
            const RECORD: &str = "a record of nearmiss, not an exchange: `nearmiss report` and `nearmiss merge` read records; \
                                  the first of its kind";
            self.print_problem(line.path, line.number, RECORD.to_owned());
        }
    }

    /// Counts a line of a program's own messages, and names the first of each kind.
    #[cold]
    pub(crate) fn count_other(&mut self, path: &Path, number: u64, kind: OtherLine) {
        self.other += 1;
        if !self.named.contains(&kind) {
            self.named.push(kind);
            self.print_problem(
                path,
                number,
                format!("not an access log line: {kind}; the first of its kind"),
            );
        }
    }

    fn print_problem(&mut self, path: &Path, number: u64, reason: String) {
        let problem = Problem { path: path.into(), number, reason };
        eprintln!("nearmiss: {problem}");
        self.problems.push(problem);
    }

    /// Prints the detected format when a file or its format changes, for the first few changes.
    pub(crate) fn print_format(&mut self, path: &Path, format: Format) {
        self.formats += 1;
        if self.mixed.path != path {
            self.mixed = Mixed { path: path.into(), formats: Vec::new() };
        }
        if format != Format::Auto && !self.mixed.formats.contains(&format) {
            self.mixed.formats.push(format);
            if let [.., before, format] = *self.mixed.formats {
                eprintln!(
                    "nearmiss: {}: lines of several formats: {format} after {before}; --format names the one to read",
                    path.display()
                );
            }
        }
        if !self.quiet && format != Format::Auto && self.formats <= MAX_PRINTED {
            eprintln!("nearmiss: {}: read as {format}", path.display());
        }
    }

    /// Returns the total number of lines.
    pub(crate) fn lines(&self) -> u64 {
        self.judged + self.left_out + self.other + self.unreadable
    }

    /// Returns true if there are lines, and none is one of an access log.
    fn has_no_log(&self) -> bool {
        self.other > 0 && self.judged + self.left_out + self.unreadable == 0
    }

    /// Prints the counts; `what` describes the lines that are counted as judged.
    pub(crate) fn print(&self, what: &str) {
        let Self { judged, left_out, unreadable, other, .. } = self;
        eprint!("nearmiss: {} lines: {judged} {what}", self.lines());
        if *left_out > 0 {
            eprint!(", {left_out} left out");
        }
        if *other > 0 {
            eprint!(", {other} other");
        }
        eprintln!(", {unreadable} unreadable");
        if self.has_no_log() && !self.has_records {
            eprintln!(
                "nearmiss: no line is in a known format; name one with --format, or set `fields.log_format` in a configuration \
                 to the format string of the proxy (docs/formats.md)"
            );
        }
    }

    /// Prints in one line that the lines show no retries, and how to log them.
    pub(crate) fn print_limits(&self, format: Format) {
        if self.judged > 0 && self.attempts_unknown == self.judged {
            eprintln!("nearmiss: these {format} lines do not show retries; {}", format.attempts_advice());
        }
    }

    /// Returns the exit code for the share of unreadable lines.
    pub(crate) fn exit_code(&self, max_bad: f64) -> ExitCode {
        let allowed = max_bad * (self.lines() - self.other) as f64;
        if self.unreadable as f64 > allowed || self.has_no_log() {
            ExitCode::from(2)
        } else {
            ExitCode::SUCCESS
        }
    }
}
