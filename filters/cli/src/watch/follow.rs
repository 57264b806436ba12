//! Follows a file and passes its exchanges and records to a handler.

use super::standard_input::StandardInput;
use super::tail::Tail;
use crate::config;
use crate::error::Error;
use crate::exchange_reader::{ExchangeReader, LineHandler};
use crate::input::{InputLine, Lines};
use crate::monitor;
use core::sync::atomic::AtomicBool;
use nearmiss::{Config, Exchange, Fate, Monitor, Record, Verdict};
use nearmiss_formats::{Format, LineError, ParsedLine};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Handles the events that a [`FileFollower`] reads from its file.
pub(super) trait EventHandler {
    /// Handles an exchange that was judged here.
    fn on_exchange(&mut self, _exchange: &Exchange<'_>, _verdict: &Verdict) {}

    /// Handles an exchange whose line already has a verdict.
    fn on_judged(&mut self, _upstream: &str, _fate: Fate) {}

    /// Handles a record that the monitor emits.
    fn on_record(&mut self, record: Record<'_>) -> Result<(), Error>;

    /// Handles the format in which the lines are read, whenever it changes.
    fn on_format(&mut self, _path: &Path, _format: Format) {}

    /// Handles a line that cannot be read.
    fn on_unreadable_line(&mut self, path: &Path, number: u64, error: &LineError);

    /// Flushes the records: no more are due for now.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Follows one file, or standard input, until it is stopped.
pub(super) struct FileFollower {
    pub(super) file: PathBuf,
    pub(super) format: Format,
    pub(super) from_start: bool,
    pub(super) config: Config,
    /// Stop flag: set by a signal or a key.
    pub(super) stop: Arc<AtomicBool>,
}

impl FileFollower {
    /// Reads the file until the stop flag is set.
    pub(super) fn follow(self, handler: &mut impl EventHandler) -> Result<(), Error> {
        let mut reader = config::line_reader(self.format, &self.config);
        let monitor = monitor::new(self.config, &source_name(&self.file));
        let input: Box<dyn Read> = match self.file.as_os_str() == "-" {
            true => Box::new(StandardInput::open(self.stop)),
            false => Box::new(Tail::open(self.file.clone(), self.from_start, self.stop)),
        };
        let mut lines = Lines::new(&self.file, input);
        let (mut exchanges, mut judge) = (ExchangeReader::default(), Judge { monitor, handler });
        while let Some(line) = lines.next()? {
            exchanges.read(line, &mut reader, &mut judge)?;
            judge.drain()?;
        }
        exchanges.finish(&mut judge)?;
        judge.monitor.finish();
        judge.drain()
    }
}

/// Judges the lines, and passes the events on.
struct Judge<'h, H> {
    monitor: Monitor,
    handler: &'h mut H,
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
            Ok(ParsedLine::Exchange(exchange)) => {
                let observed = self.monitor.observe(&exchange);
                self.handler.on_exchange(&exchange, &observed.verdict);
            }
            Ok(ParsedLine::Judged(judged)) => {
                let upstream = judged.upstream.unwrap_or_default();
                self.monitor.relay(judged.ts, upstream, judged.fate);
                self.handler.on_judged(upstream, judged.fate);
            }
            Ok(ParsedLine::LeftOut(_) | ParsedLine::Other(_)) => {}
            Err(error) => self.handler.on_unreadable_line(line.path, line.number, &error),
        }
        Ok(())
    }

    fn on_format(&mut self, path: &Path, format: Format) {
        self.handler.on_format(path, format);
    }
}

/// Returns the source name of this run: the host name, the file name, and the start time.
fn source_name(file: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("watch/{}/{name}/{}", host.trim(), start.as_secs())
}
