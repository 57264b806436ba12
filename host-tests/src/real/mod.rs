//! A real Envoy and a real Prometheus as processes, and origins of our own that misbehave on request.
//!
//! Nothing here sleeps and hopes: a test waits for the line, the count or the arrival it needs, and
//! fails with its name after a minute. Ports come from the system; everything listens on loopback;
//! every process ends with the value that stands for it.

mod client;
mod collector;
mod envoy;
mod example;
mod fluent_bit;
#[cfg(feature = "grpc")]
mod grpc;
mod hurry;
mod origin;
mod prometheus;
mod script;
mod site;
mod stats;
mod wait;

pub use client::{Client, Request, Response};
pub use collector::{Collector, Mood};
pub use envoy::{Envoy, Start, envoy_binary};
pub use example::{example, example_document, shipped};
pub use fluent_bit::{FluentBit, Folder};
#[cfg(feature = "grpc")]
pub use grpc::{GrpcOrigin, GrpcReply, call as grpc_call};
use hurry::hurried;
pub use origin::{Arrival, Ledger, Origin, Refusing};
pub use prometheus::{Prometheus, promtool};
pub use script::Action;
pub use site::{
    Site, cluster, grpc_cluster, one_request_a_connection, plugin, route, tiers, wasm_filter, wasm_filter_of,
    wasm_logger, wasm_logger_of, wasm_upstream_filter, with_upstream_filter,
};
pub use stats::Stats;
pub use wait::eventually;
