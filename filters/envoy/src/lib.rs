//! nearmiss inside Envoy: one module that is an HTTP filter, an access logger or an upstream filter, as its configuration
//! says.
//!
//! ```text
//! module                    callbacks to roots, roots to streams
//! root                      one plugin with its configuration
//! http · upstream           the filters: on one exchange · on one attempt
//! handover                  attempts, from the one to the other
//! exchange                  what Envoy shows of one exchange, as the core takes it
//! attributes request …      where it is read from
//! watch · tiers             a monitor with its outlets · what hosts are marked as
//! voice                     which of an Envoy's VMs reports for all of them
//! metrics · outlet          counters · records
//! collector                 records on their way to a collector
//! host                      the calls; the only unsafe code
//! ```
//!
//! The filter maps and writes; every threshold and every judgement is the core's. Traffic always goes on: no callback
//! pauses, no call to the host can panic, and what cannot be read is unknown.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a host calls the module"))]

extern crate alloc;

mod attributes;
mod client;
mod collector;
mod exchange;
mod fields;
mod handover;
mod headers;
mod host;
mod http;
mod ids;
mod metrics;
mod module;
mod outlet;
mod quota;
mod request;
mod response;
mod root;
mod tiers;
mod upstream;
mod voice;
mod watch;
