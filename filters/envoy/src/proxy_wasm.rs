//! The life cycle, types and hostcalls of proxy-wasm, as the SDK has them, without its panics and without `std`.
//!
//! Files, traits, methods, types and numbers have the names of the crate `proxy-wasm`; `tests/sdk.rs` compares all names,
//! numbers and signatures. `docs/envoy.md#why-not-the-sdk` says why the crate itself does not ship. There are three differences:
//!
//! - A status may be any number, and no callback and no hostcall panics.
//! - Hostcalls are methods of [`Hostcalls`](hostcalls::Hostcalls), which lends their answers instead of allocating them.
//! - Only callbacks that the filter needs exist: Envoy calls every one that is exported.
//!
//! All `unsafe` code of the filter is in this module.

pub(crate) mod allocator;
mod dispatcher;
pub(crate) mod hostcalls;
mod imports;
pub(crate) mod traits;
pub(crate) mod types;

pub(crate) use dispatcher::set_root_context;

/// Defines the code that runs when a VM starts.
macro_rules! main {
    ($code:block) => {
        /// Runs once, before all callbacks.
        #[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
        extern "C" fn _initialize() {
            $code;
        }
    };
}
pub(crate) use main;
