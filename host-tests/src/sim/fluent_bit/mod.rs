//! Fluent Bit's wasm filter as a host, in JSON mode, small enough to read.
//!
//! Written after what `flb_wasm.c` and `filter_wasm.c` of Fluent Bit 5.1.1 do, not after their documentation:
//!
//! * one instance for the life of the process; `_initialize` is called once;
//! * tag and record are copied into memory that the module's `malloc` gives, if it exports `malloc` and `free`, else
//!   into a small heap of the host's; where there is no room the record arrives as pointer 0 with its true length;
//! * the reply is copied up to its first NUL and then parsed; what becomes of the record is an [`Outcome`];
//! * some replies do not only lose a record but the rest of its chunk, or corrupt the host's own memory. A filter that
//!   gives one of those fails its test, whatever the test was about.
//!
//! What WASI offers is what Fluent Bit lets through: a clock, random numbers, standard error, and files below the
//! folders that are opened for the module; no environment and no arguments.

mod instance;
mod outcome;
mod program;
mod wasi;

pub use instance::Instance;
pub use outcome::Outcome;
pub use program::Program;
pub use wasi::{GROW, World};
