//! Real Envoy, Prometheus and Fluent Bit processes, and test origins that fail on request.
//!
//! No test relies on a fixed sleep: it waits for the log line, count or request it needs, and fails after a minute with a
//! message that names it. Ports are assigned by the kernel, everything listens on loopback, and dropping a handle kills
//! its process.

mod accelerate;
mod bootstrap;
mod client;
mod collector;
mod envoy;
mod example;
mod fault_script;
mod fluent_bit;
mod origin;
mod process;
mod prometheus;
mod stats;
mod temp_dir;
mod wait;

use accelerate::accelerated;
pub use bootstrap::{
    Bootstrap, before_codec, cluster, connection_manager, grpc_cluster, listener, native_filter,
    native_filter_of, native_logger, native_logger_of, native_upstream_filter, one_request_per_connection,
    plugin, route, router, tiered_cluster, wasm_filter, wasm_filter_of, wasm_logger, wasm_logger_of,
    wasm_upstream_filter, with_upstream_filter,
};
pub use client::{Client, Request, Response};
pub use collector::{Behaviour, Collector};
pub use envoy::{Envoy, EnvoyCommand, envoy_binary};
pub use example::{example_document, repository_file, start_example};
pub use fault_script::{Action, EXCHANGE, SCRIPT};
pub use fluent_bit::FluentBit;
pub use origin::{Arrival, ArrivalLog, Origin, RefusingPort};
pub use prometheus::{Prometheus, promtool};
pub use stats::Stats;
pub use temp_dir::TempDir;
pub use wait::eventually;
