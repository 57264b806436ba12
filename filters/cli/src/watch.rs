//! `nearmiss watch`: follows a file that others write, and finds its successor when it is rotated.

use crate::args::Watch;
use crate::input::Lines;
use crate::output::Output;
use crate::setup::{self, Error};
use crate::tally::Tally;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use nearmiss::{Feed, Monitor};
use nearmiss_dialects::{Attempts, Line};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{SystemTime, UNIX_EPOCH};

/// How often the file is looked at while nothing comes.
const PERIOD: Duration = Duration::from_millis(200);

/// Follows the file until it is told to stop; then the last summaries leave.
pub(crate) fn run(args: &Watch) -> Result<ExitCode, Error> {
    let config = setup::config(args.reading.config.as_deref())?;
    let mut reader = setup::reader(args.reading.format, &config);
    let mut monitor = Monitor::new(config, Feed::Log, &source(&args.file));
    let mut output = Output::new();
    let mut tally = Tally::default();
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    ctrlc::set_handler(move || told.store(true, Ordering::Relaxed)).map_err(Error::Signals)?;
    let tail = Tail::open(args.file.clone(), args.from_start, stop);
    let mut lines = Lines::new(&args.file, Box::new(tail));
    loop {
        let number = lines.number() + 1;
        let Some((path, line)) = lines.next()? else { break };
        match reader.read(line, &mut Attempts::default()) {
            Ok(Line::Exchange(exchange)) => {
                monitor.observe(&exchange);
            }
            Ok(Line::Judged(judged)) => {
                monitor.relay(judged.ts, judged.upstream.unwrap_or_default(), judged.fate);
            }
            Ok(Line::LeftOut(_)) => {}
            Err(error) => tally.bad(path, number, &error),
        }
        let mut any = false;
        while let Some(record) = monitor.poll_record() {
            output.line(record.json)?;
            any = true;
        }
        if any {
            output.flush()?;
        }
    }
    monitor.finish();
    while let Some(record) = monitor.poll_record() {
        output.line(record.json)?;
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Names this run: the machine, the file, and when it started.
fn source(file: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("watch/{}/{name}/{}", host.trim(), start.as_secs())
}

/// A file without an end until it is stopped: reading waits for more, and goes over to the file that took its place.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    at: u64,
    /// Set when nothing more is wanted.
    stop: Arc<AtomicBool>,
}

impl Tail {
    fn open(path: PathBuf, from_start: bool, stop: Arc<AtomicBool>) -> Self {
        let mut tail = Self { file: File::open(&path).ok(), path, at: 0, stop };
        if !from_start && let Some(file) = &mut tail.file {
            tail.at = file.seek(SeekFrom::End(0)).unwrap_or_default();
        }
        tail
    }

    /// Goes over to the file that took this one's place, or to the beginning of one that was emptied; true if so.
    fn turn_over(&mut self) -> io::Result<bool> {
        let Ok(there) = std::fs::metadata(&self.path) else { return Ok(false) };
        let same = match &self.file {
            Some(file) => is_same(&file.metadata()?, &there),
            None => false,
        };
        if !same {
            self.file = File::open(&self.path).ok();
            self.at = 0;
            return Ok(self.file.is_some());
        }
        if there.len() < self.at {
            self.at = 0;
            if let Some(file) = &mut self.file {
                file.rewind()?;
            }
            return Ok(true);
        }
        Ok(false)
    }
}

impl Read for Tail {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.file {
                let count = file.read(room)?;
                if count > 0 {
                    self.at += count as u64;
                    return Ok(count);
                }
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            // What was written between the last look and the rotation is read before going over.
            if !self.turn_over()? {
                sleep(PERIOD);
            }
        }
    }
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
}
