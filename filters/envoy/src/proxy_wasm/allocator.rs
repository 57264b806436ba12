//! The memory in which the host returns bytes.
//!
//! For every result the host calls back into the module for a block of memory. Each callback reuses the same memory, so an
//! exchange allocates nothing.

use core::cell::Cell;
use nearmiss_wasm_rt::{BumpAllocator, local};

/// Bytes for all results of one callback; a map of a hundred typical headers fills half of them.
const CAPACITY: usize = 16 * 1024;

local! {
    static ARENA: Arena = Arena { blocks: BumpAllocator::new(), last: Cell::new((0, 0)), guards: Cell::new(0) };
}

struct Arena {
    blocks: BumpAllocator<CAPACITY>,
    /// Address and size of the most recently allocated block.
    last: Cell<(usize, usize)>,
    /// The number of guards: while there is one, blocks may be in use.
    guards: Cell<u32>,
}

/// Access to the arena: no block is reused while a guard is alive.
pub(super) struct ArenaGuard(());

impl ArenaGuard {
    /// Acquires the arena, and frees all blocks if there is no other guard.
    pub(super) fn acquire() -> Self {
        ARENA.with(|arena| {
            if arena.guards.get() == 0 {
                arena.blocks.clear();
                arena.last.set((0, 0));
            }
            arena.guards.set(arena.guards.get().saturating_add(1));
        });
        Self(())
    }

    /// Returns the bytes that the host reports at `address`; `None` unless they lie in the most recently allocated block.
    pub(super) fn returned_bytes(&self, address: usize, size: usize) -> Option<&[u8]> {
        if size == 0 {
            return Some(&[]);
        }
        let (start, capacity) = ARENA.with(|arena| arena.last.get());
        if address != start || size > capacity {
            return None;
        }
        // SAFETY: the block of at least `size` bytes was allocated by `proxy_on_memory_allocate`, which exposed its provenance and initialised
        // its bytes. It is not written or moved until `acquire` frees it, and that does not happen while `self`, from which the
        // slice is borrowed, is alive.
        Some(unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address), size) })
    }
}

impl Drop for ArenaGuard {
    fn drop(&mut self) {
        ARENA.with(|arena| arena.guards.set(arena.guards.get().saturating_sub(1)));
    }
}

/// Allocates a block for the host to write `size` bytes to; null if there is no memory.
#[cfg_attr(target_arch = "wasm32", unsafe(export_name = "malloc"))]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    ARENA.with(|arena| {
        let block = arena.blocks.alloc(size);
        arena.last.set((block.expose_provenance(), size));
        block
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn return_bytes(bytes: &[u8]) -> usize {
        let block = proxy_on_memory_allocate(bytes.len());
        // SAFETY: `proxy_on_memory_allocate` returned a block of that size.
        unsafe { block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        block.expose_provenance()
    }

    #[test]
    fn returned_bytes_stay_valid_during_the_callback() {
        let guard = ArenaGuard::acquire();
        let (small, large) = (vec![1; 100], vec![2; CAPACITY + 1]);
        let first = guard.returned_bytes(return_bytes(&small), 100).unwrap();
        let second = guard.returned_bytes(return_bytes(&large), CAPACITY + 1).unwrap();
        let third = guard.returned_bytes(return_bytes(&small), 100).unwrap();
        assert_eq!((first, second, third), (&*small, &*large, &*small));
    }

    #[test]
    fn an_address_that_was_not_allocated_is_refused() {
        let guard = ArenaGuard::acquire();
        let address = return_bytes(b"abc");
        assert_eq!(guard.returned_bytes(address, 4), None);
        assert_eq!(guard.returned_bytes(address + 1, 1), None);
        assert_eq!(guard.returned_bytes(0, 0), Some(&b""[..]));
    }

    #[test]
    fn blocks_are_reused_only_after_the_last_guard() {
        let outer = ArenaGuard::acquire();
        let first = return_bytes(b"outer");
        let bytes = outer.returned_bytes(first, 5).unwrap();
        drop(ArenaGuard::acquire());
        let inner = ArenaGuard::acquire();
        assert_ne!(return_bytes(b"inner"), first);
        drop(inner);
        assert_eq!(bytes, b"outer");
        drop(outer);
        let _guard = ArenaGuard::acquire();
        assert_eq!(return_bytes(b"again"), first);
    }
}
