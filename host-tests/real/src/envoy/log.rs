//! Collects the lines that a process writes to standard error.

use std::io::{BufRead, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::wait::TIMEOUT;

/// The lines so far, and true once the output has ended.
#[derive(Default)]
pub(super) struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Log {
    pub(super) fn follow(source: ChildStderr) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let follower = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                if line.starts_with(b"  envoy.") || line.starts_with(b"  quic.") {
                    continue; // the list of built-in extensions
                }
                follower.lock().0.push(String::from_utf8_lossy(&line).into_owned());
                follower.changed.notify_all();
            }
            follower.lock().1 = true;
            follower.changed.notify_all();
        });
        log
    }

    /// Waits for a line that contains `text`; `None` if the process ends without one.
    pub(super) fn wait_for(&self, text: &str) -> Option<String> {
        let found = |lines: &[String]| lines.iter().find(|line| line.contains(text)).cloned();
        let more = |state: &mut (Vec<String>, bool)| found(&state.0).is_none() && !state.1;
        let waited = self.changed.wait_timeout_while(self.lock(), TIMEOUT, more);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        found(&state.0)
    }

    pub(super) fn wait_for_end(&self) {
        let waited = self.changed.wait_timeout_while(self.lock(), TIMEOUT, |state| !state.1);
        drop(waited);
    }

    pub(super) fn text(&self) -> String {
        self.lines().join("\n")
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lock().0.clone()
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<String>, bool)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
