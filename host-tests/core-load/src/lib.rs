//! Drives the core with a load of many upstreams, to measure what an exchange costs and what an upstream weighs.
//!
//! The same code runs natively and as a wasm module: exports that begin with `load_` take and return numbers only.

mod by_hand;
mod counting;
mod load;
mod traffic;

pub use by_hand::ByHand;
pub use counting::{allocations, bytes};
pub use load::Load;
pub use traffic::Traffic;

use nearmiss::Micros;
use std::cell::RefCell;

thread_local! {
    static LOAD: RefCell<Option<Load>> = const { RefCell::new(None) };
}

/// Makes the load of the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_new(upstreams: u32, step_us: u32) {
    LOAD.set(Some(Load::new(upstreams, Micros::new(step_us.into()))));
}

/// Runs the load of the wasm module through the core.
#[unsafe(no_mangle)]
pub extern "C" fn load_run(exchanges: u32) -> u32 {
    LOAD.with_borrow_mut(|load| load.as_mut().map_or(0, |load| load.run(exchanges)))
}

/// Runs the load of the wasm module through what counts by hand.
#[unsafe(no_mangle)]
pub extern "C" fn load_run_by_hand(exchanges: u32) {
    LOAD.with_borrow_mut(|load| load.iter_mut().for_each(|load| load.run_by_hand(exchanges)));
}

/// Fills the upstreams of the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_fill() {
    LOAD.with_borrow_mut(|load| load.iter_mut().for_each(Load::fill));
}

/// Bytes that are allocated in the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_bytes() -> u64 {
    bytes()
}

/// Allocations so far in the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_allocations() -> u64 {
    allocations()
}
