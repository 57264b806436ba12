//! What a process says on standard error, as it comes.

use std::io::{BufRead, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::real::wait::PATIENCE;

/// Its lines so far, and whether they have ended.
#[derive(Default)]
pub(super) struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    news: Condvar,
}

impl Log {
    pub(super) fn follow(source: ChildStderr) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let follower = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                if line.starts_with(b"  envoy.") || line.starts_with(b"  quic.") {
                    continue; // the list of all that is built in
                }
                follower.lock().0.push(String::from_utf8_lossy(&line).into_owned());
                follower.news.notify_all();
            }
            follower.lock().1 = true;
            follower.news.notify_all();
        });
        log
    }

    /// The line that contains `text`; none if the process ends without it.
    pub(super) fn wait_for(&self, text: &str) -> Option<String> {
        let found = |lines: &[String]| lines.iter().find(|line| line.contains(text)).cloned();
        let more = |state: &mut (Vec<String>, bool)| found(&state.0).is_none() && !state.1;
        let waited = self.news.wait_timeout_while(self.lock(), PATIENCE, more);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        found(&state.0)
    }

    pub(super) fn wait_for_end(&self) {
        let waited = self.news.wait_timeout_while(self.lock(), PATIENCE, |state| !state.1);
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
