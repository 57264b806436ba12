//! `nearmiss replay`: old lines in, records or annotated lines out.

mod wasm;

use crate::annotate::annotated;
use crate::args::Replay;
use crate::filter::Filter;
use crate::input::Lines;
use crate::output::Output;
use crate::progress::Progress;
use crate::sequence::{Sequence, Source};
use crate::setup::{self, Error};
use crate::table::Table;
use crate::tally::{ADVICE, Tally};
use nearmiss::upstream_name;
use nearmiss::{Feed, Monitor, RecordKind};
use nearmiss_formats::{Attempts, Format, ParsedLine};
use std::process::ExitCode;

/// How many lines are read between two looks at the clock.
const LINES_A_LOOK: u64 = 8_192;

/// Reads the files to their end.
pub(crate) fn run(args: &Replay) -> Result<ExitCode, Error> {
    if let Some(module) = &args.wasm {
        return wasm::run(args, module);
    }
    let config = setup::config(args.reading.config.as_deref())?;
    let mut progress = Progress::new(!args.quiet);
    let mut sources = Vec::new();
    for path in &args.files {
        sources.push(Source::new(Lines::open(path, &progress)?, setup::reader(args.reading.format, &config)));
    }
    let mut replay = Run {
        monitor: Monitor::new(config, Feed::Log, &args.source),
        filter: Filter::new(&args.wanted),
        annotate: args.annotate,
        output: Output::new(),
        tally: Tally::default(),
        table: Table::default(),
        annotation: Vec::new(),
        clean: String::new(),
        format: None,
    };
    let mut sources = Sequence::new(sources)?;
    while let Some(source) = sources.next()? {
        if !replay.take(source)? {
            break;
        }
        if replay.tally.lines().is_multiple_of(LINES_A_LOOK) {
            progress.tick(replay.tally.lines());
        }
    }
    progress.clear();
    replay.finish(args)
}

/// Everything that lasts from line to line.
struct Run {
    monitor: Monitor,
    filter: Filter,
    annotate: bool,
    output: Output,
    tally: Tally,
    table: Table,
    annotation: Vec<u8>,
    clean: String,
    /// The format that was recognised last.
    format: Option<Format>,
}

impl Run {
    /// Takes one line from `source`; false at its end.
    fn take(&mut self, source: &mut Source) -> Result<bool, Error> {
        let number = source.lines.number() + 1;
        let Some((path, line)) = source.lines.next()? else { return Ok(false) };
        let mut attempts = Attempts::default();
        let read = source.reader.read(line, &mut attempts);
        let (mut verdict, mut is_judged) = (None, false);
        match read {
            Ok(ParsedLine::Exchange(exchange)) => {
                if !self.filter.wants(Some(exchange.ts), Some(exchange.upstream)) {
                    self.tally.left_out += 1;
                    return Ok(true);
                }
                self.tally.judged += 1;
                let observed = self.monitor.observe(&exchange);
                self.table.count(&exchange, &observed.verdict);
                if self.annotate && !observed.recorded {
                    self.clean.clear();
                    nearmiss::record::clean(&mut self.clean, &upstream_name(exchange.upstream));
                    verdict = Some(self.clean.as_str());
                }
            }
            Ok(ParsedLine::Judged(judged)) => {
                if !self.filter.wants(judged.ts, judged.upstream) {
                    self.tally.left_out += 1;
                    return Ok(true);
                }
                self.tally.judged += 1;
                self.table.count_judged(judged.upstream, judged.fate);
                self.monitor.relay(judged.ts, judged.upstream.unwrap_or_default(), judged.fate);
                is_judged = true;
            }
            Ok(ParsedLine::LeftOut(_)) => self.tally.left_out += 1,
            Err(error) => self.tally.bad(path, number, &error.with_advice(ADVICE)),
        }
        if self.annotate {
            self.annotation.clear();
            let mut written = false;
            while let Some(record) = self.monitor.poll_record() {
                match record.kind {
                    RecordKind::Exchange => {
                        annotated(&mut self.annotation, line, Some(record.json));
                        written = true;
                    }
                    RecordKind::Episode => eprintln!("{}", record.json),
                    RecordKind::Summary => {}
                }
            }
            if is_judged {
                // It has its verdict: it goes on as it came.
                self.annotation.extend_from_slice(line);
            } else if !written {
                annotated(&mut self.annotation, line, verdict);
            }
            self.output.raw(&self.annotation)?;
        } else {
            self.drain()?;
        }
        if self.format != Some(source.reader.format()) {
            self.format = Some(source.reader.format());
            self.tally.format(path, source.reader.format());
        }
        Ok(true)
    }

    /// Prints the records that wait.
    fn drain(&mut self) -> Result<(), Error> {
        while let Some(record) = self.monitor.poll_record() {
            self.output.line(record.json)?;
        }
        Ok(())
    }

    fn finish(mut self, args: &Replay) -> Result<ExitCode, Error> {
        self.monitor.finish();
        if self.annotate {
            while let Some(record) = self.monitor.poll_record() {
                if record.kind == RecordKind::Episode {
                    eprintln!("{}", record.json);
                }
            }
        } else {
            self.drain()?;
        }
        self.output.flush()?;
        if !args.quiet {
            self.table.print();
            self.tally.report("judged");
        } else if self.tally.bad > 0 {
            self.tally.report("judged");
        }
        Ok(self.tally.exit_code(args.max_bad))
    }
}
