//! The memory that the host hands records over in.
//!
//! For every record the host asks for two blocks (the tag, the record) and frees them when it has copied the reply. Blocks
//! are cut from one chunk that is used anew once all are free, so a record allocates nothing; one that finds no room gets a
//! block of its own.

use super::local;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell, UnsafeCell};

/// Room for a record as logs have it.
const CHUNK: usize = 64 << 10;

local! {
    static ARENA: Arena = Arena::new();
}

#[repr(C, align(8))]
struct Arena {
    chunk: UnsafeCell<[u8; CHUNK]>,
    /// Where the free part of the chunk begins.
    free: Cell<usize>,
    /// How many blocks are in the host's hands.
    lent: Cell<u32>,
    spilled: RefCell<Vec<Vec<u8>>>,
}

/// A block of `size` bytes; null if there is no memory.
pub(super) fn lend(size: usize) -> *mut u8 {
    ARENA.with(|arena| arena.lend(size))
}

/// The host is done with a block.
pub(super) fn take_back(block: *mut u8) {
    ARENA.with(|arena| arena.take_back(block));
}

impl Arena {
    const fn new() -> Self {
        Self {
            chunk: UnsafeCell::new([0; CHUNK]),
            free: Cell::new(0),
            lent: Cell::new(0),
            spilled: RefCell::new(Vec::new()),
        }
    }

    fn lend(&self, size: usize) -> *mut u8 {
        let start = self.free.get();
        let block = match start.checked_add(size) {
            Some(end) if end <= CHUNK => {
                self.free.set(end.next_multiple_of(8));
                self.chunk.get().cast::<u8>().wrapping_add(start)
            }
            _ => self.spill(size),
        };
        self.lent.set(self.lent.get() + u32::from(!block.is_null()));
        block
    }

    fn spill(&self, size: usize) -> *mut u8 {
        let mut block = Vec::new();
        let Ok(mut spilled) = self.spilled.try_borrow_mut() else { return core::ptr::null_mut() };
        if block.try_reserve_exact(size).is_err() || spilled.try_reserve(1).is_err() {
            return core::ptr::null_mut();
        }
        block.resize(size, 0);
        let start = block.as_mut_ptr();
        spilled.push(block);
        start
    }

    fn take_back(&self, block: *mut u8) {
        if block.is_null() {
            return;
        }
        if let Ok(mut spilled) = self.spilled.try_borrow_mut()
            && let Some(place) = spilled.iter().position(|held| held.as_ptr() == block.cast_const())
        {
            spilled.swap_remove(place);
        }
        self.lent.set(self.lent.get().saturating_sub(1));
        if self.lent.get() == 0 {
            self.free.set(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_apart_until_all_are_free() {
        let first = lend(100);
        let second = lend(7);
        assert_eq!(second as usize - first as usize, 104);
        take_back(first);
        assert_eq!(lend(1) as usize - first as usize, 112, "one is still lent");
        take_back(second);
        take_back(first);
        assert_eq!(lend(8), first);
        take_back(first);
    }

    #[test]
    fn a_large_record_gets_a_block_of_its_own_and_gives_it_back() {
        let tag = lend(4);
        let record = lend(8 << 20);
        assert!(!record.is_null());
        // SAFETY: the block has as many bytes.
        unsafe { record.write_bytes(1, 8 << 20) };
        take_back(tag);
        take_back(record);
        ARENA.with(|arena| assert!(arena.spilled.borrow().is_empty()));
        assert_eq!(lend(4), tag);
        take_back(tag);
    }
}
