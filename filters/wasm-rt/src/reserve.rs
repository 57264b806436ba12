//! An allocator with an emergency reserve.
//!
//! When memory is exhausted, the call in progress still completes: the allocator releases the reserve for it. Callers refill
//! the reserve before they begin new work, and skip that work if refilling fails.

use crate::Local;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

/// An allocator that keeps `SIZE` bytes in reserve once [`refill`](Self::refill) has been called.
#[derive(Debug)]
pub(crate) struct Reserve<A, const SIZE: usize> {
    inner: A,
    /// The reserve; null while it is in use.
    spare: Local<Cell<*mut u8>>,
}

impl<A: GlobalAlloc, const SIZE: usize> Reserve<A, SIZE> {
    const LAYOUT: Layout = Layout::new::<[u8; SIZE]>();

    /// Creates an allocator whose reserve is still empty.
    pub(crate) const fn new(inner: A) -> Self {
        const { assert!(SIZE > 0, "an allocation needs a size above zero") };
        Self { inner, spare: Local::new(Cell::new(core::ptr::null_mut())) }
    }

    /// Returns true if the reserve is intact or could be allocated again.
    pub(crate) fn refill(&self) -> bool {
        self.spare.with(|spare| {
            if spare.get().is_null() {
                // SAFETY: the layout's size is not zero.
                spare.set(unsafe { self.inner.alloc(Self::LAYOUT) });
            }
            !spare.get().is_null()
        })
    }

    /// Calls `allocate`, and again without the reserve if it fails; a larger request than the reserve is not tried again.
    fn with_reserve(&self, size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
        let block = allocate();
        if !block.is_null() || size > SIZE {
            return block;
        }
        let spare = self.spare.with(|spare| spare.replace(core::ptr::null_mut()));
        if spare.is_null() {
            return block;
        }
        // SAFETY: the block came from this allocator with this layout, and no other pointer to it exists.
        unsafe { self.inner.dealloc(spare, Self::LAYOUT) };
        allocate()
    }
}

// SAFETY: every block is the inner allocator's, allocated and freed with the layout that the caller promises.
unsafe impl<A: GlobalAlloc, const SIZE: usize> GlobalAlloc for Reserve<A, SIZE> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.with_reserve(layout.size(), || unsafe { self.inner.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.with_reserve(layout.size(), || unsafe { self.inner.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; a failed `realloc` does not change the block.
        self.with_reserve(size, || unsafe { self.inner.realloc(block, layout, size) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    /// An allocator with a limited number of bytes.
    struct Scarce(Cell<usize>);

    // SAFETY: the blocks are those of the system allocator.
    unsafe impl GlobalAlloc for Scarce {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let Some(left) = self.0.get().checked_sub(layout.size()) else { return core::ptr::null_mut() };
            self.0.set(left);
            // SAFETY: the caller's promise.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            self.0.set(self.0.get() + layout.size());
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(block, layout) };
        }
    }

    type Tested = Reserve<Scarce, 100>;

    fn with(bytes: usize) -> Tested {
        Tested::new(Scarce(Cell::new(bytes)))
    }

    const fn bytes(size: usize) -> Layout {
        match Layout::array::<u8>(size) {
            Ok(layout) => layout,
            Err(_) => panic!("a small size"),
        }
    }

    /// Allocates `size` bytes and writes them.
    fn allocate(from: &Tested, size: usize) -> *mut u8 {
        // SAFETY: no test allocates zero bytes.
        let block = unsafe { from.alloc(bytes(size)) };
        if !block.is_null() {
            // SAFETY: the block has `size` bytes.
            unsafe { block.write_bytes(1, size) };
        }
        block
    }

    fn free(to: &Tested, block: *mut u8, size: usize) {
        // SAFETY: every test frees each block once, with the size it was allocated with.
        unsafe { to.dealloc(block, bytes(size)) };
    }

    #[test]
    fn the_reserve_is_used_when_memory_is_exhausted() {
        let memory = with(150);
        assert!(memory.refill() && memory.refill());
        let (first, second) = (allocate(&memory, 50), allocate(&memory, 60));
        assert!(!first.is_null() && !second.is_null());
        assert!(!memory.refill(), "the reserve is in use");
        assert!(allocate(&memory, 60).is_null());
        free(&memory, first, 50);
        free(&memory, second, 60);
        assert!(memory.refill());
        free(&memory, allocate(&memory, 100), 100);
    }

    #[test]
    fn a_request_larger_than_the_reserve_does_not_use_it() {
        let memory = with(150);
        assert!(memory.refill() && allocate(&memory, 101).is_null());
        let rest = allocate(&memory, 50);
        assert!(!rest.is_null() && memory.refill());
        free(&memory, rest, 50);
        free(&memory, allocate(&memory, 100), 100);
        free(&memory, allocate(&memory, 100), 100);
    }

    #[test]
    fn a_block_that_grows_keeps_its_content() {
        let memory = with(150);
        assert!(memory.refill());
        let block = allocate(&memory, 40);
        // SAFETY: the block was allocated with this size.
        let grown = unsafe { memory.realloc(block, bytes(40), 80) };
        assert!(!grown.is_null());
        // SAFETY: the first forty bytes were written before, and `realloc` copies them.
        assert!(unsafe { core::slice::from_raw_parts(grown, 40) }.iter().all(|byte| *byte == 1));
        free(&memory, grown, 80);
    }
}
