//! The lines of several growing sources, each read by a thread of its own.

use super::tail::Tail;
use crate::error::Error;
use crate::input::Lines;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

/// Time without a line after which the feed counts as idle; the stop flag is read as often.
const IDLE_AFTER: Duration = Duration::from_millis(200);
/// Maximum number of lines that wait.
const MAX_WAITING: usize = 4_096;

/// One line of a source.
pub(super) struct Line {
    /// Index of the source.
    pub(super) source: usize,
    /// Number of the line, from 1.
    pub(super) number: u64,
    pub(super) text: Vec<u8>,
}

/// An event of the feed.
pub(super) enum FeedEvent {
    Line(Line),
    /// No line arrived for a moment.
    Idle,
    /// All sources have ended, or the feed was stopped.
    End,
}

/// The lines of all sources in order of arrival.
pub(super) struct LineFeed {
    lines: Receiver<Result<Line, Error>>,
    stop: Arc<AtomicBool>,
}

impl LineFeed {
    /// Starts to read `paths`; `-` is standard input.
    pub(super) fn start(paths: &[PathBuf], from_start: bool, stop: &Arc<AtomicBool>) -> Self {
        let (sender, lines) = sync_channel(MAX_WAITING);
        for (source, path) in paths.iter().enumerate() {
            // A file is opened here: what is written to it after the start is read.
            let tail =
                (path.as_os_str() != "-").then(|| Tail::open(path.clone(), from_start, Arc::clone(stop)));
            let (path, sender) = (path.clone(), sender.clone());
            thread::spawn(move || {
                let reader: Box<dyn Read> = match tail {
                    Some(tail) => Box::new(tail),
                    None => Box::new(std::io::stdin().lock()),
                };
                send_lines(source, &path, reader, &sender);
            });
        }
        Self { lines, stop: Arc::clone(stop) }
    }

    /// Waits for the next event. Lines that were written before the feed is stopped are returned first.
    pub(super) fn next(&self) -> Result<FeedEvent, Error> {
        match self.lines.recv_timeout(IDLE_AFTER) {
            Ok(line) => line.map(FeedEvent::Line),
            Err(RecvTimeoutError::Timeout) if !self.stop.load(Ordering::Relaxed) => Ok(FeedEvent::Idle),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(FeedEvent::End),
        }
    }
}

/// Sends the lines of a source until it ends or the receiver is gone.
fn send_lines(source: usize, path: &Path, reader: Box<dyn Read>, sender: &SyncSender<Result<Line, Error>>) {
    let mut lines = Lines::new(path, reader);
    loop {
        let line = match lines.next() {
            Ok(Some(line)) => Ok(Line { source, number: line.number, text: line.text.into() }),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let is_last = line.is_err();
        if sender.send(line).is_err() || is_last {
            return;
        }
    }
}
