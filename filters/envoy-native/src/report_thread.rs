//! The thread that reports for all workers, each second. It runs until the process ends.

use crate::abi::{LogLevel, log};
use crate::attachments;
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::Once;
use std::thread;

/// Interval between two reports.
const PERIOD: Duration = Duration::from_secs(1);

/// Starts the thread, unless it runs.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        if let Err(error) = thread::Builder::new().name("nearmiss".into()).spawn(run) {
            log(
                LogLevel::Error,
                &format!("nearmiss: no thread could be started, so nothing is reported: {error}"),
            );
        }
    });
}

fn run() {
    loop {
        thread::sleep(PERIOD);
        // A panic ends one report; the next one follows. Dropping what was thrown may panic too.
        let _ = catch_unwind(attachments::on_tick).map_err(core::mem::forget);
    }
}
