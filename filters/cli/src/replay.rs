//! `nearmiss replay`: judges recorded log lines and prints records or annotated lines.

mod colors;
mod sentences;
mod table;
mod wasm;

use crate::annotate::annotate;
use crate::args::ReplayArgs;
use crate::config;
use crate::error::Error;
use crate::filter::ExchangeFilter;
use crate::line_counts::{FORMAT_HINT, LineCounts};
use crate::monitor;
use crate::order::OrderCheck;
use crate::output::Output;
use crate::progress::{LINES_PER_TICK, Progress};
use crate::time_ordered::{Source, TimeOrdered};
use nearmiss::upstream_name;
use nearmiss::{Head, Monitor};
use nearmiss_formats::{Attempts, Format, JoinKey, Joiner, LineError, ParsedLine};
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use table::ReplayTable;

/// Judges the files.
pub(crate) fn run(args: &ReplayArgs) -> Result<ExitCode, Error> {
    if let Some(module) = &args.wasm {
        return wasm::run(args, module);
    }
    let config = config::load(args.input.config.as_deref(), args.input.format)?;
    let mut progress = Progress::new(!args.quiet);
    let mut sources = TimeOrdered::open(&args.files, args.input.format, &config, &progress)?;
    let mut replayer = Replayer {
        order: OrderCheck::new(config.reorder),
        monitor: monitor::new(config, &args.source),
        filter: ExchangeFilter::new(&args.filter),
        annotate: args.annotate,
        in_sentences: !args.json && std::io::stdout().is_terminal(),
        output: Output::new(),
        line_counts: LineCounts::default(),
        table: ReplayTable::default(),
        annotation: Vec::new(),
        clean: String::new(),
        format: None,
        join_key: JoinKey::default(),
    };
    let mut joiner = Joiner::default();
    while let Some(source) = sources.next()? {
        if !replayer.take(source, &mut joiner)? {
            break;
        }
        if replayer.line_counts.lines().is_multiple_of(LINES_PER_TICK) {
            progress.tick(replayer.line_counts.lines());
        }
    }
    progress.clear();
    joiner.finish(&mut |line, read| replayer.judge(Path::new(""), 0, line, read))?;
    replayer.finish(args)
}

/// State that is kept from line to line.
struct Replayer {
    monitor: Monitor,
    order: OrderCheck,
    filter: ExchangeFilter,
    annotate: bool,
    /// True if episodes are printed as sentences instead of all records: at a terminal, unless records are asked for.
    in_sentences: bool,
    output: Output,
    line_counts: LineCounts,
    table: ReplayTable,
    annotation: Vec<u8>,
    clean: String,
    /// Format of the previous line.
    format: Option<Format>,
    join_key: JoinKey,
}

impl Replayer {
    /// Judges one line from `source`, and what it completes; returns false at its end.
    fn take(&mut self, source: &mut Source, joiner: &mut Joiner) -> Result<bool, Error> {
        let number = source.lines.number() + 1;
        let Some((path, line)) = source.lines.next()? else { return Ok(false) };
        let mut attempts = Attempts::default();
        let mut key = JoinKey::default();
        core::mem::swap(&mut key, &mut self.join_key);
        let read = source.reader.read_part(line, &mut attempts, &mut key);
        joiner.pass(line, &key, read, &mut |line, read| self.judge(path, number, line, read))?;
        self.join_key = key;
        if self.format != Some(source.reader.format()) {
            self.format = Some(source.reader.format());
            self.line_counts.print_format(path, source.reader.format());
        }
        Ok(true)
    }

    /// Judges what was read of a line.
    fn judge(
        &mut self,
        path: &Path,
        number: u64,
        line: &[u8],
        read: Result<ParsedLine<'_>, LineError>,
    ) -> Result<(), Error> {
        let (mut verdict, mut is_judged) = (None, false);
        match read {
            Ok(ParsedLine::Exchange(exchange)) => {
                if !self.filter.matches(Some(exchange.ts), Some(exchange.upstream)) {
                    self.line_counts.left_out += 1;
                    return Ok(());
                }
                self.line_counts.judged += 1;
                self.line_counts.attempts_unknown += u64::from(exchange.attempts.is_none());
                self.order.add(exchange.ts);
                let observed = self.monitor.observe(&exchange);
                self.table.count(&exchange, &observed.verdict);
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
                self.table.count_judged(judged.upstream, judged.fate);
                self.monitor.relay(judged.ts, judged.upstream.unwrap_or_default(), judged.fate);
                is_judged = true;
            }
            Ok(ParsedLine::LeftOut(_)) => self.line_counts.left_out += 1,
            Ok(ParsedLine::Other(kind)) => self.line_counts.count_other(path, number, kind),
            Err(error) => self.line_counts.count_unreadable(path, number, &error.with_advice(FORMAT_HINT)),
        }
        if self.annotate {
            self.annotation.clear();
            let mut written = false;
            while let Some(record) = self.monitor.poll_record() {
                match record.head {
                    Head::Exchange { .. } => {
                        annotate(&mut self.annotation, line, Some(record.json));
                        written = true;
                    }
                    Head::Episode { .. } => eprintln!("{}", record.json),
                    Head::Summary { .. } => {}
                }
            }
            if is_judged {
                // The line already has a verdict and passes through unchanged.
                self.annotation.extend_from_slice(line);
            } else if !written {
                annotate(&mut self.annotation, line, verdict);
            }
            self.output.raw(&self.annotation)?;
        } else {
            self.drain()?;
        }
        Ok(())
    }

    /// Prints the pending records.
    fn drain(&mut self) -> Result<(), Error> {
        while let Some(record) = self.monitor.poll_record() {
            if !self.in_sentences {
                self.output.line(record.json)?;
            } else if let Some(text) = sentences::sentences(&record) {
                self.output.line(&text)?;
            }
        }
        Ok(())
    }

    fn finish(mut self, args: &ReplayArgs) -> Result<ExitCode, Error> {
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
        if !args.quiet {
            self.table.print();
            self.line_counts.print("judged");
            self.order.print();
            self.filter.print_if_nothing_matched();
            monitor::print_unmatched(&self.monitor);
            if let Some(format) = self.format {
                self.line_counts.print_limits(format);
            }
        } else if self.line_counts.unreadable > 0 {
            self.line_counts.print("judged");
        }
        Ok(self.line_counts.exit_code(args.max_bad))
    }
}
