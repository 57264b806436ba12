//! Waiting for what must come.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for the slowest machine; a test that is going to pass never waits that long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer.
///
/// # Panics
///
/// If there is none after a minute: with `what` was waited for.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited a minute for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
