//! An allocator that has something put by.
//!
//! Where no more memory can be had, what is under way still ends well: it gets what was put by. Whoever begins something new
//! asks first whether there is a reserve again, and leaves it be if there is none.

use crate::Local;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

/// An allocator with `SIZE` bytes put by, once [`refill`](Self::refill) has been called.
#[derive(Debug)]
pub(crate) struct Reserve<A, const SIZE: usize> {
    inner: A,
    /// Null if there is nothing.
    spare: Local<Cell<*mut u8>>,
}

impl<A: GlobalAlloc, const SIZE: usize> Reserve<A, SIZE> {
    const LAYOUT: Layout = Layout::new::<[u8; SIZE]>();

    /// Nothing is put by yet.
    pub(crate) const fn new(inner: A) -> Self {
        const { assert!(SIZE > 0, "memory is asked for by its size") };
        Self { inner, spare: Local::new(Cell::new(core::ptr::null_mut())) }
    }

    /// Whether something is put by, or could be just now.
    pub(crate) fn refill(&self) -> bool {
        self.spare.with(|spare| {
            if spare.get().is_null() {
                // SAFETY: the layout has a size.
                spare.set(unsafe { self.inner.alloc(Self::LAYOUT) });
            }
            !spare.get().is_null()
        })
    }

    /// What `ask` gives, with what was put by if need be; more than that would not help.
    fn or_spare(&self, size: usize, ask: impl Fn() -> *mut u8) -> *mut u8 {
        let block = ask();
        if !block.is_null() || size > SIZE {
            return block;
        }
        let spare = self.spare.with(|spare| spare.replace(core::ptr::null_mut()));
        if spare.is_null() {
            return block;
        }
        // SAFETY: the block came from this allocator, with this layout, and nobody else knows of it.
        unsafe { self.inner.dealloc(spare, Self::LAYOUT) };
        ask()
    }
}

// SAFETY: every block is one of the inner allocator's, asked for and given back with the layout that the caller promises.
unsafe impl<A: GlobalAlloc, const SIZE: usize> GlobalAlloc for Reserve<A, SIZE> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.or_spare(layout.size(), || unsafe { self.inner.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.or_spare(layout.size(), || unsafe { self.inner.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; a block that could not be made larger is as it was.
        self.or_spare(size, || unsafe { self.inner.realloc(block, layout, size) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    /// So many bytes and no more.
    struct Scarce(Cell<usize>);

    // SAFETY: the blocks are the system's.
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

    /// Asks for some bytes, writes them, and gives back where they are.
    fn take(from: &Tested, size: usize) -> *mut u8 {
        // SAFETY: no test asks for nothing.
        let block = unsafe { from.alloc(bytes(size)) };
        if !block.is_null() {
            // SAFETY: there are as many.
            unsafe { block.write_bytes(1, size) };
        }
        block
    }

    fn give_back(to: &Tested, block: *mut u8, size: usize) {
        // SAFETY: every test gives back what it took, once.
        unsafe { to.dealloc(block, bytes(size)) };
    }

    #[test]
    fn what_was_put_by_is_there_when_nothing_else_is() {
        let memory = with(150);
        assert!(memory.refill() && memory.refill());
        let (first, second) = (take(&memory, 50), take(&memory, 60));
        assert!(!first.is_null() && !second.is_null());
        assert!(!memory.refill(), "it is in use");
        assert!(take(&memory, 60).is_null());
        give_back(&memory, first, 50);
        give_back(&memory, second, 60);
        assert!(memory.refill());
        give_back(&memory, take(&memory, 100), 100);
    }

    #[test]
    fn it_is_not_given_up_for_what_is_larger() {
        let memory = with(150);
        assert!(memory.refill() && take(&memory, 101).is_null());
        let rest = take(&memory, 50);
        assert!(!rest.is_null() && memory.refill());
        give_back(&memory, rest, 50);
        give_back(&memory, take(&memory, 100), 100);
        give_back(&memory, take(&memory, 100), 100);
    }

    #[test]
    fn a_block_that_grows_keeps_what_is_in_it() {
        let memory = with(150);
        assert!(memory.refill());
        let block = take(&memory, 40);
        // SAFETY: the block was taken with this size; what came back has room for eighty bytes.
        let grown = unsafe { memory.realloc(block, bytes(40), 80) };
        assert!(!grown.is_null());
        // SAFETY: the first forty were written, and were taken along.
        assert!(unsafe { core::slice::from_raw_parts(grown, 40) }.iter().all(|byte| *byte == 1));
        give_back(&memory, grown, 80);
    }
}
