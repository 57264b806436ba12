//! What the standard library would bring along, without the texts of panics that nobody would read.
//!
//! Nothing in this module is meant to panic. If something does, the package turns it off and traffic goes on.

use dlmalloc::GlobalDlmalloc;

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
