//! The nearmiss filter for Envoy: one proxy-wasm module that runs as an HTTP filter, an access logger or an upstream
//! filter, depending on its configuration.
//!
//! Each line imports only from the lines below it:
//!
//! ```text
//! root                      the root context of a plugin: configuration, timer, access log
//! http · upstream           the HTTP contexts: of one exchange · of one attempt
//! attachment · plugins      a plugin under one configuration · the plugins of this VM
//! exchange                  maps one exchange from Envoy's data to the core's
//! attempt_propagation       attempts, from the upstream filter to the HTTP filter
//! plugin · host_tiers       a monitor with its sinks and metrics · a cache of the tiers of hosts
//! metrics · sinks           counters and histograms · where records go
//! leadership · collector    leader election between Envoy's VMs · OTLP export
//! identity · hosts_key      names of plugin, VM and instance · the key of host hashes
//! attributes request …      readers of attributes, headers and times
//! warnings                  what is logged once about unusable metadata
//! proxy_wasm · config       life cycle, hostcalls and types, as in the SDK · the configuration of a plugin
//! ```
//!
//! The filter only maps data; thresholds and verdicts are the core's. It never affects traffic: no callback pauses an
//! exchange, no hostcall can panic, and unreadable data counts as unknown.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a host calls the module"))]

extern crate alloc;

mod attachment;
mod attempt_propagation;
mod attributes;
mod client;
mod clocks;
mod collector;
mod config;
mod exchange;
mod headers;
mod host_tiers;
mod hosts_key;
mod http;
mod identity;
mod ids;
mod leadership;
mod metrics;
mod plugin;
mod plugins;
mod proxy_wasm;
mod quota;
mod request;
mod response;
mod root;
mod shared_data;
mod sinks;
mod upstream;
mod warnings;

use alloc::boxed::Box;
use root::PluginRoot;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|context_id| Box::new(PluginRoot::new(context_id)));
}}
