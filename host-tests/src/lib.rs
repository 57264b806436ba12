//! Hosts for the filters: simulated ones in wasmtime, real ones as processes.
//!
//! * `sim::proxy_wasm` runs a proxy-wasm module as Envoy would; tests set the clock and the status of each hostcall.
//! * `sim::fluent_bit` runs a wasm filter as Fluent Bit would.
//! * [`real`] starts a real Envoy, and upstreams that misbehave on request.
//! * `capture` starts nginx, HAProxy, Traefik, Caddy and Envoy to capture their logs.
//! * `fuzz` holds the properties that must be true for any input.
//! * `scenario` runs one scenario on every host; all must produce the same bytes.
//! * [`soak`] puts a real Envoy under load with faults for half an hour.
//! * [`random`] generates numbers that are the same in every run.
//! * [`artifact`] finds the modules that `make wasm` built, and refuses those older than their sources.

pub mod artifact;
pub mod bench;
#[cfg(feature = "lines")]
pub mod capture;
pub mod demo;
#[cfg(feature = "lines")]
pub mod fuzz;
pub mod random;
pub mod real;
#[cfg(feature = "sim")]
pub mod scenario;
#[cfg(feature = "sim")]
pub mod sim;
pub mod soak;
