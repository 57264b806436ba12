//! The allocator, and what a panic comes to.
//!
//! No module is meant to panic. If something does, the call traps, as it would with the standard library, but the texts that
//! nobody would read do not ship.

use dlmalloc::GlobalDlmalloc;

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
