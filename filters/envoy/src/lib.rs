//! The nearmiss filter for Envoy: one proxy-wasm module that runs as an HTTP filter, an access logger or an upstream
//! filter, depending on its configuration.
//!
//! Each line imports only from the lines below it:
//!
//! ```text
//! exports                   the callbacks that Envoy calls
//! dispatcher                from callbacks to plugins and streams
//! http · upstream           the filters: for one exchange · for one attempt
//! root                      the root context of a plugin: its configuration
//! exchange                  maps one exchange from Envoy's data to the core's
//! attempt_propagation       attempts, from the upstream filter to the HTTP filter
//! plugin · host_tiers       a monitor with its sinks and metrics · a cache of the tiers of hosts
//! metrics · sinks           counters and histograms · where records go
//! leadership · collector    leader election between Envoy's VMs · OTLP export
//! identity · hosts_key      names of plugin, VM and instance · the key of host hashes
//! attributes request …      readers of attributes and headers
//! host · config             hostcalls; the only unsafe code · the configuration of a plugin
//! ```
//!
//! The filter only maps data; thresholds and verdicts are the core's. It never affects traffic: no callback pauses an
//! exchange, no hostcall can panic, and unreadable data counts as unknown.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a host calls the module"))]

extern crate alloc;

mod attempt_propagation;
mod attributes;
mod client;
mod collector;
mod config;
mod dispatcher;
mod exchange;
#[cfg(target_arch = "wasm32")]
mod exports;
mod headers;
mod host;
mod host_tiers;
mod hosts_key;
mod http;
mod identity;
mod ids;
mod leadership;
mod metrics;
mod plugin;
mod quota;
mod request;
mod response;
mod root;
mod shared_data;
mod sinks;
mod upstream;
