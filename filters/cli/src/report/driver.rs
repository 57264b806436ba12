//! Reads the input into the report model: records are added as they are, other lines are judged first, as `replay`
//! does.

use super::input_stats::InputStats;
use super::model::ReportModel;
use crate::args::ReportArgs;
use crate::config;
use crate::end_time::end_of;
use crate::error::Error;
use crate::exchange_reader::{ExchangeReader, LineHandler};
use crate::filter::ExchangeFilter;
use crate::input::{InputLine, Lines};
use crate::line_counts::{FORMAT_HINT, LineCounts, Problem};
use crate::monitor;
use crate::order::OrderCheck;
use crate::progress::{LINES_PER_TICK, Progress};
use crate::records::{self, AnyRecord, RecordParseError};
use crate::time_ordered::{Source, TimeOrdered};
use nearmiss::{Micros, Monitor, Timestamp};
use nearmiss::{NO_UPSTREAM, upstream_name};
use nearmiss_formats::{LineError, ParsedLine};
use std::path::Path;

/// Shortest and longest summary interval for lines that are judged here. Frequent summaries give short logs a fine
/// timeline; the interval grows with the width of the time bins.
const SUMMARY_EVERY_MS: (u64, u64) = (10_000, 600_000);

/// State that is kept from line to line.
pub(crate) struct ReportDriver {
    sources: TimeOrdered,
    progress: Progress,
    exchanges: ExchangeReader,
    judge: LineJudge,
}

/// Judges lines, and adds what comes of them to the model.
struct LineJudge {
    filter: ExchangeFilter,
    order: OrderCheck,
    monitor: Monitor,
    summary_every: Micros,
    outcome: ReadOutcome,
}

/// The model and the statistics of the input.
#[derive(Default)]
pub(crate) struct ReadOutcome {
    pub(crate) model: ReportModel,
    pub(crate) line_counts: LineCounts,
    pub(crate) stats: InputStats,
}

impl ReportDriver {
    pub(crate) fn new(args: &ReportArgs) -> Result<Self, Error> {
        let mut config = config::load(args.input.config.as_deref(), args.input.format)?;
        let progress = Progress::new(!args.run.quiet);
        let (mut sources, mut stats) = (Vec::new(), InputStats::default());
        for path in &args.files {
            let mut lines = Lines::open(path, &progress)?;
            // A proxy's own log starts with lines that are neither records nor exchanges.
            let buffered = lines.buffered()?.unwrap_or_default();
            let has_records =
                buffered.split(|byte| *byte == b'\n').any(|line| records::find_record(line).is_some());
            let reader = config::line_reader(args.input.format, &config);
            let mut source = Source::new(lines, reader);
            source.has_records = has_records;
            sources.push(source);
            stats.files.push(file_name(path));
        }
        let summary_every = Micros::from_millis(SUMMARY_EVERY_MS.0);
        config.summary_every = summary_every;
        let filter = ExchangeFilter::new(&args.filter, || end_of(&args.files, args.input.format, &config))?;
        let mut monitor = monitor::new(config, "report");
        monitor.note_tokens();
        Ok(Self {
            sources: TimeOrdered::new(sources)?,
            progress,
            exchanges: ExchangeReader::default(),
            judge: LineJudge {
                filter,
                order: OrderCheck::new(monitor.config().reorder),
                monitor,
                summary_every,
                outcome: ReadOutcome { stats, ..ReadOutcome::default() },
            },
        })
    }

    /// Reads all files to their end.
    pub(crate) fn finish(mut self) -> Result<ReadOutcome, Error> {
        while self.line()? {
            let lines = self.judge.outcome.line_counts.lines();
            if lines.is_multiple_of(LINES_PER_TICK) {
                self.progress.tick(lines);
            }
        }
        self.progress.clear();
        let mut judge = self.judge;
        self.exchanges.finish(&mut judge)?;
        judge.finish()
    }

    /// Reads one line; returns false at the end.
    fn line(&mut self) -> Result<bool, Error> {
        let Some(source) = self.sources.next()? else { return Ok(false) };
        let Some(line) = source.lines.next()? else { return Ok(false) };
        let judge = &mut self.judge;
        let ReadOutcome { model, line_counts, .. } = &mut judge.outcome;
        if let Some(json) = records::find_record(line.text) {
            source.has_records = true;
            match add_if_selected(model, &mut judge.filter, json) {
                Ok(true) => line_counts.judged += 1,
                Ok(false) => line_counts.left_out += 1,
                Err(error) => line_counts.count_unreadable(line.path, line.number, &error),
            }
            return Ok(true);
        }
        if source.has_records {
            line_counts.left_out += 1;
            return Ok(true);
        }
        self.exchanges.read(line, &mut source.reader, judge)?;
        Ok(true)
    }
}

