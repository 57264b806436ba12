//! Text that is ASCII, found to be some eight bytes at a time.

/// What `bytes` say, if they are ASCII.
pub fn ascii(bytes: &[u8]) -> Option<&str> {
    // SAFETY: ASCII is UTF-8.
    is_ascii(bytes).then(|| unsafe { core::str::from_utf8_unchecked(bytes) })
}

fn is_ascii(bytes: &[u8]) -> bool {
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let Some(last) = bytes.last_chunk() else {
        return bytes.iter().fold(0, |all, byte| all | byte) < 0x80;
    };
    // Some bytes of the last word are looked at for the second time.
    let (words, _) = bytes.as_chunks();
    words.iter().fold(u64::from_ne_bytes(*last), |all, word| all | u64::from_ne_bytes(*word)) & TOPS == 0
}

#[cfg(test)]
mod tests {
    use super::ascii;
    use std::vec;

    #[test]
    fn one_byte_that_is_not_ascii_is_found_at_every_place() {
        for length in 0..40 {
            let text = vec![0x7f_u8; length];
            assert_eq!(ascii(&text).map(str::as_bytes), Some(&*text));
            for place in 0..length {
                let mut other = text.clone();
                other[place] = 0x80;
                assert_eq!(ascii(&other), None, "{place} of {length}");
            }
        }
    }
}
