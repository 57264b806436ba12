//! `nearmiss convert`: writes the exchanges of recorded log lines as exchange lines.

use crate::args::LogArgs;
use crate::config;
use crate::end_time::end_of;
use crate::error::Error;
use crate::exchange_reader::{ExchangeReader, LineHandler};
use crate::filter::ExchangeFilter;
use crate::input::InputLine;
use crate::line_counts::LineCounts;
use crate::order::OrderCheck;
use crate::output::Output;
use crate::progress::{LINES_PER_TICK, Progress};
use crate::time_ordered::TimeOrdered;
use nearmiss::{Exchange, upstream_name};
use nearmiss_formats::{Format, LineError, ParsedLine, write_exchange, write_verdict};
use std::path::Path;
use std::process::ExitCode;

/// Converts the files.
pub(crate) fn run(args: &LogArgs) -> Result<ExitCode, Error> {
    let config = config::load(args.input.config.as_deref(), args.input.format)?;
    let mut progress = Progress::new(!args.run.quiet);
    let mut sources = TimeOrdered::open(&args.files, args.input.format, &config, &progress)?;
    let mut converter = Converter {
        filter: ExchangeFilter::new(&args.filter, || end_of(&args.files, args.input.format, &config))?,
        order: OrderCheck::new(config.reorder),
        output: Output::new(),
        line_counts: LineCounts::new(args.run.quiet),
        text: String::new(),
    };
    let mut exchanges = ExchangeReader::default();
    while let Some(source) = sources.next()? {
        let Some(line) = source.lines.next()? else { break };
        exchanges.read(line, &mut source.reader, &mut converter)?;
        if converter.line_counts.lines().is_multiple_of(LINES_PER_TICK) {
            progress.tick(converter.line_counts.lines());
        }
    }
    progress.clear();
    exchanges.finish(&mut converter)?;
    converter.finish(args, exchanges.format())
}

/// State that is kept from line to line.
struct Converter {
    filter: ExchangeFilter,
    order: OrderCheck,
    output: Output,
    line_counts: LineCounts,
    /// The exchange line.
    text: String,
}

impl Converter {
    fn finish(mut self, args: &LogArgs, format: Option<Format>) -> Result<ExitCode, Error> {
        self.output.flush()?;
        if !args.run.quiet || self.line_counts.unreadable > 0 {
            self.line_counts.print("converted");
        }
        if !args.run.quiet {
            self.order.print();
            if let Some(format) = format {
                self.line_counts.print_limits(format);
            }
        }
        self.filter.print_if_nothing_matched();
        Ok(self.line_counts.exit_code(args.run.max_bad))
    }
}

impl LineHandler for Converter {
    fn on_line(&mut self, line: InputLine<'_>, read: Result<ParsedLine<'_>, LineError>) -> Result<(), Error> {
        self.text.clear();
        match read {
            Ok(ParsedLine::Exchange(exchange)) => {
                if self.filter.matches(Some(exchange.ts), Some(exchange.upstream)) {
                    self.line_counts.judged += 1;
                    self.line_counts.attempts_unknown += u64::from(exchange.attempts.is_none());
                    self.order.add(exchange.ts);
                    // The name that records have, so that lines grouped by it are judged as in `replay`.
                    let upstream = upstream_name(exchange.upstream);
                    write_exchange(&mut self.text, &Exchange { upstream: &upstream, ..exchange });
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
            Ok(ParsedLine::Other(kind)) => self.line_counts.count_other(line.path, line.number, kind),
            Err(error) => self.line_counts.count_without_exchange(&line, &error),
        }
        if self.text.is_empty() { Ok(()) } else { self.output.line(&self.text) }
    }

    fn on_format(&mut self, path: &Path, format: Format) {
        self.line_counts.print_format(path, format);
    }
}
