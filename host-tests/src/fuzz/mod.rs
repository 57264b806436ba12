//! Properties that must hold for any input: one function per entry point. `make fuzz` drives them with coverage
//! guidance; the tests run them on the inputs kept in `host-tests/fuzz/corpus`.

#[cfg(feature = "sim")]
mod fluent_bit;
mod lines;
#[cfg(feature = "sim")]
mod proxy_wasm;
mod text;

#[cfg(feature = "sim")]
pub use fluent_bit::fluent_bit;
pub use lines::{exchange, formats};
#[cfg(feature = "sim")]
pub use proxy_wasm::hostcalls;
pub use text::{config, headers};

/// A fuzz target.
pub type FuzzTarget = fn(&[u8]);

/// All fuzz targets, by the name of their corpus.
pub const TARGETS: &[(&str, FuzzTarget)] = &[
    ("config", config),
    ("formats", formats),
    ("exchange", exchange),
    #[cfg(feature = "sim")]
    ("fluent_bit", fluent_bit),
    ("headers", headers),
    #[cfg(feature = "sim")]
    ("hostcalls", hostcalls),
];
