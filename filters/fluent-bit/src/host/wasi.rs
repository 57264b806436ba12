//! The calls of WASI preview 1 that this module makes.
//!
//! Away from WebAssembly, where unit tests run, every call is refused.

use alloc::vec::Vec;

/// The host did not do it; the number is its reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused(pub(crate) u32);

/// There is no such folder, so the one before was the last.
const NO_FOLDER: u32 = 8;
/// There is no such file.
const NOT_FOUND: u32 = 44;
/// The first folder that the host has opened for the module.
const FIRST_FOLDER: u32 = 3;
const STANDARD_ERROR: u32 = 2;
const REALTIME: u32 = 0;
const RIGHT_TO_READ: u64 = 1 << 1;

macro_rules! calls {
    ($(fn $name:ident($($argument:ident: $kind:ty),* $(,)?);)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            $(fn $name($($argument: $kind),*) -> u32;)*
        }

        $(
            #[cfg(not(target_arch = "wasm32"))]
            #[allow(clippy::too_many_arguments, reason = "they are the interface's")]
            unsafe fn $name($(_: $kind),*) -> u32 {
                52
            }
        )*
    };
}

calls! {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64);
    fn fd_close(fd: u32);
    fn fd_prestat_get(fd: u32, prestat: *mut [u32; 2]);
    fn fd_read(fd: u32, pieces: *const Piece, count: usize, read: *mut usize);
    fn fd_write(fd: u32, pieces: *const Piece, count: usize, written: *mut usize);
    fn path_open(
        folder: u32, lookup: u32, path: *const u8, path_len: usize, how: u32, rights: u64, inherited: u64, flags: u32,
        opened: *mut u32,
    );
    fn random_get(bytes: *mut u8, count: usize);
}

/// A piece of memory to read to or to write from.
#[repr(C)]
struct Piece {
    start: *mut u8,
    len: usize,
}

/// What the host's clock says, in microseconds; 0 if it says nothing.
pub(crate) fn now() -> u64 {
    let mut nanoseconds = 0;
    // SAFETY: the host writes eight bytes to where they belong.
    let status = unsafe { clock_time_get(REALTIME, 1_000, &raw mut nanoseconds) };
    if status == 0 { nanoseconds / 1_000 } else { 0 }
}

/// A number that no other instance has; 0 if the host gives none.
pub(crate) fn random() -> u32 {
    let mut bytes = [0; 4];
    // SAFETY: the host writes as many bytes as there are.
    let status = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
    if status == 0 { u32::from_le_bytes(bytes) } else { 0 }
}

/// Writes a line to standard error.
pub(crate) fn complain(line: &str) {
    let mut text = Vec::from(line);
    text.push(b'\n');
    let piece = Piece { start: text.as_mut_ptr(), len: text.len() };
    let mut written = 0;
    // SAFETY: the piece is memory of ours, which the host reads.
    let _ = unsafe { fd_write(STANDARD_ERROR, &raw const piece, 1, &raw mut written) };
}

/// The content of the file of that name in the first folder that has it, cut at `max` bytes; `None` if none has it.
pub(crate) fn read_file(name: &str, max: usize) -> Result<Option<Vec<u8>>, Refused> {
    for folder in FIRST_FOLDER.. {
        let mut prestat = [0; 2];
        // SAFETY: the host writes eight bytes to where they belong.
        match unsafe { fd_prestat_get(folder, &raw mut prestat) } {
            0 => {}
            NO_FOLDER => break,
            other => return Err(Refused(other)),
        }
        let mut file = 0;
        // SAFETY: the name is memory of ours that the host reads, and it writes the file's number to where that belongs.
        let status =
            unsafe { path_open(folder, 0, name.as_ptr(), name.len(), 0, RIGHT_TO_READ, 0, 0, &raw mut file) };
        match status {
            0 => {
                let content = read_to_end(file, max);
                // SAFETY: the file was opened above.
                unsafe { fd_close(file) };
                return content.map(Some);
            }
            NOT_FOUND => {}
            other => return Err(Refused(other)),
        }
    }
    Ok(None)
}

fn read_to_end(file: u32, max: usize) -> Result<Vec<u8>, Refused> {
    const CHUNK: usize = 4 << 10;
    let mut content = Vec::new();
    while content.len() < max {
        let known = content.len();
        content.resize(known + CHUNK, 0);
        let free = content.get_mut(known..).unwrap_or_default();
        let piece = Piece { start: free.as_mut_ptr(), len: free.len() };
        let mut read = 0;
        // SAFETY: the piece is memory of ours that nothing else refers to, and the host writes at most as much.
        let status = unsafe { fd_read(file, &raw const piece, 1, &raw mut read) };
        content.truncate(known + read.min(CHUNK));
        if status != 0 {
            return Err(Refused(status));
        }
        if read == 0 {
            break;
        }
    }
    Ok(content)
}
