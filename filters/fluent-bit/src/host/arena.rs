//! The memory through which the host passes records.
//!
//! For every record the host allocates two blocks (tag and record) and frees them after it has copied the output. Once all
//! blocks are free, their memory is reused, so a record allocates nothing on the heap.

use core::cell::Cell;
use nearmiss_wasm_rt::{BumpAllocator, local};

/// Large enough for ordinary log records; a larger one gets a heap block.
const CAPACITY: usize = 64 << 10;

local! {
    static ARENA: Arena = Arena { memory: BumpAllocator::new(), blocks_in_use: Cell::new(0) };
}

struct Arena {
    memory: BumpAllocator<CAPACITY>,
    blocks_in_use: Cell<u32>,
}

/// Allocates a block of `size` bytes; null if memory is exhausted.
pub(crate) fn alloc(size: usize) -> *mut u8 {
    ARENA.with(|arena| {
        let block = arena.memory.alloc(size);
        arena.blocks_in_use.set(arena.blocks_in_use.get() + u32::from(!block.is_null()));
        block
    })
}

/// Frees a block, and reuses the memory of all blocks once the last one is free.
pub(crate) fn free(block: *mut u8) {
    if block.is_null() {
        return;
    }
    ARENA.with(|arena| {
        arena.memory.free(block);
        arena.blocks_in_use.set(arena.blocks_in_use.get().saturating_sub(1));
        if arena.blocks_in_use.get() == 0 {
            arena.memory.rewind();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_until_all_are_free() {
        let first = alloc(100);
        let second = alloc(7);
        assert_eq!(second as usize - first as usize, 104);
        free(first);
        assert_eq!(alloc(1) as usize - first as usize, 112, "one is still in use");
        free(second);
        free(first);
        assert_eq!(alloc(8), first);
        free(first);
    }

    #[test]
    fn a_large_record_gets_a_heap_block_that_is_freed() {
        let tag = alloc(4);
        let record = alloc(CAPACITY + 1);
        assert!(!record.is_null());
        // SAFETY: the block has `CAPACITY + 1` bytes.
        unsafe { record.write_bytes(1, CAPACITY + 1) };
        free(tag);
        free(record);
        assert_eq!(alloc(4), tag);
        free(tag);
    }
}
