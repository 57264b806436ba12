//! No host: native targets, where unit tests run. Every call fails.

use alloc::string::String;
use alloc::vec::Vec;

/// WASI's number for a call that does not exist.
const NOSYS: u16 = 52;

pub(crate) fn now_micros() -> u64 {
    0
}

pub(crate) fn random_bytes<const COUNT: usize>() -> Option<[u8; COUNT]> {
    None
}

pub(crate) fn write_stderr(_: &str) {}

pub(crate) fn read_file(_: &str, _: usize) -> Result<Option<Vec<u8>>, u16> {
    Err(NOSYS)
}

pub(crate) fn directories() -> Vec<String> {
    Vec::new()
}
