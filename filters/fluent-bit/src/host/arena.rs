//! The memory that the host hands records over in.
//!
//! For every record the host asks for two blocks (the tag, the record) and frees them when it has copied the reply. Once all
//! are free their memory is used anew, so a record allocates nothing.

use core::cell::Cell;
use nearmiss_wasm_rt::{BumpAllocator, local};

/// Room for a record as logs have it.
const CHUNK: usize = 64 << 10;

local! {
    static ARENA: Arena = Arena { chunk: BumpAllocator::new(), lent: Cell::new(0) };
}

struct Arena {
    chunk: BumpAllocator<CHUNK>,
    /// How many blocks are in the host's hands.
    lent: Cell<u32>,
}

/// A block of `size` bytes; null if there is no memory.
pub(super) fn lend(size: usize) -> *mut u8 {
    ARENA.with(|arena| {
        let block = arena.chunk.alloc(size);
        arena.lent.set(arena.lent.get() + u32::from(!block.is_null()));
        block
    })
}

/// The host is done with a block.
pub(super) fn take_back(block: *mut u8) {
    if block.is_null() {
        return;
    }
    ARENA.with(|arena| {
        arena.chunk.free(block);
        arena.lent.set(arena.lent.get().saturating_sub(1));
        if arena.lent.get() == 0 {
            arena.chunk.rewind();
        }
    });
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
        let record = lend(CHUNK + 1);
        assert!(!record.is_null());
        // SAFETY: the block has as many bytes.
        unsafe { record.write_bytes(1, CHUNK + 1) };
        take_back(tag);
        take_back(record);
        assert_eq!(lend(4), tag);
        take_back(tag);
    }
}
