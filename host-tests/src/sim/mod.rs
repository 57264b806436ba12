//! Simulated hosts: the wasm modules run in wasmtime behind the ABI of the host that they are built for.

pub mod fluent_bit;
pub mod proxy_wasm;
