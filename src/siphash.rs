//! SipHash-2-4, a keyed hash of bytes: without the key, neither its results nor the bytes can be guessed.

use core::fmt;

/// A key of 128 bits. It is never shown, not even by `Debug`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SipKey(u64, u64);

impl SipKey {
    /// Derives a key from a secret of any length; the key is as hard to guess as the secret.
    pub fn derive(secret: &[u8]) -> Self {
        const FIRST: SipKey = SipKey(0x6e65_6172_6d69_7373, 0x686f_7374_732d_6b31);
        const SECOND: SipKey = SipKey(0x6e65_6172_6d69_7373, 0x686f_7374_732d_6b32);
        Self(FIRST.hash(secret), SECOND.hash(secret))
    }

    /// Returns the hash of `bytes`.
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        let mut state = State::new(self);
        let mut rest = bytes;
        while let Some((word, behind)) = rest.split_first_chunk() {
            state.absorb(u64::from_le_bytes(*word));
            rest = behind;
        }
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u64::from(*byte));
        state.absorb((bytes.len() as u64) << 56 | tail);
        state.finish()
    }
}

impl fmt::Debug for SipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SipKey(…)")
    }
}

/// The internal state, with the names of the specification.
struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    fn new(SipKey(k0, k1): SipKey) -> Self {
        Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        }
    }

    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        (0..2).for_each(|_| self.round());
        self.v0 ^= word;
    }

    fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        (0..4).for_each(|_| self.round());
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The key of the specification's test vectors: the bytes 0 to 15.
    const KEY: SipKey = SipKey(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);

    #[test]
    fn hashes_are_those_of_the_specification() {
        for (length, expected) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] {
            let message: Vec<u8> = (0..length).collect();
            assert_eq!(KEY.hash(&message), expected, "{length} bytes");
        }
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{KEY:?}"), "SipKey(…)");
    }

    #[test]
    fn both_halves_of_a_derived_key_depend_on_the_secret_and_differ() {
        let (one, other) = (SipKey::derive(b"secret-1"), SipKey::derive(b"secret-2"));
        assert!(one.0 != other.0 && one.1 != other.1 && one.0 != one.1);
    }

    proptest! {
        #[test]
        fn hashes_are_those_of_the_standard_library(k0: u64, k1: u64, message: Vec<u8>) {
            #[allow(deprecated, reason = "deprecated for hash maps, but still SipHash-2-4")]
            let mut oracle = core::hash::SipHasher::new_with_keys(k0, k1);
            core::hash::Hasher::write(&mut oracle, &message);
            prop_assert_eq!(SipKey(k0, k1).hash(&message), core::hash::Hasher::finish(&oracle));
        }
    }
}
