//! The memory that the host hands its answers over in.
//!
//! For every answer the host calls back into the module for a block of memory. Each callback uses the same memory anew, so an
//! exchange allocates nothing.

use core::cell::Cell;
use nearmiss_wasm_rt::{Chunk, local};

/// Room for the answers to one callback; a map of a hundred usual headers takes half of it.
const CHUNK: usize = 16 * 1024;

local! {
    static ARENA: Arena = Arena { chunk: Chunk::new(), last: Cell::new((0, 0)), busy: Cell::new(false) };
}

struct Arena {
    chunk: Chunk<CHUNK>,
    /// Address and size of the block that was handed out last.
    last: Cell<(usize, usize)>,
    /// A callback is under way, so blocks may be in use.
    busy: Cell<bool>,
}

/// The right to use answers: there is one at a time, and no block is used anew as long as it lives.
pub(crate) struct Lease(());

impl Lease {
    /// Takes the arena for one callback; `None` if a callback is under way already.
    pub(super) fn take() -> Option<Self> {
        ARENA.with(|arena| {
            if arena.busy.replace(true) {
                return None;
            }
            arena.chunk.clear();
            arena.last.set((0, 0));
            Some(Self(()))
        })
    }

    /// The answer that the host says it has put at `address`; `None` if that is not the block it was given last.
    pub(super) fn answer(&self, address: usize, size: usize) -> Option<&[u8]> {
        if size == 0 {
            return Some(&[]);
        }
        let (start, room) = ARENA.with(|arena| arena.last.get());
        if address != start || size > room {
            return None;
        }
        // SAFETY: the block of at least `size` bytes was cut by `cut`, where its provenance was exposed and its bytes are
        // initialised; nobody writes to it again and it stays where it is until the next `take`, which cannot succeed
        // while `self`, from which the slice is borrowed, is alive.
        Some(unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address), size) })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        ARENA.with(|arena| arena.busy.set(false));
    }
}

/// A block for the host to write `size` bytes to; null if there is no memory.
pub(super) fn cut(size: usize) -> *mut u8 {
    ARENA.with(|arena| {
        let block = arena.chunk.cut(size);
        arena.last.set((block.expose_provenance(), size));
        block
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(bytes: &[u8]) -> usize {
        let block = cut(bytes.len());
        // SAFETY: `cut` gave room for as many bytes.
        unsafe { block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        block.expose_provenance()
    }

    #[test]
    fn answers_stay_while_the_callback_lasts() {
        let lease = Lease::take().unwrap();
        let (small, large) = (vec![1; 100], vec![2; CHUNK + 1]);
        let first = lease.answer(give(&small), 100).unwrap();
        let second = lease.answer(give(&large), CHUNK + 1).unwrap();
        let third = lease.answer(give(&small), 100).unwrap();
        assert_eq!((first, second, third), (&*small, &*large, &*small));
    }

    #[test]
    fn an_address_that_was_not_given_is_refused() {
        let lease = Lease::take().unwrap();
        let address = give(b"abc");
        assert_eq!(lease.answer(address, 4), None);
        assert_eq!(lease.answer(address + 1, 1), None);
        assert_eq!(lease.answer(0, 0), Some(&b""[..]));
    }

    #[test]
    fn there_is_one_lease_at_a_time() {
        let lease = Lease::take();
        assert!(lease.is_some() && Lease::take().is_none());
        drop(lease);
        assert!(Lease::take().is_some());
    }
}
