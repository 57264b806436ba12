//! Reads standard input until it ends or the stop flag is set.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;

/// Interval at which the stop flag is read while nothing arrives.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const CHUNK: usize = 64 << 10;

/// Standard input, read by a thread of its own: a signal ends `watch` also while nothing arrives.
pub(super) struct StandardInput {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// The chunk that is being read, and the number of its bytes that were.
    chunk: (Vec<u8>, usize),
    stop: Arc<AtomicBool>,
}

impl StandardInput {
    pub(super) fn open(stop: Arc<AtomicBool>) -> Self {
        let (sender, chunks) = sync_channel(4);
        thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = stdin.read(&mut chunk);
                let is_last = !matches!(read, Ok(count) if count > 0);
                let read = read.map(|count| {
                    chunk.truncate(count);
                    chunk
                });
                if sender.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        Self { chunks, chunk: (Vec::new(), 0), stop }
    }
}

impl Read for StandardInput {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.chunk.1 == self.chunk.0.len() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            match self.chunks.recv_timeout(POLL_INTERVAL) {
                Ok(Ok(chunk)) if !chunk.is_empty() => self.chunk = (chunk, 0),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let (chunk, read) = &mut self.chunk;
        let rest = chunk.get(*read..).unwrap_or_default();
        let count = rest.len().min(room.len());
        if let (Some(room), Some(rest)) = (room.get_mut(..count), rest.get(..count)) {
            room.copy_from_slice(rest);
        }
        *read += count;
        Ok(count)
    }
}
