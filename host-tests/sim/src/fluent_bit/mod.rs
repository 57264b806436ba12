//! A simulation of Fluent Bit's wasm filter host, in JSON mode, small enough to read.
//!
//! It follows the code of `flb_wasm.c` and `filter_wasm.c` in Fluent Bit 5.1.1, not their documentation:
//!
//! * one instance lives as long as the process; `_initialize` is called once;
//! * tag and record are copied into memory from the module's `malloc`, if it exports `malloc` and `free`, else into a
//!   small heap of the host; without room, the record arrives as pointer 0 with its true length;
//! * the reply is copied up to its first NUL and then parsed; the result is a [`RecordOutcome`];
//! * some replies lose not only a record but the rest of its chunk, or corrupt the host's own memory. A filter that
//!   gives such a reply fails its test, whatever the test checks.
//!
//! WASI offers only what Fluent Bit allows: a clock, random numbers, standard error, and files in preopened folders; no
//! environment and no arguments.

mod instance;
mod module;
mod outcome;
mod wasi;

pub use instance::FilterInstance;
pub use module::FilterModule;
pub use outcome::RecordOutcome;
pub use wasi::{MEMORY_GROW, WasiEnv};