impl LineJudge {
    /// Ends the input.
    fn finish(mut self) -> Result<ReadOutcome, Error> {
        self.monitor.finish();
        self.drain();
        self.outcome.model.finish();
        self.filter.print_if_nothing_matched();
        let ReadOutcome { line_counts, stats, .. } = &mut self.outcome;
        stats.unreadable = line_counts.unreadable;
        stats.left_out = line_counts.left_out;
        stats.lines = line_counts.lines();
        // The same error of several lines is shown once.
        line_counts.problems.dedup_by(|later, first| later.reason == first.reason);
        stats.problems = line_counts.problems.iter().map(without_directory).collect();
        stats.problems.extend(self.filter.unmatched());
        monitor::print_unmatched(&self.monitor);
        self.order.print();
        Ok(self.outcome)
    }

    /// Adds the monitor's pending records to the model.
    fn drain(&mut self) {
        let mut any = false;
        while let Some(record) = self.monitor.poll_record() {
            let added =
                AnyRecord::of(&record).is_ok_and(|record| self.outcome.model.add_record(record).is_ok());
            debug_assert!(added, "{}", record.json);
            any = true;
        }
        if any {
            self.adapt_summary_interval();
        }
    }

    /// Raises the summary interval to the width of the time bins.
    fn adapt_summary_interval(&mut self) {
        let (min, max) = SUMMARY_EVERY_MS;
        let interval = Micros::from_millis(self.outcome.model.time_bins.width_ms().clamp(min, max));
        if interval > self.summary_every {
            self.summary_every = interval;
            let mut config = self.monitor.config().clone();
            config.summary_every = interval;
            self.monitor.reconfigure(config);
        }
    }
}

impl LineHandler for LineJudge {
    fn on_line(&mut self, line: InputLine<'_>, read: Result<ParsedLine<'_>, LineError>) -> Result<(), Error> {
        let ReadOutcome { model, line_counts, stats } = &mut self.outcome;
        match read {
            Ok(ParsedLine::Exchange(exchange))
                if self.filter.matches(Some(exchange.ts), Some(exchange.upstream)) =>
            {
                line_counts.judged += 1;
                let named = upstream_name(exchange.upstream) != NO_UPSTREAM;
                stats.attempts_unknown += u64::from(exchange.attempts.is_none() && named);
                self.order.add(exchange.ts);
                self.monitor.observe(&exchange);
            }
            Ok(ParsedLine::Judged(judged)) if self.filter.matches(judged.ts, judged.upstream) => {
                line_counts.judged += 1;
                let time = judged.ts.map(|ts| ts.micros() / 1_000).or(model.span.map(|(_, to)| to));
                model.add_judged(
                    &upstream_name(judged.upstream.unwrap_or_default()),
                    judged.fate,
                    time.unwrap_or(0),
                );
            }
            Ok(ParsedLine::Other(kind)) => line_counts.count_other(line.path, line.number, kind),
            Ok(_) => line_counts.left_out += 1,
            Err(error) => {
                line_counts.count_unreadable(line.path, line.number, &error.with_advice(FORMAT_HINT));
            }
        }
        self.drain();
        Ok(())
    }
}

/// Adds a record to the model if it is selected; returns false if it is not.
fn add_if_selected(
    model: &mut ReportModel,
    filter: &mut ExchangeFilter,
    json: &[u8],
) -> Result<bool, RecordParseError> {
    let record = records::parse(json)?;
    let time = Timestamp::from_micros(record.time()?.saturating_mul(1_000));
    if !filter.matches(Some(time), Some(record.upstream())) {
        return Ok(false);
    }
    model.add_record(record)?;
    Ok(true)
}

/// Returns a problem with the name of its file instead of the path.
fn without_directory(problem: &Problem) -> String {
    format!("{}:{}: {}", file_name(&problem.path), problem.number, problem.reason)
}

/// Returns the last part of a path, so that a shared report does not reveal the directory layout.
fn file_name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return "standard input".into();
    }
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
