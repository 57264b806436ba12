//! Properties of the core and the formats that must hold for any input: one function per entry point. `make fuzz` drives
//! them with coverage guidance; the tests run them on the inputs kept in `host-tests/fuzz/corpus`.

mod lines;
mod text;

pub use lines::{exchange, formats};
pub use text::{config, headers};
