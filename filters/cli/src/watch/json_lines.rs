//! Prints records as JSON lines on standard output.

use super::follow::EventHandler;
use crate::error::Error;
use crate::line_counts::{FORMAT_HINT, LineCounts};
use crate::output::Output;
use nearmiss::Record;
use nearmiss_formats::{Format, LineError};
use std::path::Path;

/// The output without `--tui`: records on standard output, errors on standard error.
pub(super) struct JsonLines {
    output: Output,
    line_counts: LineCounts,
}

impl JsonLines {
    pub(super) fn new() -> Self {
        Self { output: Output::new(), line_counts: LineCounts::default() }
    }
}

impl EventHandler for JsonLines {
    fn on_record(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.output.line(record.json)
    }

    fn on_format(&mut self, path: &Path, format: Format) {
        self.line_counts.print_format(path, format);
    }

    fn on_unreadable_line(&mut self, path: &Path, number: u64, error: &LineError) {
        self.line_counts.count_unreadable(path, number, &error.with_advice(FORMAT_HINT));
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.output.flush()
    }
}
