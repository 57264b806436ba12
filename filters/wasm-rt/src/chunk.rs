//! Memory that a host writes to.
//!
//! Hosts ask for blocks, a few for each call. They are cut from one chunk that is used anew by the next call, so nothing is
//! allocated; a block that finds no room gets memory of its own.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell, UnsafeCell};

/// `SIZE` bytes to cut blocks from, and the blocks that found no room there.
///
/// Blocks are initialised and lie apart; those in the chunk are aligned to eight bytes. A block stays until it is freed, or
/// all are.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct Chunk<const SIZE: usize> {
    bytes: UnsafeCell<[u8; SIZE]>,
    /// Where the free part of the bytes begins.
    free: Cell<usize>,
    spilled: RefCell<Vec<Vec<u8>>>,
}

impl<const SIZE: usize> Chunk<SIZE> {
    /// A chunk of which nothing is in use.
    pub const fn new() -> Self {
        Self { bytes: UnsafeCell::new([0; SIZE]), free: Cell::new(0), spilled: RefCell::new(Vec::new()) }
    }

    /// A block of `size` bytes; null if there is no memory.
    pub fn cut(&self, size: usize) -> *mut u8 {
        let start = self.free.get();
        match start.checked_add(size) {
            Some(end) if end <= SIZE => {
                self.free.set(end.next_multiple_of(8));
                self.bytes.get().cast::<u8>().wrapping_add(start)
            }
            _ => self.spill(size),
        }
    }

    /// Frees a block if it found no room in the chunk; one that did waits for [`rewind`](Self::rewind).
    pub fn free(&self, block: *const u8) {
        if let Ok(mut spilled) = self.spilled.try_borrow_mut()
            && let Some(place) = spilled.iter().position(|held| held.as_ptr() == block)
        {
            spilled.swap_remove(place);
        }
    }

    /// Frees the blocks in the chunk.
    pub fn rewind(&self) {
        self.free.set(0);
    }

    /// Frees every block.
    pub fn clear(&self) {
        self.rewind();
        if let Ok(mut spilled) = self.spilled.try_borrow_mut() {
            spilled.clear();
        }
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
}

impl<const SIZE: usize> Default for Chunk<SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes all of a block, as a host does.
    fn fill(block: *mut u8, size: usize, byte: u8) {
        // SAFETY: every test fills a block that it was given with this size, and has not given back.
        unsafe { block.write_bytes(byte, size) };
    }

    fn holds(block: *const u8, size: usize, byte: u8) -> bool {
        // SAFETY: as in `fill`; and blocks are initialised.
        unsafe { core::slice::from_raw_parts(block, size) }.iter().all(|held| *held == byte)
    }

    #[test]
    fn blocks_lie_apart_whether_they_found_room_or_not() {
        let chunk = Chunk::<64>::new();
        let sizes = [1, 7, 8, 30, 100, 0, 5, 1_000];
        let blocks = sizes.map(|size| chunk.cut(size));
        for (number, (block, size)) in blocks.into_iter().zip(sizes).enumerate() {
            assert!(holds(block, size, 0) && !block.is_null());
            fill(block, size, number as u8 + 1);
        }
        for (number, (block, size)) in blocks.into_iter().zip(sizes).enumerate() {
            assert!(holds(block, size, number as u8 + 1), "block {number}");
        }
    }

    #[test]
    fn blocks_in_the_chunk_are_aligned_to_eight_bytes() {
        let chunk = Chunk::<64>::new();
        assert!([1, 7, 9, 8].map(|size| chunk.cut(size).addr() % 8).iter().all(|rest| *rest == 0));
    }

    #[test]
    fn cleared_memory_is_used_anew() {
        let chunk = Chunk::<64>::new();
        let (first, large) = (chunk.cut(64), chunk.cut(65));
        fill(large, 65, 1);
        chunk.clear();
        assert_eq!(chunk.cut(64), first);
        assert!(chunk.spilled.borrow().is_empty());
    }

    #[test]
    fn only_a_block_that_found_no_room_is_freed_by_itself() {
        let chunk = Chunk::<64>::new();
        let (inside, first, second) = (chunk.cut(60), chunk.cut(65), chunk.cut(66));
        chunk.free(inside);
        chunk.free(core::ptr::null());
        chunk.free(first);
        assert_eq!(chunk.spilled.borrow().len(), 1);
        fill(inside, 60, 1);
        fill(second, 66, 2);
        chunk.free(second);
        assert!(chunk.spilled.borrow().is_empty());
    }

    #[test]
    fn what_cannot_be_had_is_null_and_harms_nothing() {
        let chunk = Chunk::<64>::new();
        let block = chunk.cut(8);
        assert!(chunk.cut(usize::MAX).is_null());
        fill(block, 8, 1);
        assert!(!chunk.cut(8).is_null());
    }
}
