//! Polling with a timeout.

use std::thread;
use std::time::{Duration, Instant};

/// Timeout of every wait. Long enough for the slowest machine; a passing test never waits that long.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// Calls `poll` until it returns a value.
///
/// # Panics
///
/// If it returns none within a minute; the message names `what`.
pub fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(start.elapsed() < TIMEOUT, "waited a minute for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
