//! nearmiss inside Fluent Bit: each log record arrives as JSON and is passed on with its verdict added.
//!
//! ```text
//! exports          the functions that the host calls
//! instance         the module's single filter and its configuration
//! filter           one record in, one record out
//! record_reader    reads an exchange from a structured record or from a log line inside it
//! aggregator       mode `merge`: merges the summaries and episodes that records carry
//! piggyback        episodes and summaries waiting for the next record
//! output_buffer    the JSON text that is returned to the host
//! repair           turns invalid records into JSON
//! host             memory and WASI calls
//! ```
//!
//! An output that is not one complete JSON object can crash Fluent Bit, and a trap loses the record and can end the filter.
//! So nothing here recurses or panics, the fields of a record are copied as they are instead of being written again, and
//! an invalid record is repaired. All `unsafe` code is in `exports` and `host`.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a host calls the module"))]

extern crate alloc;

mod aggregator;
#[cfg(target_arch = "wasm32")]
mod exports;
mod filter;
mod host;
mod instance;
mod output_buffer;
mod piggyback;
mod record_reader;
mod repair;
