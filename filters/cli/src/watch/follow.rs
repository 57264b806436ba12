//! Follows a file and passes its exchanges and records to a handler.

use super::standard_input::StandardInput;
use super::tail::Tail;
use crate::config;
use crate::error::Error;
use crate::input::Lines;
use crate::monitor;
use core::sync::atomic::AtomicBool;
use nearmiss::{Config, Exchange, Fate, Monitor, Record, Verdict};
use nearmiss_formats::{Attempts, Format, JoinKey, Joiner, LineError, ParsedLine};
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
        let mut monitor = monitor::new(self.config, &source_name(&self.file));
        let input: Box<dyn Read> = match self.file.as_os_str() == "-" {
            true => Box::new(StandardInput::open(self.stop)),
            false => Box::new(Tail::open(self.file.clone(), self.from_start, self.stop)),
        };
        let mut lines = Lines::new(&self.file, input);
        let mut format = None;
        let (mut joiner, mut key) = (Joiner::default(), JoinKey::default());
        loop {
            let number = lines.number() + 1;
            let Some((path, line)) = lines.next()? else { break };
            let mut attempts = Attempts::default();
            let read = reader.read_part(line, &mut attempts, &mut key);
            joiner.pass(line, &key, read, &mut |_, read| judge(&mut monitor, handler, path, number, read))?;
            if format.replace(reader.format()) != Some(reader.format()) {
                handler.on_format(path, reader.format());
            }
            drain(&mut monitor, handler)?;
        }
        joiner.finish(&mut |_, read| judge(&mut monitor, handler, &self.file, 0, read))?;
        monitor.finish();
        drain(&mut monitor, handler)
    }
}

/// Judges what was read of a line.
fn judge(
    monitor: &mut Monitor,
    handler: &mut impl EventHandler,
    path: &Path,
    number: u64,
    read: Result<ParsedLine<'_>, LineError>,
) -> Result<(), Error> {
    match read {
        Ok(ParsedLine::Exchange(exchange)) => {
            let observed = monitor.observe(&exchange);
            handler.on_exchange(&exchange, &observed.verdict);
        }
        Ok(ParsedLine::Judged(judged)) => {
            let upstream = judged.upstream.unwrap_or_default();
            monitor.relay(judged.ts, upstream, judged.fate);
            handler.on_judged(upstream, judged.fate);
        }
        Ok(ParsedLine::LeftOut(_) | ParsedLine::Other(_)) => {}
        Err(error) => handler.on_unreadable_line(path, number, &error),
    }
    Ok(())
}

fn drain(monitor: &mut Monitor, handler: &mut impl EventHandler) -> Result<(), Error> {
    let mut any = false;
    while let Some(record) = monitor.poll_record() {
        handler.on_record(record)?;
        any = true;
    }
    if any { handler.flush() } else { Ok(()) }
}

/// Returns the source name of this run: the host name, the file name, and the start time.
fn source_name(file: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("watch/{}/{name}/{}", host.trim(), start.as_secs())
}
