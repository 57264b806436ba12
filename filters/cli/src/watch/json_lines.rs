//! Prints records as JSON lines on standard output, and a table at the end.

use super::follow::EventHandler;
use crate::error::Error;
use crate::line_counts::{FORMAT_HINT, LineCounts};
use crate::output::Output;
use crate::upstream_table::UpstreamTable;
use nearmiss::{Exchange, Fate, Record, Verdict};
use nearmiss_formats::{Format, LineError};
use std::path::Path;

/// The output without `--tui`: records on standard output, everything else on standard error.
pub(super) struct JsonLines {
    output: Output,
    line_counts: LineCounts,
    table: UpstreamTable,
}

impl JsonLines {
    pub(super) fn new() -> Self {
        Self { output: Output::new(), line_counts: LineCounts::default(), table: UpstreamTable::default() }
    }

    /// Prints the table and the counts of lines.
    pub(super) fn print_totals(&self) {
        self.table.print();
        self.line_counts.print("judged");
    }
}

impl EventHandler for JsonLines {
    fn on_exchange(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        self.line_counts.judged += 1;
        self.table.count(exchange, verdict);
    }

    fn on_judged(&mut self, upstream: &str, fate: Fate) {
        self.line_counts.judged += 1;
        self.table.count_judged(Some(upstream), fate);
    }

    fn on_record(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.output.line(record.json)
    }

    fn on_format(&mut self, path: &Path, format: Format) {
        self.line_counts.print_format(path, format);
    }

    fn on_left_out(&mut self) {
        self.line_counts.left_out += 1;
    }

    fn on_unreadable_line(&mut self, path: &Path, number: u64, error: &LineError) {
        self.line_counts.count_unreadable(path, number, &error.with_advice(FORMAT_HINT));
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.output.flush()
    }
}
