//! `nearmiss replay`: judges recorded log lines and prints records or annotated lines.

mod sentences;
mod wasm;

use crate::annotate::annotate;
use crate::args::{RecordType, ReplayArgs};
use crate::config;
use crate::end_time::end_of;
use crate::error::Error;
use crate::exchange_reader::{ExchangeReader, LineHandler};
use crate::filter::ExchangeFilter;
use crate::input::InputLine;
use crate::line_counts::LineCounts;
use crate::monitor;
use crate::order::OrderCheck;
use crate::output::Output;
use crate::parallel::Parallelism;
use crate::progress::{LINES_PER_TICK, Progress};
use crate::time_ordered::TimeOrdered;
use crate::upstream_table::UpstreamTable;
use crate::warm_up;
use nearmiss::upstream_name;
use nearmiss::{Head, Monitor};
use nearmiss_formats::{Format, LineError, ParsedLine};
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

/// Judges the files.
pub(crate) fn run(args: &ReplayArgs) -> Result<ExitCode, Error> {
    if let Some(module) = &args.wasm {
        return wasm::run(args, module);
    }
    let config = config::load(args.log.input.config.as_deref(), args.log.input.format)?;
    let mut progress = Progress::new(!args.log.run.quiet);
    let mut sources = TimeOrdered::open(&args.log.files, args.log.input.format, &config, &progress)?;
    let filter =
        ExchangeFilter::new(&args.log.filter, || end_of(&args.log.files, args.log.input.format, &config))?;
    let (format, for_readers) = (args.log.input.format, config.clone());
    let order = OrderCheck::new(config.reorder);
    let mut monitor = monitor::new(config, &args.source);
    let in_sentences = !args.json && args.only.is_empty() && std::io::stdout().is_terminal();
    if in_sentences {
        monitor.note_tokens();
    }
    let mut replayer = Replayer {
        order,
        monitor,
        filter,
        annotate: args.annotate,
        only: args.only.clone(),
        in_sentences,
        output: Output::new(),
        line_counts: LineCounts::new(args.log.run.quiet),
        table: (!args.log.run.quiet).then(UpstreamTable::default),
        annotation: Vec::new(),
        clean: String::new(),
    };
    let mut exchanges = ExchangeReader::default();
    let parallelism = Parallelism::default();
    if let Some(source) = sources.only().filter(|_| parallelism.is_worth_it()) {
        let new_reader = || config::line_reader(format, &for_readers);
        let mut read = 0;
        parallelism.read_all(&mut source.lines, new_reader, &mut exchanges, &mut replayer, |lines| {
            read += lines;
            progress.tick(read);
        })?;
    }
    while let Some(source) = sources.next()? {
        let Some(line) = source.lines.next()? else { break };
        exchanges.read(line, &mut source.reader, &mut replayer)?;
        if replayer.line_counts.lines().is_multiple_of(LINES_PER_TICK) {
            progress.tick(replayer.line_counts.lines());
        }
    }
    progress.clear();
    exchanges.finish(&mut replayer)?;
    replayer.finish(args, exchanges.format())
}

/// State that is kept from line to line.
struct Replayer {
    monitor: Monitor,
    order: OrderCheck,
    filter: ExchangeFilter,
    annotate: bool,
    /// Types of the records that are printed; empty for all.
    only: Vec<RecordType>,
    /// True if episodes are printed as sentences instead of all records: at a terminal, unless records are asked for.
    in_sentences: bool,
    output: Output,
    line_counts: LineCounts,
    /// The table that is printed at the end, unless the replay is quiet.
    table: Option<UpstreamTable>,
    annotation: Vec<u8>,
    clean: String,
}

impl Replayer {
    /// Prints the pending records.
    fn drain(&mut self) -> Result<(), Error> {
        while let Some(record) = self.monitor.poll_record() {
            if !self.in_sentences {
                if self.only.is_empty() || self.only.contains(&type_of(record.head)) {
                    self.output.line(record.json)?;
                }
            } else if let Some(text) = sentences::sentences(&record) {
                self.output.line(&text)?;
            }
        }
        Ok(())
    }

