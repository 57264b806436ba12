//! nearmiss inside Fluent Bit: a record comes in as JSON, and leaves with its verdict inside.
//!
//! ```text
//! module              the one instance: what the host calls, and its configuration
//! filter              one record in, one reply out
//! reading             what a record says: a structured one, or a line inside of it
//! repair              what is made of a record that is no JSON
//! merging             instead of judging: what records carry becomes the fleet's
//! reply · riders      the text that goes back · what waits for a record to ride on
//! host                memory, files and the calls; the only unsafe code
//! ```
//!
//! A reply that is not one complete JSON object can crash Fluent Bit, a trap loses the record and in the end kills the
//! filter. So nothing here recurses or panics, what the user had is spliced and never written anew, and what was no JSON
//! is made some.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a host calls the module"))]

extern crate alloc;

mod filter;
mod host;
mod merging;
mod module;
mod reading;
mod repair;
mod reply;
mod riders;
