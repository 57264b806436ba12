//! The host: the memory through which it passes records, and the WASI calls for files, the clock and standard error.
//!
//! No call panics; an error is returned as a value.

pub(crate) mod arena;
mod wasi;

pub(crate) use wasi::{directories, now_micros, random_bytes, read_file, write_stderr};
