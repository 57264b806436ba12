//! The host: the memory through which it passes records, and the WASI calls for files, the clock and standard error.
//!
//! No call panics; an error is returned as a value.

pub(crate) mod arena;
#[cfg_attr(not(target_arch = "wasm32"), path = "host/absent.rs")]
mod wasi;

pub(crate) use wasi::{directories, now_micros, random_bytes, read_file, write_stderr};
