//! From lines to the story: records are taken as they are, other lines are judged first, as `replay` does.

use super::Notes;
use super::records::{self, Record};
use super::story::Story;
use crate::args::Report;
use crate::filter::Filter;
use crate::input::Lines;
use crate::progress::Progress;
use crate::sequence::{Sequence, Source};
use crate::setup::{self, Error};
use crate::tally::{ADVICE, Tally};
use nearmiss::{Feed, Micros, Monitor, Timestamp};
use nearmiss::{NO_UPSTREAM, upstream_name};
use nearmiss_formats::{Attempts, Line};
use std::path::Path;

/// How many lines are read between two looks at the clock.
const LINES_A_LOOK: u64 = 8_192;
/// Summaries this close together give short logs a fine timeline; as time's bins grow wider, they leave less often.
const SUMMARY_EVERY_MS: (u64, u64) = (10_000, 600_000);

/// Everything that lasts from line to line.
pub(crate) struct Reading {
    sources: Sequence,
    progress: Progress,
    filter: Filter,
    monitor: Monitor,
    summary_every: Micros,
    told: Told,
}

/// What was read.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) story: Story,
    pub(crate) tally: Tally,
    pub(crate) notes: Notes,
}

impl Reading {
    pub(crate) fn new(args: &Report) -> Result<Self, Error> {
        let mut config = setup::config(args.config.as_deref())?;
        let progress = Progress::new(!args.quiet);
        let (mut sources, mut notes) = (Vec::new(), Notes::default());
        for path in &args.files {
            let mut lines = Lines::open(path, &progress)?;
            // A proxy's own log begins with lines that are neither records nor exchanges.
            let ahead = lines.ahead()?.unwrap_or_default();
            let has_records = ahead.split(|byte| *byte == b'\n').any(|line| records::within(line).is_some());
            let reader = setup::reader(args.log_format, &config);
            let mut source = Source::new(lines, reader);
            source.has_records = has_records;
            sources.push(source);
            notes.files.push(file_name(path));
        }
        let summary_every = Micros::from_millis(SUMMARY_EVERY_MS.0);
        config.summary_every = summary_every;
        Ok(Self {
            sources: Sequence::new(sources)?,
            progress,
            filter: Filter::new(&args.wanted),
            monitor: Monitor::new(config, Feed::Log, "report"),
            summary_every,
            told: Told { notes, ..Told::default() },
        })
    }

    /// Reads to the end of the last file.
    pub(crate) fn finish(mut self) -> Result<Told, Error> {
        while self.line()? {
            let lines = self.told.tally.lines();
            if lines.is_multiple_of(LINES_A_LOOK) {
                self.progress.tick(lines);
            }
        }
        self.progress.clear();
        self.monitor.finish();
        self.drain();
        self.told.story.settle();
        self.told.notes.unreadable = self.told.tally.bad;
        Ok(self.told)
    }

    /// Takes one line; false at the end.
    fn line(&mut self) -> Result<bool, Error> {
        let Some(source) = self.sources.next()? else { return Ok(false) };
        let number = source.lines.number() + 1;
        let Some((path, line)) = source.lines.next()? else { return Ok(false) };
        let Told { story, tally, notes } = &mut self.told;
        if let Some(json) = records::within(line) {
            source.has_records = true;
            match taken(story, &self.filter, json) {
                Ok(true) => tally.judged += 1,
                Ok(false) => tally.left_out += 1,
                Err(error) => tally.bad(path, number, &error),
            }
            return Ok(true);
        }
        if source.has_records {
            tally.left_out += 1;
            return Ok(true);
        }
        let mut attempts = Attempts::default();
        match source.reader.read(line, &mut attempts) {
            Ok(Line::Exchange(exchange)) if self.filter.wants(Some(exchange.ts), Some(exchange.upstream)) => {
                tally.judged += 1;
                let named = upstream_name(exchange.upstream) != NO_UPSTREAM;
                notes.untold += u64::from(exchange.attempts.is_none() && named);
                self.monitor.observe(&exchange);
            }
            Ok(Line::Judged(judged)) if self.filter.wants(judged.ts, judged.upstream) => {
                tally.judged += 1;
                let time = judged.ts.map(|ts| ts.micros() / 1_000).or(story.span.map(|(_, to)| to));
                story.judged(
                    &upstream_name(judged.upstream.unwrap_or_default()),
                    judged.fate,
                    time.unwrap_or(0),
                );
            }
            Ok(_) => tally.left_out += 1,
            Err(error) => tally.bad(path, number, &error.advising(ADVICE)),
        }
        self.drain();
        Ok(true)
    }

    /// Takes the records that wait.
    fn drain(&mut self) {
        let mut any = false;
        while let Some(record) = self.monitor.poll_record() {
            let taken = records::read(record.json.as_bytes()).and_then(|record| self.told.story.take(record));
            debug_assert!(taken.is_ok(), "{taken:?}: {}", record.json);
            any = true;
        }
        if any {
            self.pace();
        }
    }

    /// Lets summaries leave no more often than bins of time are wide.
    fn pace(&mut self) {
        let (least, most) = SUMMARY_EVERY_MS;
        let wanted = Micros::from_millis(self.told.story.grid.width_ms().clamp(least, most));
        if wanted > self.summary_every {
            self.summary_every = wanted;
            let mut config = self.monitor.config().clone();
            config.summary_every = wanted;
            self.monitor.reconfigure(config);
        }
    }
}

/// Takes a record if it was asked for.
fn taken(story: &mut Story, filter: &Filter, json: &[u8]) -> Result<bool, records::Error> {
    let record = records::read(json)?;
    let (time, upstream) = match &record {
        Record::Exchange(exchange) => (exchange.time.millis()?, &*exchange.upstream),
        Record::Episode(episode) => (episode.start.0, &*episode.upstream),
        Record::Summary(summary) => (summary.end.millis()?.saturating_sub(1), &*summary.upstream),
    };
    if !filter.wants(Some(Timestamp::from_micros(time.saturating_mul(1_000))), Some(upstream)) {
        return Ok(false);
    }
    story.take(record)?;
    Ok(true)
}

/// The last part of a path: a page that is passed on need not say how somebody's disk is laid out.
fn file_name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return "standard input".into();
    }
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
