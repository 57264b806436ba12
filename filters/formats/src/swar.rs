//! Byte searches and comparisons, a machine word at a time (SWAR).

/// A word whose bytes are all 0x01.
pub(crate) const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
/// A word whose bytes are all 0x80.
pub(crate) const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Returns true if two texts are equal.
#[inline]
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (blocks_a, blocks_b) = (a.as_chunks().0, b.as_chunks().0);
    for (a, b) in blocks_a.iter().zip(blocks_b) {
        if diff_32(a, b) != 0 {
            return false;
        }
    }
    // The rest is at the end; some of its bytes may be compared twice.
    if let (Some(a), Some(b)) = (a.last_chunk(), b.last_chunk()) {
        return diff_32(a, b) == 0;
    }
    if let (Some(first_a), Some(first_b)) = (a.first_chunk(), b.first_chunk())
        && let (Some(last_a), Some(last_b)) = (a.last_chunk(), b.last_chunk())
    {
        return diff_16(first_a, first_b) | diff_16(last_a, last_b) == 0;
    }
    if let (Some(first_a), Some(first_b)) = (a.first_chunk(), b.first_chunk())
        && let (Some(last_a), Some(last_b)) = (a.last_chunk(), b.last_chunk())
    {
        return diff_8(first_a, first_b) | diff_8(last_a, last_b) == 0;
    }
    a == b
}

#[inline]
fn diff_32(a: &[u8; 32], b: &[u8; 32]) -> u64 {
    let ([a, c], [b, d]) = (a.as_chunks().0, b.as_chunks().0) else { return 1 };
    diff_16(a, b) | diff_16(c, d)
}

#[inline]
fn diff_16(a: &[u8; 16], b: &[u8; 16]) -> u64 {
    let ([a, c], [b, d]) = (a.as_chunks().0, b.as_chunks().0) else { return 1 };
    diff_8(a, b) | diff_8(c, d)
}

/// Returns the bits in which two words differ.
#[inline]
fn diff_8(a: &[u8; 8], b: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)
}

/// Returns up to eight bytes as a little-endian word, padded with zeros.
#[inline]
pub(crate) fn word_of(text: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        // The two halves may overlap.
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (text.len() as u32 - 4).min(7));
    }
    text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Returns the position of the first `a` or `b` at or after `from`.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
#[cfg_attr(target_arch = "wasm32", inline)]
pub(crate) fn find_either(bytes: &[u8], from: usize, a: u8, b: u8) -> Option<usize> {
    let (wide_a, wide_b) = (ONES * u64::from(a), ONES * u64::from(b));
    let mut rest = bytes.get(from..)?;
    while let Some((word, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ wide_a) | zeros(word ^ wide_b);
        if found != 0 {
            return Some(bytes.len() - rest.len() + (found.trailing_zeros() / 8) as usize);
        }
        rest = if cfg!(target_arch = "wasm32") { after } else { skip_blocks(after, a, b) };
    }
    let position = rest.iter().position(|byte| *byte == a || *byte == b)?;
    Some(bytes.len() - rest.len() + position)
}

/// Returns what is left of a text after the blocks at its start that hold neither `a` nor `b`. A vector instruction compares a whole block;
/// our wasm modules have none.
#[inline(always)]
fn skip_blocks(mut rest: &[u8], a: u8, b: u8) -> &[u8] {
    let has_either =
        |block: &[u8; 16]| block.iter().fold(false, |found, byte| found | (*byte == a) | (*byte == b));
    while let Some((block, after)) = rest.split_first_chunk()
        && !has_either(block)
    {
        rest = after;
    }
    rest
}

/// Returns the position of the first `wanted` at or after `from`.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
#[cfg_attr(target_arch = "wasm32", inline)]
pub(crate) fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    find_either(bytes, from, wanted, wanted)
}

/// Returns true if `text` contains `wanted`, which is not empty.
pub(crate) fn contains_text(text: &[u8], wanted: &[u8]) -> bool {
    find_text(text, wanted).is_some()
}

/// Returns the text before and after the first `wanted`, which is not empty. The standard library's search takes 2 KiB of a module.
pub(crate) fn split_at_text<'a>(text: &'a str, wanted: &str) -> Option<(&'a str, &'a str)> {
    let (before, rest) = text.split_at_checked(find_text(text.as_bytes(), wanted.as_bytes())?)?;
    Some((before, rest.get(wanted.len()..)?))
}

#[cfg_attr(target_arch = "wasm32", inline(never))]
fn find_text(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = find(text, from, first) {
        if text.get(at..).is_some_and(|rest| rest.starts_with(wanted)) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Returns true if a short text contains `wanted`.
#[cfg_attr(not(target_arch = "wasm32"), inline)]
pub(crate) fn contains(text: &[u8], wanted: u8) -> bool {
    // The last word may overlap the first.
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return first_in_word(*first, wanted).is_some()
            || first_in_word(*last, wanted).is_some()
            || text.len() > 16 && find(text, 8, wanted).is_some();
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let both = u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
        return first_in_word(both.to_le_bytes(), wanted).is_some();
    }
    text.contains(&wanted)
}

/// Returns the position of the first `wanted` among eight bytes.
#[inline]
pub(crate) fn first_in_word(bytes: [u8; 8], wanted: u8) -> Option<usize> {
    let word = u64::from_le_bytes(bytes);
    let found = zeros(word ^ (ONES * u64::from(wanted)));
    (found != 0).then(|| (found.trailing_zeros() / 8) as usize)
}

/// Returns a word in which the top bit of the first zero byte of `word` is set; bits above it may be set too.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_eight_bytes_make_a_word() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        for length in 0..=8 {
            let mut padded = [0; 8];
            padded[..length].copy_from_slice(&bytes[..length]);
            assert_eq!(word_of(&bytes[..length]), u64::from_le_bytes(padded));
        }
    }

    #[test]
    fn texts_are_equal_only_if_every_byte_is() {
        for length in 0..100 {
            let text = alloc::vec![b'a'; length];
            assert!(is_same(&text, &text.clone()));
            for position in 0..length {
                let mut other = text.clone();
                other[position] = b'b';
                assert!(!is_same(&text, &other), "{position} of {length}");
            }
        }
        assert!(!is_same(b"a", b"ab") && !is_same(&[0; 32], &[0; 64]));
    }

    #[test]
    fn the_first_of_two_bytes_is_found_at_every_position() {
        for length in 0..40 {
            for position in 0..length {
                let mut bytes = alloc::vec![0x80_u8; length];
                bytes[position] = b'"';
                bytes[position + 1..].fill(b'\\');
                for from in 0..=position {
                    assert_eq!(find_either(&bytes, from, b'"', b'\\'), Some(position));
                }
                assert_eq!(find(&bytes, position + 1, b'"'), None);
                assert!(contains(&bytes, b'"') && !contains(&bytes, b':'));
            }
        }
        assert_eq!(find(b"abc", 9, b'a'), None);
        assert_eq!(find(b"\x01\x00\x01\x00\x01\x00\x01\x00", 0, 0), Some(1));
    }
}
