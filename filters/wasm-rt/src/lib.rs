//! What the standard library would bring along, for modules that have one thread and nobody to tell of a panic.
//!
//! ```text
//! local      values of the only thread
//! chunk      memory that hosts are lent, used again and again
//! compare    the order of bytes, where the target leaves it to a C library
//! text       text that is ASCII, in fewer steps than the library's
//! reserve    an allocator that has something put by
//! runtime    the allocator, and what a panic comes to
//! ```
//!
//! Everything but the last runs natively, too, where its tests run, under Miri as well (`make miri`).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod chunk;
#[cfg(any(test, target_os = "wasi"))]
mod compare;
mod local;
#[cfg(any(test, all(feature = "reserve", target_arch = "wasm32")))]
mod reserve;
#[cfg(target_arch = "wasm32")]
mod runtime;
mod text;

pub use chunk::Chunk;
#[cfg(any(test, target_arch = "wasm32"))]
pub use local::Local;
#[cfg(all(feature = "reserve", target_arch = "wasm32"))]
pub use runtime::refill;
pub use text::ascii;

/// Whether there is memory to begin something new with; only tests come here.
#[cfg(all(feature = "reserve", not(target_arch = "wasm32")))]
pub const fn refill() -> bool {
    true
}
