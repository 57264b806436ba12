//! What the host may call.

use super::arena;
use crate::module;

/// Memory for a record. The host looks for this and [`free`] together; without them it has a few KiB of its own.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    arena::lend(size)
}

/// The host has copied the reply.
#[unsafe(no_mangle)]
extern "C" fn free(block: *mut u8) {
    arena::take_back(block);
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Makes the module a reactor: without it the linker takes it for a command and sets it up and tears it down around
/// every call. The host calls it once.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker makes this function, and it is called once, before everything else.
    unsafe { __wasm_call_ctors() };
    module::start();
}

/// Judges one record; the reply ends with a NUL and stays until the next call.
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
    let is_there =
        !record.is_null() && (record as usize).checked_add(record_len).is_some_and(|end| end <= memory);
    if !is_there {
        return module::missing(record_len);
    }
    // SAFETY: these bytes are memory, and the host, which filled them, waits for the reply; nobody writes to them, since
    // blocks are lent one beside the other.
    let bytes = unsafe { core::slice::from_raw_parts(record, record_len) };
    module::judge(seconds, nanoseconds, bytes).unwrap_or(record)
}

/// The end of input, where somebody knows of it: everything that still waits, a record a line, and a NUL.
#[unsafe(no_mangle)]
extern "C" fn nearmiss_finish() -> *const u8 {
    module::finish()
}
