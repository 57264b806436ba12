//! Calls of the host through WASI preview 1: the clock, random numbers, files and standard error.

use alloc::string::String;
use alloc::vec::Vec;
use wasi::{Ciovec, Errno, Fd, Iovec};

/// The first preopened directory.
const FIRST_PREOPEN: Fd = 3;

/// Returns the current time in microseconds since the Unix epoch; 0 if the host has no clock.
pub(crate) fn now_micros() -> u64 {
    // SAFETY: the crate passes a buffer of its own.
    let nanoseconds = unsafe { wasi::clock_time_get(wasi::CLOCKID_REALTIME, 1_000) };
    nanoseconds.map_or(0, |nanoseconds| nanoseconds / 1_000)
}

/// Returns random bytes; `None` if the host has none.
pub(crate) fn random_bytes<const COUNT: usize>() -> Option<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    // SAFETY: the host writes exactly `bytes.len()` bytes.
    let filled = unsafe { wasi::random_get(bytes.as_mut_ptr(), bytes.len()) };
    filled.ok().map(|()| bytes)
}

/// Writes a line to standard error.
pub(crate) fn write_stderr(line: &str) {
    let mut text = Vec::from(line);
    text.push(b'\n');
    // SAFETY: the buffer is valid for reads during the call.
    let _ = unsafe { wasi::fd_write(wasi::FD_STDERR, &[Ciovec { buf: text.as_ptr(), buf_len: text.len() }]) };
}

/// Reads the file `name` from the first preopened directory that has it, up to `max` bytes rounded up to whole reads; `None`
/// if no directory has it. An error is WASI's number.
pub(crate) fn read_file(name: &str, max: usize) -> Result<Option<Vec<u8>>, u16> {
    for directory in FIRST_PREOPEN.. {
        // SAFETY: the crate passes a buffer of its own.
        match unsafe { wasi::fd_prestat_get(directory) } {
            Ok(_) => {}
            // The one before it was the last.
            Err(wasi::ERRNO_BADF) => break,
            Err(other) => return Err(other.raw()),
        }
        // The files of a mounted ConfigMap are symbolic links.
        let lookup = wasi::LOOKUPFLAGS_SYMLINK_FOLLOW;
        // SAFETY: the name is valid for reads during the call.
        match unsafe { wasi::path_open(directory, lookup, name, 0, wasi::RIGHTS_FD_READ, 0, 0) } {
            Ok(file) => {
                let content = read_to_end(file, max);
                // SAFETY: the file was opened above.
                let _ = unsafe { wasi::fd_close(file) };
                return content.map(Some).map_err(|error| error.raw());
            }
            Err(wasi::ERRNO_NOENT) => {}
            Err(other) => return Err(other.raw()),
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
        // SAFETY: the crate passes a buffer of its own; a preopened descriptor is a directory.
        let Ok(length) =
            (unsafe { wasi::fd_prestat_get(directory).map(|prestat| prestat.u.dir.pr_name_len) })
        else {
            break;
        };
        let mut name = Vec::new();
        name.resize(length.min(MAX_NAME), 0);
        // SAFETY: the host writes at most `name.len()` bytes.
        if unsafe { wasi::fd_prestat_dir_name(directory, name.as_mut_ptr(), name.len()) }.is_ok() {
            names.push(String::from_utf8_lossy(&name).trim_end_matches('\0').into());
        }
    }
    names
}

fn read_to_end(file: Fd, max: usize) -> Result<Vec<u8>, Errno> {
    const READ_SIZE: usize = 4 << 10;
    let mut content = Vec::new();
    while content.len() < max {
        let start = content.len();
        content.resize(start + READ_SIZE, 0);
        let free = content.get_mut(start..).unwrap_or_default();
        // SAFETY: the buffer is valid for writes during the call, and the host writes at most its length.
        let read = unsafe { wasi::fd_read(file, &[Iovec { buf: free.as_mut_ptr(), buf_len: free.len() }]) }?;
        content.truncate(start + read.min(READ_SIZE));
        if read == 0 {
            break;
        }
    }
    Ok(content)
}
