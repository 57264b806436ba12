//! Runtime support for single-threaded `no_std` wasm modules: allocator, panic handler, globals, and buffers the host writes
//! into.
//!
//! ```text
//! runtime    the global allocator and the panic handler
//! reserve    an allocator with an emergency reserve
//! bump       a bump allocator for blocks that the host writes to
//! local      globals of a single-threaded module
//! memcmp     byte comparison, where the target would need a C library
//! ascii      ASCII checks, faster than those of the standard library
//! ```
//!
//! All modules but `runtime` also compile natively, where their tests run, under Miri too (`make miri`).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod ascii;
mod bump;
mod local;
#[cfg(any(test, target_os = "wasi"))]
mod memcmp;
#[cfg(any(test, all(feature = "reserve", target_arch = "wasm32")))]
mod reserve;
#[cfg(target_arch = "wasm32")]
mod runtime;

pub use ascii::ascii_str;
pub use bump::BumpAllocator;
#[cfg(any(test, target_arch = "wasm32"))]
pub use local::Local;
#[cfg(all(feature = "reserve", target_arch = "wasm32"))]
pub use runtime::refill_reserve;

/// Returns true: natively, where only tests run, memory is not limited.
#[cfg(all(feature = "reserve", not(target_arch = "wasm32")))]
pub const fn refill_reserve() -> bool {
    true
}
