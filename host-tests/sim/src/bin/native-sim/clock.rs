//! The clock of the process, and its sleepers: a module sleeps until the simulation wakes it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

static NOW_US: AtomicU64 = AtomicU64::new(0);

/// Sets the time of day, in microseconds since the Unix epoch.
pub(crate) fn set_us(now: u64) {
    NOW_US.store(now, Relaxed);
}

/// Returns the time of day.
pub(crate) fn now_us() -> u64 {
    NOW_US.load(Relaxed)
}

/// Replaces the function of the C library.
///
/// # Safety
///
/// `time` must be valid for a write, as for the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    if clock != libc::CLOCK_REALTIME {
        // SAFETY: the caller's promise; the kernel checks the rest.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    }
    let now = i64::try_from(now_us()).unwrap_or(i64::MAX);
    let now = libc::timespec { tv_sec: now / 1_000_000, tv_nsec: now % 1_000_000 * 1_000 };
    // SAFETY: the caller's promise.
    unsafe { time.write(now) };
    0
}

/// The thread that sleeps; there is one.
struct Sleeper {
    /// Number of times that it was woken, and that it has begun to run since.
    woken: u64,
    begun: u64,
    is_asleep: bool,
}

static SLEEPER: Mutex<Sleeper> = Mutex::new(Sleeper { woken: 0, begun: 0, is_asleep: false });
static CHANGED: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, Sleeper> {
    SLEEPER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_until(holds: impl Fn(&Sleeper) -> bool) -> MutexGuard<'static, Sleeper> {
    CHANGED.wait_while(lock(), |sleeper| !holds(sleeper)).unwrap_or_else(PoisonError::into_inner)
}

/// Wakes the sleeper, and returns when it sleeps again.
pub(crate) fn wake_sleepers() {
    let mut sleeper = wait_until(|sleeper| sleeper.is_asleep);
    sleeper.woken += 1;
    drop(sleeper);
    CHANGED.notify_all();
    drop(wait_until(|sleeper| sleeper.is_asleep && sleeper.begun == sleeper.woken));
}

fn sleep() -> libc::c_int {
    lock().is_asleep = true;
    CHANGED.notify_all();
    let mut sleeper = wait_until(|sleeper| sleeper.begun < sleeper.woken);
    (sleeper.begun, sleeper.is_asleep) = (sleeper.woken, false);
    0
}

/// Replaces the function of the C library.
#[unsafe(no_mangle)]
extern "C" fn nanosleep(_time: *const libc::timespec, _left: *mut libc::timespec) -> libc::c_int {
    sleep()
}

/// Replaces the function of the C library.
#[unsafe(no_mangle)]
extern "C" fn clock_nanosleep(
    _clock: libc::clockid_t,
    _flags: libc::c_int,
    _time: *const libc::timespec,
    _left: *mut libc::timespec,
) -> libc::c_int {
    sleep()
}
