//! A bump allocator for the blocks that a host writes to.
//!
//! Hosts request a few blocks per call. They come from one buffer that the next call reuses, so a call normally allocates
//! nothing. A block that does not fit is allocated on the heap.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell, UnsafeCell};

/// A buffer of `SIZE` bytes, and the heap blocks that did not fit into it.
///
/// Blocks are initialised and do not overlap; blocks in the buffer are aligned to eight bytes. A block stays valid until it
/// is freed, alone or with all others.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct BumpAllocator<const SIZE: usize> {
    buffer: UnsafeCell<[u8; SIZE]>,
    /// Offset of the first free byte in the buffer.
    next: Cell<usize>,
    heap_blocks: RefCell<Vec<Vec<u8>>>,
}

impl<const SIZE: usize> BumpAllocator<SIZE> {
    /// Creates an allocator without blocks.
    pub const fn new() -> Self {
        Self { buffer: UnsafeCell::new([0; SIZE]), next: Cell::new(0), heap_blocks: RefCell::new(Vec::new()) }
    }

    /// Allocates a block of `size` bytes; null if memory is exhausted.
    pub fn alloc(&self, size: usize) -> *mut u8 {
        let start = self.next.get();
        match start.checked_add(size) {
            Some(end) if end <= SIZE => {
                self.next.set(end.next_multiple_of(8));
                self.buffer.get().cast::<u8>().wrapping_add(start)
            }
            _ => self.alloc_on_heap(size),
        }
    }

    /// Frees a heap block. A block in the buffer stays until [`rewind`](Self::rewind).
    pub fn free(&self, block: *const u8) {
        if let Ok(mut blocks) = self.heap_blocks.try_borrow_mut()
            && let Some(index) = blocks.iter().position(|held| held.as_ptr() == block)
        {
            blocks.swap_remove(index);
        }
    }

    /// Frees all blocks in the buffer.
    pub fn rewind(&self) {
        self.next.set(0);
    }

    /// Frees all blocks, on the heap too.
    pub fn clear(&self) {
        self.rewind();
        if let Ok(mut blocks) = self.heap_blocks.try_borrow_mut() {
            blocks.clear();
        }
    }

    fn alloc_on_heap(&self, size: usize) -> *mut u8 {
        let mut block = Vec::new();
        let Ok(mut blocks) = self.heap_blocks.try_borrow_mut() else { return core::ptr::null_mut() };
        if block.try_reserve_exact(size).is_err() || blocks.try_reserve(1).is_err() {
            return core::ptr::null_mut();
        }
        block.resize(size, 0);
        let start = block.as_mut_ptr();
        blocks.push(block);
        start
    }
}

impl<const SIZE: usize> Default for BumpAllocator<SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the whole block, as a host does.
    fn fill(block: *mut u8, size: usize, byte: u8) {
        // SAFETY: every test fills a block that was allocated with this size and is not freed.
        unsafe { block.write_bytes(byte, size) };
    }

    fn holds(block: *const u8, size: usize, byte: u8) -> bool {
        // SAFETY: as in `fill`; and blocks are initialised.
        unsafe { core::slice::from_raw_parts(block, size) }.iter().all(|held| *held == byte)
    }

    #[test]
    fn blocks_do_not_overlap_in_the_buffer_or_on_the_heap() {
        let memory = BumpAllocator::<64>::new();
        let sizes = [1, 7, 8, 30, 100, 0, 5, 1_000];
        let blocks = sizes.map(|size| memory.alloc(size));
        for (number, (block, size)) in blocks.into_iter().zip(sizes).enumerate() {
            assert!(holds(block, size, 0) && !block.is_null());
            fill(block, size, number as u8 + 1);
        }
        for (number, (block, size)) in blocks.into_iter().zip(sizes).enumerate() {
            assert!(holds(block, size, number as u8 + 1), "block {number}");
        }
    }

    #[test]
    fn blocks_in_the_buffer_are_aligned_to_eight_bytes() {
        let memory = BumpAllocator::<64>::new();
        assert!([1, 7, 9, 8].map(|size| memory.alloc(size).addr() % 8).iter().all(|offset| *offset == 0));
    }

    #[test]
    fn cleared_memory_is_reused() {
        let memory = BumpAllocator::<64>::new();
        let (first, large) = (memory.alloc(64), memory.alloc(65));
        fill(large, 65, 1);
        memory.clear();
        assert_eq!(memory.alloc(64), first);
        assert!(memory.heap_blocks.borrow().is_empty());
    }

    #[test]
    fn only_heap_blocks_are_freed_individually() {
        let memory = BumpAllocator::<64>::new();
        let (inside, first, second) = (memory.alloc(60), memory.alloc(65), memory.alloc(66));
        memory.free(inside);
        memory.free(core::ptr::null());
        memory.free(first);
        assert_eq!(memory.heap_blocks.borrow().len(), 1);
        fill(inside, 60, 1);
        fill(second, 66, 2);
        memory.free(second);
        assert!(memory.heap_blocks.borrow().is_empty());
    }

    #[test]
    fn a_failed_allocation_returns_null_and_keeps_other_blocks() {
        let memory = BumpAllocator::<64>::new();
        let block = memory.alloc(8);
        assert!(memory.alloc(usize::MAX).is_null());
        fill(block, 8, 1);
        assert!(!memory.alloc(8).is_null());
    }
}
