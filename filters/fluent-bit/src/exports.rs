//! The functions that the host calls.

use crate::host::arena;
use crate::instance;

/// Allocates memory for a record. The host uses `malloc` and [`free`] if the module exports both; otherwise it allocates records
/// from a heap of a few KiB.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    arena::alloc(size)
}

/// Frees a block; the host calls it after it has copied the output.
#[unsafe(no_mangle)]
extern "C" fn free(block: *mut u8) {
    arena::free(block);
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Initialises the module; the host calls it once. Without this export the linker treats the module as a command and runs
/// constructors and destructors around every call.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker generates this function, and it is called once, before everything else.
    unsafe { __wasm_call_ctors() };
    instance::start();
}

/// Processes one record. The output ends with a NUL and is valid until the next call.
#[unsafe(no_mangle)]
extern "C" fn near_miss(
    _tag: *const u8,
    _tag_len: usize,
    seconds: u32,
    nanoseconds: u32,
    record: *const u8,
    record_len: usize,
) -> *const u8 {
    let memory = core::arch::wasm32::memory_size(0) << 16;
    let is_readable =
        !record.is_null() && (record as usize).checked_add(record_len).is_some_and(|end| end <= memory);
    if !is_readable {
        return instance::out_of_memory(record_len);
    }
    // SAFETY: the bytes are within memory. The host has written them and waits for the output, and nothing else writes to
    // them, because allocated blocks do not overlap.
    let bytes = unsafe { core::slice::from_raw_parts(record, record_len) };
    instance::process(seconds, nanoseconds, bytes).unwrap_or(record)
}

/// Ends the input, for hosts that can signal its end. Returns all queued records, one per line, and a NUL.
#[unsafe(no_mangle)]
extern "C" fn nearmiss_finish() -> *const u8 {
    instance::finish()
}
