//! Hosts for the filters: simulated ones in wasmtime, real ones as processes.
//!
//! * `sim::proxy_wasm` runs a proxy-wasm module as Envoy would, with a clock and statuses of the test's choice.
//! * `sim::fluent_bit` runs a wasm filter as Fluent Bit would.
//! * [`real`] starts a real Envoy, and upstreams that misbehave on request.
//! * `capture` starts nginx, HAProxy, Traefik, Caddy and Envoy for what they log.
//! * `fuzz` says what must hold for any bytes at all.
//! * `scenario` tells one story to every host; all must answer with the same bytes.
//! * [`soak`] puts a real Envoy under load with faults for half an hour.
//! * [`artifact`] finds what `make wasm` built, and refuses what is older than its sources.

pub mod artifact;
pub mod bench;
#[cfg(feature = "lines")]
pub mod capture;
pub mod demo;
#[cfg(feature = "lines")]
pub mod fuzz;
pub mod real;
#[cfg(feature = "sim")]
pub mod scenario;
#[cfg(feature = "sim")]
pub mod sim;
pub mod soak;
