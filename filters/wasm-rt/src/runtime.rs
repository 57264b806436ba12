//! The global allocator and the panic handler.
//!
//! No module is meant to panic. A panic traps, as it would with the standard library, but without formatting a message: the
//! host would not show it, and the texts would add to the module's size.

use dlmalloc::GlobalDlmalloc;

#[cfg(not(feature = "reserve"))]
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// The reserve is large enough to complete a call, which allocates a few kilobytes and rarely a few hundred.
#[cfg(feature = "reserve")]
#[global_allocator]
static ALLOCATOR: crate::reserve::Reserve<GlobalDlmalloc, { 1 << 20 }> =
    crate::reserve::Reserve::new(GlobalDlmalloc);

/// Returns true if the memory reserve is intact or could be allocated again, so that new work may begin.
#[cfg(feature = "reserve")]
pub fn refill_reserve() -> bool {
    ALLOCATOR.refill()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
