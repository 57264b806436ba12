//! A wall clock that runs faster, preloaded into a process so that tests need not wait for its minutes to pass.
//!
//! Only the time of day changes: timers, timeouts and durations use the monotonic clock. The process starts at the true
//! time, and [`FACTOR`] seconds pass per real second.

use std::sync::OnceLock;

/// Environment variable with the speed factor.
pub const FACTOR: &str = "SWIFT_CLOCK";

/// Replaces the function of the C library.
///
/// # Safety
///
/// `time` must be valid for a write, as for the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    static START: OnceLock<(i64, i64)> = OnceLock::new();
    // SAFETY: the caller's promise; the kernel checks the rest.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if result != 0 || clock != libc::CLOCK_REALTIME {
        return result as libc::c_int;
    }
    // SAFETY: the kernel has just written it.
    let time = unsafe { &mut *time };
    let now = time.tv_sec * 1_000_000_000 + time.tv_nsec;
    let (start, factor) = *START.get_or_init(|| {
        let factor = std::env::var(FACTOR).ok().and_then(|text| text.parse().ok());
        (now, factor.unwrap_or(1))
    });
    let swift = start + (now - start) * factor;
    (time.tv_sec, time.tv_nsec) = (swift / 1_000_000_000, swift % 1_000_000_000);
    0
}
