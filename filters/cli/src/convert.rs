//! `nearmiss convert`: writes the exchanges of recorded log lines as exchange lines.

use crate::args::ConvertArgs;
use crate::config;
use crate::error::Error;
use crate::filter::ExchangeFilter;
use crate::line_counts::{FORMAT_HINT, LineCounts};
use crate::order::OrderCheck;
use crate::output::Output;
use crate::progress::{LINES_PER_TICK, Progress};
use crate::time_ordered::{Source, TimeOrdered};
use nearmiss_formats::{
    Attempts, Format, JoinKey, Joiner, LineError, ParsedLine, write_exchange, write_verdict,
};
use std::path::Path;
use std::process::ExitCode;

/// Converts the files.
pub(crate) fn run(args: &ConvertArgs) -> Result<ExitCode, Error> {
    let config = config::load(args.input.config.as_deref(), args.input.format)?;
    let mut progress = Progress::new(!args.quiet);
    let mut sources = TimeOrdered::open(&args.files, args.input.format, &config, &progress)?;
    let mut converter = Converter {
        filter: ExchangeFilter::new(&args.filter),
        order: OrderCheck::new(config.reorder),
        output: Output::new(),
        line_counts: LineCounts::default(),
        text: String::new(),
        format: None,
        join_key: JoinKey::default(),
    };
    let mut joiner = Joiner::default();
    while let Some(source) = sources.next()? {
        if !converter.take(source, &mut joiner)? {
            break;
        }
        if converter.line_counts.lines().is_multiple_of(LINES_PER_TICK) {
            progress.tick(converter.line_counts.lines());
        }
    }
    progress.clear();
    joiner.finish(&mut |_, read| converter.convert(Path::new(""), 0, read))?;
    converter.finish(args)
}

/// State that is kept from line to line.
struct Converter {
    filter: ExchangeFilter,
    order: OrderCheck,
    output: Output,
    line_counts: LineCounts,
    /// The exchange line.
    text: String,
    /// Format of the previous line.
    format: Option<Format>,
    join_key: JoinKey,
}

impl Converter {
    /// Converts one line from `source`, and what it completes; returns false at its end.
    fn take(&mut self, source: &mut Source, joiner: &mut Joiner) -> Result<bool, Error> {
        let number = source.lines.number() + 1;
        let Some((path, line)) = source.lines.next()? else { return Ok(false) };
        let mut attempts = Attempts::default();
        let mut key = JoinKey::default();
        core::mem::swap(&mut key, &mut self.join_key);
        let read = source.reader.read_part(line, &mut attempts, &mut key);
        joiner.pass(line, &key, read, &mut |_, read| self.convert(path, number, read))?;
        self.join_key = key;
        if self.format != Some(source.reader.format()) {
            self.format = Some(source.reader.format());
            self.line_counts.print_format(path, source.reader.format());
        }
        Ok(true)
    }

    /// Writes what was read of a line.
    fn convert(
        &mut self,
        path: &Path,
        number: u64,
        read: Result<ParsedLine<'_>, LineError>,
    ) -> Result<(), Error> {
        self.text.clear();
        match read {
            Ok(ParsedLine::Exchange(exchange)) => {
                if self.filter.matches(Some(exchange.ts), Some(exchange.upstream)) {
                    self.line_counts.judged += 1;
                    self.line_counts.attempts_unknown += u64::from(exchange.attempts.is_none());
                    self.order.add(exchange.ts);
                    write_exchange(&mut self.text, &exchange);
                } else {
                    self.line_counts.left_out += 1;
                }
            }
            Ok(ParsedLine::Judged(judged)) => {
                if self.filter.matches(judged.ts, judged.upstream) {
                    self.line_counts.judged += 1;
                    write_verdict(&mut self.text, &judged);
                } else {
                    self.line_counts.left_out += 1;
                }
            }
            Ok(ParsedLine::LeftOut(_)) => self.line_counts.left_out += 1,
            Ok(ParsedLine::Other(kind)) => self.line_counts.count_other(path, number, kind),
            Err(error) => self.line_counts.count_unreadable(path, number, &error.with_advice(FORMAT_HINT)),
        }
        if self.text.is_empty() { Ok(()) } else { self.output.line(&self.text) }
    }

    fn finish(mut self, args: &ConvertArgs) -> Result<ExitCode, Error> {
        self.output.flush()?;
        if !args.quiet || self.line_counts.unreadable > 0 {
            self.line_counts.print("converted");
        }
        if !args.quiet {
            self.order.print();
            self.filter.print_if_nothing_matched();
            if let Some(format) = self.format {
                self.line_counts.print_limits(format);
            }
        }
        Ok(self.line_counts.exit_code(args.max_bad))
    }
}
