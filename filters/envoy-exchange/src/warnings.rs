//! Warnings about what the filter cannot use, metadata or a collector: each kind is logged once by a VM or a thread.

use alloc::string::String;
use core::cell::Cell;
use nearmiss_wasm_rt::local;

/// A kind of warning.
#[derive(Clone, Copy, Debug)]
pub enum Warning {
    /// The tier of a host.
    Tier,
    /// The maximum number of attempts of a route.
    MaxAttempts,
    /// A collector that cannot be called.
    NoCollector,
    /// A collector that rejects records.
    Rejected,
}

local! {
    static LOGGED: Cell<u8> = Cell::new(0);
}

/// Passes a message and the value that it is about to `warn`, unless a warning of this kind has been logged.
pub fn log_once(warn: impl FnOnce(&str), warning: Warning, message: &str, value: &str) {
    if let Some(line) = line_once(warning, message, value) {
        warn(&line);
    }
}

/// Returns the line to log; `None` if one of this kind has been logged.
fn line_once(warning: Warning, message: &str, value: &str) -> Option<String> {
    let bit = 1 << warning as u8;
    let logged = LOGGED.with(|logged| logged.replace(logged.get() | bit));
    let value = value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or_default();
    (logged & bit == 0).then(|| alloc::format!("nearmiss: {message}: `{value}`"))
}

/// The maximum length of a value in a warning.
const MAX_VALUE: usize = 80;
