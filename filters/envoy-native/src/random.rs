//! Random numbers of the system.

use std::fs::File;
use std::io::Read;

/// Returns random bytes that cannot be guessed; `None` if the system has none.
pub(crate) fn bytes<const COUNT: usize>() -> Option<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).ok()?;
    Some(bytes)
}
