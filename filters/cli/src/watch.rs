//! `nearmiss watch`: follows a file that others write, and finds its successor when it is rotated.

mod screen;
mod tail;
mod terminal;
mod view;

use crate::args::Watch;
use crate::input::Lines;
use crate::output::Output;
use crate::setup::{self, Error};
use crate::tally::{ADVICE, Tally};
use core::sync::atomic::{AtomicBool, Ordering};
use nearmiss::{Config, Exchange, Fate, Feed, Monitor, Record, Verdict};
use nearmiss_formats::{Attempts, Format, LineError, ParsedLine};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tail::Tail;

/// Follows the file until it is told to stop; then the last summaries leave.
pub(crate) fn run(args: &Watch) -> Result<ExitCode, Error> {
    let config = setup::config(args.reading.config.as_deref())?;
    let stop = Arc::new(AtomicBool::new(false));
    let (told, on_terminal) = (Arc::clone(&stop), args.tui && std::io::stdout().is_terminal());
    ctrlc::set_handler(move || {
        told.store(true, Ordering::Relaxed);
        if on_terminal {
            terminal::insist();
        }
    })
    .map_err(Error::Signals)?;
    let follower = Follower {
        file: args.file.clone(),
        format: args.reading.format,
        from_start: args.from_start,
        config,
        stop,
    };
    if on_terminal {
        terminal::run(follower)?;
    } else {
        follower.follow(&mut Plain { output: Output::new(), tally: Tally::default() })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever is told what the file says.
trait Onlooker {
    /// An exchange was judged.
    fn exchange(&mut self, _exchange: &Exchange<'_>, _verdict: &Verdict) {}

    /// An exchange came that was judged before.
    fn judged(&mut self, _upstream: &str, _fate: Fate) {}

    /// A record leaves.
    fn record(&mut self, record: Record<'_>) -> Result<(), Error>;

    /// A line could not be read.
    fn bad(&mut self, path: &Path, number: u64, error: &LineError);

    /// Some records left, and no more come for now.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// What is followed, and until when.
struct Follower {
    file: PathBuf,
    format: Format,
    from_start: bool,
    config: Config,
    /// Set when nothing more is wanted.
    stop: Arc<AtomicBool>,
}

impl Follower {
    fn follow(self, onlooker: &mut impl Onlooker) -> Result<(), Error> {
        let mut reader = setup::reader(self.format, &self.config);
        let mut monitor = Monitor::new(self.config, Feed::Log, &source(&self.file));
        let tail = Tail::open(self.file.clone(), self.from_start, self.stop);
        let mut lines = Lines::new(&self.file, Box::new(tail));
        loop {
            let number = lines.number() + 1;
            let Some((path, line)) = lines.next()? else { break };
            match reader.read(line, &mut Attempts::default()) {
                Ok(ParsedLine::Exchange(exchange)) => {
                    let observed = monitor.observe(&exchange);
                    onlooker.exchange(&exchange, &observed.verdict);
                }
                Ok(ParsedLine::Judged(judged)) => {
                    let upstream = judged.upstream.unwrap_or_default();
                    monitor.relay(judged.ts, upstream, judged.fate);
                    onlooker.judged(upstream, judged.fate);
                }
                Ok(ParsedLine::LeftOut(_)) => {}
                Err(error) => onlooker.bad(path, number, &error),
            }
            drain(&mut monitor, onlooker)?;
        }
        monitor.finish();
        drain(&mut monitor, onlooker)
    }
}

fn drain(monitor: &mut Monitor, onlooker: &mut impl Onlooker) -> Result<(), Error> {
    let mut any = false;
    while let Some(record) = monitor.poll_record() {
        onlooker.record(record)?;
        any = true;
    }
    if any { onlooker.flush() } else { Ok(()) }
}

/// Names this run: the machine, the file, and when it started.
fn source(file: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("watch/{}/{name}/{}", host.trim(), start.as_secs())
}

/// Records as lines on standard output.
struct Plain {
    output: Output,
    tally: Tally,
}

impl Onlooker for Plain {
    fn record(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.output.line(record.json)
    }

    fn bad(&mut self, path: &Path, number: u64, error: &LineError) {
        self.tally.bad(path, number, &error.with_advice(ADVICE));
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.output.flush()
    }
}
