//! ASCII text, checked eight bytes at a time.

/// Returns `bytes` as text if all of them are ASCII.
pub fn ascii_str(bytes: &[u8]) -> Option<&str> {
    // SAFETY: ASCII is UTF-8.
    is_ascii(bytes).then(|| unsafe { core::str::from_utf8_unchecked(bytes) })
}

fn is_ascii(bytes: &[u8]) -> bool {
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let Some(last) = bytes.last_chunk() else {
        return bytes.iter().fold(0, |all, byte| all | byte) < 0x80;
    };
    // The last word overlaps the one before, unless the length is a multiple of eight.
    let (words, _) = bytes.as_chunks();
    words.iter().fold(u64::from_ne_bytes(*last), |all, word| all | u64::from_ne_bytes(*word)) & TOPS == 0
}

#[cfg(test)]
mod tests {
    use super::ascii_str;
    use std::vec;

    #[test]
    fn a_byte_that_is_not_ascii_is_found_at_every_position() {
        for length in 0..40 {
            let text = vec![0x7f_u8; length];
            assert_eq!(ascii_str(&text).map(str::as_bytes), Some(&*text));
            for index in 0..length {
                let mut other = text.clone();
                other[index] = 0x80;
                assert_eq!(ascii_str(&other), None, "byte {index} of {length}");
            }
        }
    }
}
