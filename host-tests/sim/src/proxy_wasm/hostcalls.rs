//! The hostcalls that our filters may make, each with the statuses that Envoy returns.
//!
//! Any other call traps with its name.

mod buffer;
mod foreign_function;
mod guest;
mod header_map;
mod http_call;
mod metric;
mod process;
mod property;
mod shared_data;

use wasmtime::{Linker, Result};

use super::vm_state::VmState;

/// Links all of them.
pub(super) fn link(linker: &mut Linker<VmState>) -> Result<()> {
    [
        process::link,
        buffer::link,
        header_map::link,
        property::link,
        foreign_function::link,
        metric::link,
        http_call::link,
        shared_data::link,
    ]
    .iter()
    .try_for_each(|link| link(linker))
}
