//! Follows files and passes their exchanges and records to a handler.

use super::line_feed::{FeedEvent, LineFeed};
use crate::config;
use crate::error::Error;
use crate::exchange_reader::{ExchangeReader, LineHandler};
use crate::filter::ExchangeFilter;
use crate::input::InputLine;
use crate::monitor;
use core::sync::atomic::AtomicBool;
use nearmiss::{Config, Exchange, Fate, Monitor, Record, Verdict};
use nearmiss_formats::{Format, LineError, ParsedLine};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Handles the events that a [`Follower`] reads from its files.
pub(super) trait EventHandler {
    /// True if it reads the fields of records, for which the monitor must note their tokens.
    const READS_FIELDS: bool = false;

    /// Handles an exchange that was judged here.
    fn on_exchange(&mut self, _exchange: &Exchange<'_>, _verdict: &Verdict) {}

    /// Handles an exchange whose line already has a verdict.
    fn on_judged(&mut self, _upstream: &str, _fate: Fate) {}

    /// Handles a record that the monitor emits.
    fn on_record(&mut self, record: Record<'_>) -> Result<(), Error>;

    /// Handles the format in which the lines of a file are read, whenever it changes.
    fn on_format(&mut self, _path: &Path, _format: Format) {}

    /// Handles a line without an exchange, or with one that is not selected.
    fn on_left_out(&mut self) {}

    /// Handles a line that cannot be read.
    fn on_unreadable_line(&mut self, path: &Path, number: u64, error: &LineError);

    /// Flushes the records: no more are due for now.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Follows files, or standard input, until it is stopped.
pub(super) struct Follower {
    pub(super) files: Vec<PathBuf>,
    pub(super) format: Format,
    pub(super) feed: LineFeed,
    pub(super) filter: ExchangeFilter,
    pub(super) config: Config,
    /// Stop flag: set by a signal or a key.
    pub(super) stop: Arc<AtomicBool>,
}

impl Follower {
    /// Reads the files until the stop flag is set.
    pub(super) fn follow<H: EventHandler>(self, handler: &mut H) -> Result<(), Error> {
        let mut readers: Vec<_> = self
            .files
            .iter()
            .map(|path| (path.as_path(), config::line_reader(self.format, &self.config)))
            .collect();
        let mut monitor = monitor::new(self.config, &source_name(&self.files));
        if H::READS_FIELDS {
            monitor.note_tokens();
        }
        let mut judge = Judge { monitor, filter: self.filter, handler };
        let mut exchanges = ExchangeReader::default();
        loop {
            let line = match self.feed.next()? {
                FeedEvent::Line(line) => line,
                FeedEvent::Idle => {
                    judge.handler.flush()?;
                    continue;
                }
                FeedEvent::End => break,
            };
            let Some((path, reader)) = readers.get_mut(line.source) else { continue };
            let line = InputLine { path, number: line.number, text: &line.text };
            exchanges.read(line, reader, &mut judge)?;
            judge.drain()?;
        }
        exchanges.finish(&mut judge)?;
        judge.monitor.finish();
        judge.drain()
    }
}

/// Judges lines, and passes what comes of them to the handler.
struct Judge<'a, H> {
    monitor: Monitor,
    filter: ExchangeFilter,
    handler: &'a mut H,
}

impl<H: EventHandler> Judge<'_, H> {
    fn drain(&mut self) -> Result<(), Error> {
        let mut any = false;
        while let Some(record) = self.monitor.poll_record() {
            self.handler.on_record(record)?;
            any = true;
        }
        if any { self.handler.flush() } else { Ok(()) }
    }
}

impl<H: EventHandler> LineHandler for Judge<'_, H> {
    fn on_line(&mut self, line: InputLine<'_>, read: Result<ParsedLine<'_>, LineError>) -> Result<(), Error> {
        match read {
            Ok(ParsedLine::Exchange(exchange))
                if self.filter.matches(Some(exchange.ts), Some(exchange.upstream)) =>
            {
                let observed = self.monitor.observe(&exchange);
                self.handler.on_exchange(&exchange, &observed.verdict);
            }
            Ok(ParsedLine::Judged(judged)) if self.filter.matches(judged.ts, judged.upstream) => {
                let upstream = judged.upstream.unwrap_or_default();
                self.monitor.relay(judged.ts, upstream, judged.fate);
                self.handler.on_judged(upstream, judged.fate);
            }
            Ok(_) => self.handler.on_left_out(),
            Err(error) => self.handler.on_unreadable_line(line.path, line.number, &error),
        }
        Ok(())
    }

    fn on_format(&mut self, path: &Path, format: Format) {
        self.handler.on_format(path, format);
    }
}

/// Returns the source name of this run: the host name, the name of the first file, and the start time.
fn source_name(files: &[PathBuf]) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = files.first().and_then(|file| file.file_name()).unwrap_or_default().to_string_lossy();
    format!("watch/{}/{name}/{}", host.trim(), start.as_secs())
}