    /// Prints why there is no episode if the input is too short for one.
    fn print_if_too_short(&self) {
        let sentence = self.order.span().and_then(warm_up::too_short);
        if let Some(sentence) = sentence.filter(|_| self.line_counts.judged > 0) {
            eprintln!("nearmiss: {sentence}");
        }
    }

    fn finish(mut self, args: &ReplayArgs, format: Option<Format>) -> Result<ExitCode, Error> {
        self.monitor.finish();
        if self.annotate {
            while let Some(record) = self.monitor.poll_record() {
                if matches!(record.head, Head::Episode { .. }) {
                    eprintln!("{}", record.json);
                }
            }
        } else {
            self.drain()?;
        }
        self.output.flush()?;
        if let Some(table) = &self.table {
            table.print();
            self.line_counts.print("judged");
            self.print_if_too_short();
            monitor::print_unmatched(&self.monitor);
            if let Some(format) = format {
                self.line_counts.print_limits(format);
            }
        } else if self.line_counts.unreadable > 0 {
            self.line_counts.print("judged");
        }
        self.order.print();
        self.filter.print_if_nothing_matched();
        Ok(self.line_counts.exit_code(args.log.run.max_bad))
    }
}

fn type_of(head: Head) -> RecordType {
    match head {
        Head::Exchange { .. } => RecordType::Exchange,
        Head::Episode { .. } => RecordType::Episode,
        Head::Summary { .. } => RecordType::Summary,
    }
}

impl LineHandler for Replayer {
    fn on_line(&mut self, line: InputLine<'_>, read: Result<ParsedLine<'_>, LineError>) -> Result<(), Error> {
        let (mut verdict, mut is_judged) = (None, false);
        match &read {
            Ok(ParsedLine::Exchange(exchange)) => {
                if !self.filter.matches(Some(exchange.ts), Some(exchange.upstream)) {
                    self.line_counts.left_out += 1;
                    return Ok(());
                }
                self.line_counts.judged += 1;
                self.line_counts.attempts_unknown += u64::from(exchange.attempts.is_none());
                self.order.add(exchange.ts);
                let observed = self.monitor.observe(exchange);
                if let Some(table) = &mut self.table {
                    table.count(exchange, &observed.verdict);
                }
                if self.annotate && !observed.recorded {
                    self.clean.clear();
                    nearmiss::record::clean(&mut self.clean, &upstream_name(exchange.upstream));
                    verdict = Some(self.clean.as_str());
                }
            }
            Ok(ParsedLine::Judged(judged)) => {
                if !self.filter.matches(judged.ts, judged.upstream) {
                    self.line_counts.left_out += 1;
                    return Ok(());
                }
                self.line_counts.judged += 1;
                if let Some(table) = &mut self.table {
                    table.count_judged(judged.upstream, judged.fate);
                }
                self.monitor.relay(judged.ts, judged.upstream.unwrap_or_default(), judged.fate);
                is_judged = true;
            }
            Ok(ParsedLine::LeftOut(_)) => self.line_counts.left_out += 1,
            Ok(ParsedLine::Other(kind)) => self.line_counts.count_other(line.path, line.number, *kind),
            Err(error) => self.line_counts.count_without_exchange(&line, error),
        }
        if self.annotate {
            self.annotation.clear();
            let mut written = false;
            while let Some(record) = self.monitor.poll_record() {
                match record.head {
                    Head::Exchange { .. } => {
                        annotate(&mut self.annotation, line.text, Some(record.json));
                        written = true;
                    }
                    Head::Episode { .. } => eprintln!("{}", record.json),
                    Head::Summary { .. } => {}
                }
            }
            if is_judged {
                // The line already has a verdict and passes through unchanged.
                self.annotation.extend_from_slice(line.text);
            } else if !written {
                annotate(&mut self.annotation, line.text, verdict);
            }
            self.output.raw(&self.annotation)?;
        } else {
            self.drain()?;
        }
        Ok(())
    }

    fn on_format(&mut self, path: &Path, format: Format) {
        self.line_counts.print_format(path, format);
    }
}
