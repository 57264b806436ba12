//! The memory in which the host returns bytes.
//!
//! For every result the host calls back into the module for a block of memory. Each callback reuses the same memory, so an
//! exchange allocates nothing.

use core::cell::Cell;
use nearmiss_wasm_rt::{BumpAllocator, local};

/// Bytes for all results of one callback; a map of a hundred typical headers fills half of them.
const CAPACITY: usize = 16 * 1024;

local! {
    static ARENA: Arena = Arena { blocks: BumpAllocator::new(), last: Cell::new((0, 0)), busy: Cell::new(false) };
}

struct Arena {
    blocks: BumpAllocator<CAPACITY>,
    /// Address and size of the most recently allocated block.
    last: Cell<(usize, usize)>,
    /// True during a callback, when blocks may be in use.
    busy: Cell<bool>,
}

/// Exclusive access to the arena: only one guard exists at a time, and no block is reused while it is alive.
pub(super) struct ArenaGuard(());

impl ArenaGuard {
    /// Acquires the arena for one callback; `None` if another callback is still running.
    pub(super) fn acquire() -> Option<Self> {
        ARENA.with(|arena| {
            if arena.busy.replace(true) {
                return None;
            }
            arena.blocks.clear();
            arena.last.set((0, 0));
            Some(Self(()))
        })
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
        // SAFETY: the block of at least `size` bytes was allocated by `allocate`, which exposed its provenance and initialised
        // its bytes. It is not written or moved until the next `acquire`, and that fails while `self`, from which the slice
        // is borrowed, is alive.
        Some(unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address), size) })
    }
}

impl Drop for ArenaGuard {
    fn drop(&mut self) {
        ARENA.with(|arena| arena.busy.set(false));
    }
}

/// Allocates a block for the host to write `size` bytes to; null if there is no memory.
pub(crate) fn allocate(size: usize) -> *mut u8 {
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
        let block = allocate(bytes.len());
        // SAFETY: `allocate` returned a block of that size.
        unsafe { block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        block.expose_provenance()
    }

    #[test]
    fn returned_bytes_stay_valid_during_the_callback() {
        let guard = ArenaGuard::acquire().unwrap();
        let (small, large) = (vec![1; 100], vec![2; CAPACITY + 1]);
        let first = guard.returned_bytes(return_bytes(&small), 100).unwrap();
        let second = guard.returned_bytes(return_bytes(&large), CAPACITY + 1).unwrap();
        let third = guard.returned_bytes(return_bytes(&small), 100).unwrap();
        assert_eq!((first, second, third), (&*small, &*large, &*small));
    }

    #[test]
    fn an_address_that_was_not_allocated_is_refused() {
        let guard = ArenaGuard::acquire().unwrap();
        let address = return_bytes(b"abc");
        assert_eq!(guard.returned_bytes(address, 4), None);
        assert_eq!(guard.returned_bytes(address + 1, 1), None);
        assert_eq!(guard.returned_bytes(0, 0), Some(&b""[..]));
    }

    #[test]
    fn there_is_one_guard_at_a_time() {
        let guard = ArenaGuard::acquire();
        assert!(guard.is_some() && ArenaGuard::acquire().is_none());
        drop(guard);
        assert!(ArenaGuard::acquire().is_some());
    }
}
