//! How far reading has come, shown on a terminal.

use core::cell::Cell;
use core::time::Duration;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::rc::Rc;
use std::time::Instant;

/// Bytes read of all files, and the line that says so.
#[derive(Debug)]
pub(crate) struct Progress {
    read: Rc<Cell<u64>>,
    total: Cell<u64>,
    started: Instant,
    /// When the bar is to be drawn next; `None` where it is never drawn.
    due: Option<Instant>,
    drawn: bool,
}

/// Nothing is shown of what is done sooner.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the bar is drawn.
const PERIOD: Duration = Duration::from_millis(100);
/// The width of the bar itself.
const WIDTH: u64 = 30;

impl Progress {
    pub(crate) fn new(wanted: bool) -> Self {
        let started = Instant::now();
        let due = (wanted && io::stderr().is_terminal()).then(|| started + PATIENCE);
        Self { read: Rc::default(), total: Cell::new(0), started, due, drawn: false }
    }

    /// `file`, of `length` bytes, with every byte that is read of it counted.
    pub(crate) fn counted(&self, file: File, length: u64) -> impl Read + use<> {
        self.total.set(self.total.get() + length);
        Counted { file, read: Rc::clone(&self.read) }
    }

    /// Draws the bar if it is time; called now and then with the lines read so far.
    pub(crate) fn tick(&mut self, lines: u64) {
        let now = Instant::now();
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = Some(now + PERIOD);
        self.drawn = true;
        let (read, total) = (self.read.get(), self.total.get().max(1));
        let share = (read.min(total) * 100) / total;
        let full = (share * WIDTH / 100) as usize;
        let per_second = lines as f64 / now.duration_since(self.started).as_secs_f64();
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH as usize - full));
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "\r{bar} {share:3} %  {lines} lines  {:.2} M/s\x1b[K", per_second / 1e6);
        let _ = stderr.flush();
    }

    /// Takes the bar away.
    pub(crate) fn clear(&mut self) {
        if core::mem::take(&mut self.drawn) {
            eprint!("\r\x1b[K");
        }
        self.due = None;
    }
}

struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(room)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}
