//! Properties of the modules that must hold for any input; those of the core and the formats are in the crate `properties`.

mod fluent_bit;
mod proxy_wasm;

pub use fluent_bit::fluent_bit;
pub use proxy_wasm::hostcalls;
