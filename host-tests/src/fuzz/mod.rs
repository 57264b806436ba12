//! What must hold for any bytes at all: one function for each way in, driven by `make fuzz` with inputs that look for new
//! paths, and by the tests with the inputs that were kept in `host-tests/fuzz/corpus`.

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

/// A way in.
pub type Target = fn(&[u8]);

/// All of them, by the name of their corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("config", config),
    ("formats", formats),
    ("exchange", exchange),
    #[cfg(feature = "sim")]
    ("fluent_bit", fluent_bit),
    ("headers", headers),
    #[cfg(feature = "sim")]
    ("hostcalls", hostcalls),
];
