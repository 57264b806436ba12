//! The WASI preview 1 calls of this module.
//!
//! They are declared here and not taken from the crate `wasi`, which would add 298 bytes to the module, and 259 with its wrappers. `host-tests/sim/tests/fluent_bit_filter/surface.rs` compares the signatures with the crate's.
//!
//! On native targets, where unit tests run, every call fails with error 52, `nosys`.

use alloc::string::String;
use alloc::vec::Vec;

/// The error number of a failed call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Errno(pub(crate) u32);

/// `badf`: the descriptor is not open, so the one before it was the last preopened directory.
const ERRNO_BADF: u32 = 8;
/// `noent`: no such file.
const ERRNO_NOENT: u32 = 44;
/// The first preopened directory.
const FIRST_PREOPEN: u32 = 3;
const STDERR: u32 = 2;
const CLOCK_REALTIME: u32 = 0;
const RIGHTS_FD_READ: u64 = 1 << 1;
/// The files of a mounted ConfigMap are symbolic links.
const LOOKUP_SYMLINK_FOLLOW: u32 = 1;

macro_rules! imports {
    ($(fn $name:ident($($argument:ident: $kind:ty),* $(,)?);)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            $(fn $name($($argument: $kind),*) -> u32;)*
        }

        $(
            #[cfg(not(target_arch = "wasm32"))]
            #[allow(clippy::too_many_arguments, reason = "the signature is WASI's")]
            unsafe fn $name($(_: $kind),*) -> u32 {
                52
            }
        )*
    };
}

imports! {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64);
    fn fd_close(fd: u32);
    fn fd_prestat_dir_name(fd: u32, name: *mut u8, name_len: usize);
    fn fd_prestat_get(fd: u32, prestat: *mut [u32; 2]);
    fn fd_read(fd: u32, iovecs: *const IoVec, count: usize, read: *mut usize);
    fn fd_write(fd: u32, iovecs: *const IoVec, count: usize, written: *mut usize);
    fn path_open(
        directory: u32, lookup_flags: u32, path: *const u8, path_len: usize, open_flags: u32, rights: u64,
        rights_inheriting: u64, fd_flags: u32, opened: *mut u32,
    );
    fn random_get(bytes: *mut u8, count: usize);
}

/// A buffer to read into or write from.
#[repr(C)]
struct IoVec {
    start: *mut u8,
    len: usize,
}

/// Returns the current time in microseconds since the Unix epoch; 0 if the host has no clock.
pub(crate) fn now_micros() -> u64 {
    let mut nanoseconds = 0;
    // SAFETY: the host writes eight bytes to a `u64`.
    let status = unsafe { clock_time_get(CLOCK_REALTIME, 1_000, &raw mut nanoseconds) };
    if status == 0 { nanoseconds / 1_000 } else { 0 }
}

/// Returns random bytes; `None` if the host has none.
pub(crate) fn random_bytes<const COUNT: usize>() -> Option<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    // SAFETY: the host writes exactly `bytes.len()` bytes.
    let status = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
    (status == 0).then_some(bytes)
}

/// Writes a line to standard error.
pub(crate) fn write_stderr(line: &str) {
    let mut text = Vec::from(line);
    text.push(b'\n');
    let iovec = IoVec { start: text.as_mut_ptr(), len: text.len() };
    let mut written = 0;
    // SAFETY: the buffer is valid for reads during the call.
    let _ = unsafe { fd_write(STDERR, &raw const iovec, 1, &raw mut written) };
}

/// Reads the file `name` from the first preopened directory that has it, up to `max` bytes rounded up to whole reads; `None`
/// if no directory has it.
pub(crate) fn read_file(name: &str, max: usize) -> Result<Option<Vec<u8>>, Errno> {
    for directory in FIRST_PREOPEN.. {
        let mut prestat = [0; 2];
        // SAFETY: the host writes eight bytes to an array of eight bytes.
        match unsafe { fd_prestat_get(directory, &raw mut prestat) } {
            0 => {}
            ERRNO_BADF => break,
            other => return Err(Errno(other)),
        }
        let mut file = 0;
        // SAFETY: the name is valid for reads and `file` for writes during the call.
        let status = unsafe {
            let (path, length) = (name.as_ptr(), name.len());
            path_open(directory, LOOKUP_SYMLINK_FOLLOW, path, length, 0, RIGHTS_FD_READ, 0, 0, &raw mut file)
        };
        match status {
            0 => {
                let content = read_to_end(file, max);
                // SAFETY: the file was opened above.
                unsafe { fd_close(file) };
                return content.map(Some);
            }
            ERRNO_NOENT => {}
            other => return Err(Errno(other)),
        }
    }
    Ok(None)
}

/// Returns the names of the preopened directories.
#[allow(
    clippy::slow_vector_initialization,
    reason = "nothing else in the module needs the zeroing allocation function"
)]
pub(crate) fn directories() -> Vec<String> {
    /// Longer names are cut.
    const MAX_NAME: usize = 256;
    let mut names = Vec::new();
    for directory in FIRST_PREOPEN.. {
        let mut prestat = [0; 2];
        // SAFETY: the host writes eight bytes to an array of eight bytes.
        if unsafe { fd_prestat_get(directory, &raw mut prestat) } != 0 {
            break;
        }
        let [_, length] = prestat;
        let mut name = Vec::new();
        name.resize((length as usize).min(MAX_NAME), 0);
        // SAFETY: the host writes at most `name.len()` bytes.
        if unsafe { fd_prestat_dir_name(directory, name.as_mut_ptr(), name.len()) } == 0 {
            names.push(String::from_utf8_lossy(&name).trim_end_matches('\0').into());
        }
    }
    names
}

fn read_to_end(file: u32, max: usize) -> Result<Vec<u8>, Errno> {
    const READ_SIZE: usize = 4 << 10;
    let mut content = Vec::new();
    while content.len() < max {
        let start = content.len();
        content.resize(start + READ_SIZE, 0);
        let free = content.get_mut(start..).unwrap_or_default();
        let iovec = IoVec { start: free.as_mut_ptr(), len: free.len() };
        let mut read = 0;
        // SAFETY: the buffer is valid for writes during the call, and the host writes at most its length.
        let status = unsafe { fd_read(file, &raw const iovec, 1, &raw mut read) };
        content.truncate(start + read.min(READ_SIZE));
        if status != 0 {
            return Err(Errno(status));
        }
        if read == 0 {
            break;
        }
    }
    Ok(content)
}
