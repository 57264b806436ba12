//! nearmiss for edge gateways in JavaScript: the core behind wasm-bindgen, for Workers, Node, Deno and Bun.
//!
//! ```text
//! handle               the object that JavaScript holds: exchanges in, verdicts, headers and records out
//! exchange_builder     optional fields of the next exchange
//! log_batch            the batch into which the package puts OpenTelemetry log records
//! upstream_interner    upstream names and their numbers
//! packed_verdict       a verdict packed into one number
//! number               checked conversion of JavaScript numbers
//! ```
//!
//! Every call takes and returns only numbers and strings. An upstream's name crosses the boundary once; an exchange without
//! optional fields crosses as five numbers, and its verdict as one. All input is checked here: an invalid value gives an
//! invalid verdict or an error, never a trap. The JavaScript package does retries, clocks and headers; the core judges.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;
#[cfg(target_arch = "wasm32")]
extern crate nearmiss_wasm_rt as _; // allocator and panic handler; after a trap the package disables the module

mod exchange_builder;
mod handle;
mod log_batch;
mod number;
mod packed_verdict;
mod upstream_interner;

pub use exchange_builder::{Flag, NumberField, TextField};
pub use handle::Handle;
pub use log_batch::log_batch;
