//! Reading and counting in shared data, which all VMs of one `vm_id` have in common.

use crate::proxy_wasm::hostcalls::Hostcalls;
use alloc::string::String;
use nearmiss::Timestamp;

/// Reads the four bytes at `at`; 0 where they are missing.
pub(crate) fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_le_bytes)
}

/// Reads the eight bytes at `at`; 0 where they are missing.
pub(crate) fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from(read_u32(bytes, at)) | u64::from(read_u32(bytes, at + 4)) << 32
}

/// Reads the timestamp in the eight bytes at `at`.
pub(crate) fn read_timestamp(bytes: &[u8], at: usize) -> Timestamp {
    Timestamp::from_micros(read_u64(bytes, at))
}

/// Returns the key of an entry of a plugin. Compiled once, unlike a format.
#[inline(never)]
pub(crate) fn entry(plugin: &str, name: &str) -> String {
    let mut key = String::with_capacity(plugin.len() + name.len());
    key.push_str(plugin);
    key.push_str(name);
    key
}

/// Increments a shared counter and returns its value; 0 if the counter is unavailable.
pub(crate) fn increment(hostcalls: &Hostcalls, key: &str) -> u32 {
    const MAX_TRIES: u32 = 16;
    for _ in 0..MAX_TRIES {
        let (before, version) = match hostcalls.get_shared_data(key) {
            Ok((value, version)) => (read_u32(value, 0), version),
            Err(_) => (0, 0),
        };
        let number = before.wrapping_add(1);
        if hostcalls.set_shared_data(key, Some(&number.to_le_bytes()), Some(version)).is_ok() {
            return number;
        }
    }
    0
}
