//! Reads a growing file across rotations.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::sleep;

/// Polling interval while the file does not grow.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A reader without an end: it waits for more data, and continues with a new file after a rotation, until it is
/// stopped.
pub(super) struct Tail {
    path: PathBuf,
    file: Option<File>,
    offset: u64,
    /// Stop flag.
    stop: Arc<AtomicBool>,
}

impl Tail {
    pub(super) fn open(path: PathBuf, from_start: bool, stop: Arc<AtomicBool>) -> Self {
        let mut tail = Self { file: File::open(&path).ok(), path, offset: 0, stop };
        if !from_start && let Some(file) = &mut tail.file {
            tail.offset = file.seek(SeekFrom::End(0)).unwrap_or_default();
        }
        tail
    }

    /// Reopens the path if the file was replaced, and rewinds it if it was truncated; returns true in both cases.
    fn reopen_if_rotated(&mut self) -> io::Result<bool> {
        let Ok(current) = std::fs::metadata(&self.path) else { return Ok(false) };
        let same = match &self.file {
            Some(file) => is_same(&file.metadata()?, &current),
            None => false,
        };
        if !same {
            self.file = File::open(&self.path).ok();
            self.offset = 0;
            return Ok(self.file.is_some());
        }
        if current.len() < self.offset {
            self.offset = 0;
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
                    self.offset += count as u64;
                    return Ok(count);
                }
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            // The old file has been read to its end at this point, including lines written just before the rotation.
            if !self.reopen_if_rotated()? {
                sleep(POLL_INTERVAL);
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
