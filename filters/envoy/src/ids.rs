//! Hash maps keyed by consecutive ids.

use core::hash::{BuildHasherDefault, Hasher};

/// A map from ids to values.
pub(crate) type IdMap<T> = hashbrown::HashMap<u32, T, BuildHasherDefault<IdHasher>>;

/// A multiplicative hash. The ids are assigned by the proxy or the core, so collisions cannot be provoked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
