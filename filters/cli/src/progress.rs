//! A progress bar on standard error.

use crate::display::columns::truncate;
use core::cell::Cell;
use core::time::Duration;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::rc::Rc;
use std::time::Instant;

/// Progress through all files, and the bar that shows it.
#[derive(Debug)]
pub(crate) struct Progress {
    read: Rc<Cell<u64>>,
    total: Cell<u64>,
    started: Instant,
    /// Time of the next redraw; `None` disables the bar.
    due: Option<Instant>,
    drawn: bool,
}

/// Lines between two calls of [`Progress::tick`], which reads the clock.
pub(crate) const LINES_PER_TICK: u64 = 8_192;
/// Delay before the bar appears: shorter runs show none.
const SHOW_AFTER: Duration = Duration::from_millis(500);
/// Minimum time between two redraws.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);
/// Width of the bar in columns.
const WIDTH: u64 = 30;

impl Progress {
    pub(crate) fn new(wanted: bool) -> Self {
        let started = Instant::now();
        let due = (wanted && io::stderr().is_terminal()).then(|| started + SHOW_AFTER);
        Self { read: Rc::default(), total: Cell::new(0), started, due, drawn: false }
    }

    /// Wraps `file`, of `length` bytes, in a reader that counts the bytes read.
    pub(crate) fn counted(&self, file: File, length: u64) -> impl Read + use<> {
        self.total.set(self.total.get() + length);
        CountingReader { file, read: Rc::clone(&self.read) }
    }

    /// Redraws the bar if it is due. `lines` is the number of lines read so far.
    pub(crate) fn tick(&mut self, lines: u64) {
        let now = Instant::now();
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = Some(now + REDRAW_INTERVAL);
        self.drawn = true;
        let (read, total) = (self.read.get(), self.total.get().max(1));
        let share = (read.min(total) * 100) / total;
        let per_second = lines as f64 / now.duration_since(self.started).as_secs_f64();
        let columns = crossterm::terminal::size().map_or(usize::MAX, |(columns, _)| columns.into());
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "\r{}\x1b[K", progress_line(share, lines, per_second, columns));
        let _ = stderr.flush();
    }

    /// Clears the bar.
    pub(crate) fn clear(&mut self) {
        if core::mem::take(&mut self.drawn) {
            eprint!("\r\x1b[K");
        }
        self.due = None;
    }
}

/// Returns the bar and its numbers, one column shorter than the terminal: `\r` would not clear a line that wrapped, and a cursor behind
/// the last column clears the character before it.
fn progress_line(share: u64, lines: u64, per_second: f64, columns: usize) -> String {
    let full = (share * WIDTH / 100) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH as usize - full));
    let line = format!("{bar} {share:3} %  {lines} lines  {:.2} M/s", per_second / 1e6);
    truncate(&line, columns.saturating_sub(1))
}

struct CountingReader {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for CountingReader {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(room)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn the_line_fits_the_terminal() {
        let line = |columns| progress_line(50, 1_234_567, 4_560_000.0, columns);
        assert_eq!(line(80), format!("{}{}  50 %  1234567 lines  4.56 M/s", "█".repeat(15), "░".repeat(15)));
        assert_eq!(line(20), format!("{}{}…", "█".repeat(15), "░".repeat(3)));
        for columns in 0..80 {
            assert!(line(columns).width() < columns.max(1), "{columns}");
        }
    }
}
