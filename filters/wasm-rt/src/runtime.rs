//! The allocator, and what a panic comes to.
//!
//! No module is meant to panic. If something does, the call traps, as it would with the standard library, but the texts that
//! nobody would read do not ship.

use dlmalloc::GlobalDlmalloc;

#[cfg(not(feature = "reserve"))]
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// Enough to end what is under way: what one call asks for is a few kilobytes, and rarely some hundred.
#[cfg(feature = "reserve")]
#[global_allocator]
static ALLOCATOR: crate::reserve::Reserve<GlobalDlmalloc, { 1 << 20 }> =
    crate::reserve::Reserve::new(GlobalDlmalloc);

/// Whether there is memory to begin something new with.
#[cfg(feature = "reserve")]
pub fn refill() -> bool {
    ALLOCATOR.refill()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
