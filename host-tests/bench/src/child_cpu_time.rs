//! CPU time of child processes.

use std::time::Duration;

/// Returns the user and system time of all child processes that have ended.
pub fn cpu_time_of_children() -> Duration {
    // SAFETY: a struct of plain numbers may be all zeroes, and getrusage writes only into it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let span = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    span(usage.ru_utime) + span(usage.ru_stime)
}
