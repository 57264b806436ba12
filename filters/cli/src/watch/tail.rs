//! A file that others write, read as if it had no end.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::sleep;

/// How often the file is looked at while nothing comes.
const PERIOD: Duration = Duration::from_millis(200);

/// A file without an end until it is stopped: reading waits for more, and goes over to the file that took its place.
pub(super) struct Tail {
    path: PathBuf,
    file: Option<File>,
    at: u64,
    /// Set when nothing more is wanted.
    stop: Arc<AtomicBool>,
}

impl Tail {
    pub(super) fn open(path: PathBuf, from_start: bool, stop: Arc<AtomicBool>) -> Self {
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
