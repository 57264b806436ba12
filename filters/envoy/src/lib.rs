//! The nearmiss filter for Envoy: one proxy-wasm module that runs as an HTTP filter, an access logger or an upstream
//! filter, depending on its configuration.
//!
//! Each line imports only from the lines below it:
//!
//! ```text
//! root                      the root context of a plugin: configuration, timer, access log
//! http · upstream           the HTTP contexts: of one exchange · of one attempt
//! attachment · plugins      a plugin under one configuration · the plugins of this VM
//! plugin                    a monitor with its sinks and metrics
//! metrics · leadership      counters and histograms · leader election between Envoy's VMs
//! identity · hosts_key      names of plugin, VM and instance · the key of host hashes
//! query                     the attributes of an exchange
//! host · outlet             Envoy as proxy-wasm shows it, for `nearmiss-envoy-exchange`, which reads exchanges and emits records
//! proxy_wasm · headers      life cycle, hostcalls and types, as in the SDK · the encoding of header maps
//! ```
//!
//! The filter only maps data; thresholds and verdicts are the core's. It never affects traffic: no callback pauses an
//! exchange, no hostcall can panic, and unreadable data counts as unknown.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a host calls the module"))]

extern crate alloc;

mod attachment;
mod headers;
mod host;
mod hosts_key;
mod http;
mod identity;
mod leadership;
mod metrics;
mod outlet;
mod plugin;
mod plugins;
mod proxy_wasm;
mod query;
mod root;
mod shared_data;
mod upstream;

use alloc::boxed::Box;
use root::PluginRoot;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|context_id| Box::new(PluginRoot::new(context_id)));
}}
