//! Drives the core with a load of many upstreams, to measure the cost of an exchange and the memory of an upstream.
//!
//! The same code runs natively and as a wasm module: exports that begin with `load_` take and return only numbers.

mod by_hand;
mod counting;
mod evictions;
mod load;
mod traffic;

pub use by_hand::ByHand;
pub use counting::{allocations, bytes};
pub use evictions::Evictions;
pub use load::Load;
pub use traffic::Traffic;

use nearmiss::Micros;
use std::cell::RefCell;

thread_local! {
    static LOAD: RefCell<Option<Load>> = const { RefCell::new(None) };
}

/// Creates the load of the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_new(upstreams: u32, step_us: u32) {
    LOAD.set(Some(Load::new(upstreams, Micros::new(step_us.into()))));
}

/// Runs the load of the wasm module through the core.
#[unsafe(no_mangle)]
pub extern "C" fn load_run(exchanges: u32) -> u32 {
    LOAD.with_borrow_mut(|load| load.as_mut().map_or(0, |load| load.run(exchanges)))
}

/// Runs the load of the wasm module through the hand-written counter.
#[unsafe(no_mangle)]
pub extern "C" fn load_run_by_hand(exchanges: u32) {
    LOAD.with_borrow_mut(|load| load.iter_mut().for_each(|load| load.run_by_hand(exchanges)));
}

/// Fills the upstreams of the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_fill() {
    LOAD.with_borrow_mut(|load| load.iter_mut().for_each(Load::fill));
}

/// Returns the number of allocated bytes in the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_bytes() -> u64 {
    bytes()
}

/// Returns the number of allocations so far in the wasm module.
#[unsafe(no_mangle)]
pub extern "C" fn load_allocations() -> u64 {
    allocations()
}
