//! The end of every panic: Envoy would abort if one reached it.

use super::config::{LogLevel, log};
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::panic::catch_unwind;

/// Runs the body of a hook; after a panic the hook returns `fallback`.
///
/// State that a panic left half-changed is only counts and a monitor: both stay in bounds whatever they hold.
pub(super) fn guarded<R>(hook: &'static str, fallback: R, body: impl FnOnce() -> R) -> R {
    let body = || {
        #[cfg(feature = "panic-on-purpose")]
        panic_on_purpose(hook);
        body()
    };
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        // Dropping what was thrown may panic too.
        core::mem::forget(panic);
        report(hook);
        fallback
    })
}

/// Says once that a hook has panicked. A panic while it says so ends here as well.
fn report(hook: &str) {
    static HAS_REPORTED: AtomicBool = AtomicBool::new(false);
    if !HAS_REPORTED.swap(true, Relaxed) {
        let line = || {
            log(
                LogLevel::Error,
                &format!(
                    "nearmiss: panic in `{hook}`; the exchange is served, but may not be counted; please report it"
                ),
            );
        };
        let _ = catch_unwind(line).map_err(core::mem::forget);
    }
}

/// Panics if the environment names the hook.
#[cfg(feature = "panic-on-purpose")]
#[allow(clippy::panic, reason = "that is its purpose")]
fn panic_on_purpose(hook: &str) {
    if std::env::var("NEARMISS_PANIC").is_ok_and(|hooks| hooks.split(',').any(|named| named == hook)) {
        panic!("on purpose, in {hook}");
    }
}
