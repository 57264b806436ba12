//! A hash of bytes and a mixer of bits, the same on every host.

/// Returns a hash of bytes, the same on every host: two lanes of machine words, each rotated and multiplied, and a final mix.
pub fn hash(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |lane: u64, word: u64| (lane.rotate_left(23) ^ word).wrapping_mul(ODD);
    let (mut even, mut odd) = (bytes.len() as u64, ODD);
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first_chunk() {
        even = step(even, u64::from_le_bytes(*first));
        rest = behind;
        if let Some((second, behind)) = rest.split_first_chunk() {
            odd = step(odd, u64::from_le_bytes(*second));
            rest = behind;
        }
    }
    // The tail is shorter than a word: from four bytes on, its first and its last four bytes, which may overlap.
    let tail = match (rest.first_chunk(), rest.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => rest.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte)),
    };
    mix(step(odd, tail) ^ even.rotate_left(32))
}

/// Spreads each bit of a number over all bits.
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^ number >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_name_counts() {
        for length in 0..40 {
            let name = "a".repeat(length);
            let longer = name.clone() + "\0";
            assert_ne!(hash(name.as_bytes()), hash(longer.as_bytes()));
            for place in 0..length {
                let mut other = name.clone().into_bytes();
                other[place] = b'b';
                assert_ne!(hash(name.as_bytes()), hash(&other), "{place} of {length}");
            }
        }
    }
}
