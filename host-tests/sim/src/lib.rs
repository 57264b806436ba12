//! Simulated hosts: the wasm modules run in wasmtime behind the ABI of the host that they are built for.

//!
//! * [`proxy_wasm`] runs a proxy-wasm module as Envoy would; tests set the clock and the status of each hostcall.
//! * [`fluent_bit`] runs a wasm filter as Fluent Bit would.
//! * `native-sim`, a program, runs Envoy's native module as Envoy would.
//! * [`scenario`] runs one scenario on every host; all must produce the same bytes.
//! * [`fuzz`] holds the properties of the modules that must be true for any input.

pub mod fluent_bit;
pub mod fuzz;
pub mod proxy_wasm;
pub mod scenario;
