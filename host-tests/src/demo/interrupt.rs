//! Ctrl-C ends the demo in good order instead of at once.

use std::sync::atomic::{AtomicBool, Ordering};

static HEARD: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C is only noted.
pub(super) fn listen() {
    // SAFETY: the handler stores into an atomic, which is all that a handler may safely do.
    unsafe { libc::signal(libc::SIGINT, note as *const () as libc::sighandler_t) };
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGTERM, note as *const () as libc::sighandler_t) };
}

/// Whether it came.
pub(super) fn heard() -> bool {
    HEARD.load(Ordering::Relaxed)
}

extern "C" fn note(_signal: libc::c_int) {
    HEARD.store(true, Ordering::Relaxed);
}
