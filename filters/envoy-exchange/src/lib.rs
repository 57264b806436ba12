//! Reads an exchange of Envoy and maps it to the core's, and emits records.
//!
//! Envoy lends its data through two interfaces: proxy-wasm and its own, for native modules. An adapter implements [`Host`](host::Host)
//! over one of them to read exchanges, and [`Outlet`](outlet::Outlet) to emit records; everything else about both is here, once. Each line imports only from the lines below it:
//!
//! ```text
//! exchange                        maps one exchange from Envoy's data to the core's
//! attempt                         one attempt, as an upstream filter sees it
//! attempt_propagation · clocks    attempts, from the upstream filter to the exchange · times on the clocks of Envoy's limits
//! sinks · metric                  where records go · names and labels of metrics, and what an exchange adds to each
//! metadata · client · request …   readers of metadata, headers and attributes
//! collector                       OTLP export
//! host_tiers · warnings           a cache of the tiers of hosts · what is logged once about unusable metadata and a collector
//! host · outlet                   what an adapter lends: to read, and to emit records
//! config · values                 the configuration · text and numbers
//! ```
//!
//! Nothing here affects traffic: unreadable data counts as unknown.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod attempt;
pub mod attempt_propagation;
pub mod attributes;
pub mod client;
pub mod clocks;
mod collector;
pub mod config;
pub mod exchange;
pub mod host;
pub mod host_tiers;
pub mod metadata;
pub mod metric;
pub mod outlet;
pub mod quota;
pub mod request;
pub mod response;
pub mod sinks;
pub mod values;
pub mod warnings;
