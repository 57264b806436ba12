//! nearmiss in edge gateways: the core behind numbers and strings, for Workers, Node, Deno and Bun.
//!
//! ```text
//! watch      what JavaScript holds: exchanges in, outcomes, headers and records out
//! draft      what is known of an exchange beyond its upstream, time, status, duration and attempts
//! names      upstreams, told once and then called by a number
//! outcome    what is to be said of an exchange, in one number
//! number     JavaScript's numbers, checked
//! ```
//!
//! Every call takes and gives numbers and strings only. Upstreams are told once; an exchange of which there is nothing more to
//! say crosses as five numbers and comes back as one. What JavaScript hands in may be anything: it is checked here, and
//! what makes no sense is an outcome or an error, never a trap. Retries, clocks and headers are the package's work, judgement
//! is the core's.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;
#[cfg(target_arch = "wasm32")]
extern crate nearmiss_wasm_rt as _; // the allocator, and what a panic comes to: then the package turns the module off

mod draft;
mod names;
mod number;
mod outcome;
mod watch;

pub use draft::{Mark, Quantity, Words};
pub use watch::Watch;
