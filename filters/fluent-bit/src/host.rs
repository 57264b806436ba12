//! The host: it hands records over in memory that it asks for, and has files, a clock and a place for complaints.
//!
//! The only `unsafe` code of the filter is in here. No call panics; what the host refuses is a value.

mod arena;
#[cfg(target_arch = "wasm32")]
mod exports;
mod wasi;

pub(crate) use wasi::{complain, now, random, read_file};
