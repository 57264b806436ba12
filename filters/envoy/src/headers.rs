//! Header maps in the encoding of proxy-wasm: the number of pairs, the two lengths of each pair, then name and value of each
//! pair, each followed by a NUL.
//!
//! Names and values are bytes: values may be empty and need not be UTF-8. A truncated or corrupt map ends at the last pair that
//! can be read.

use alloc::vec::Vec;

/// The pairs of a header map, in order.
#[derive(Clone, Debug)]
pub(crate) struct Headers<'a> {
    lengths: &'a [u8],
    texts: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Reads an encoded map; no bytes are an empty map.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::split(bytes).unwrap_or(Self { lengths: &[], texts: &[] })
    }

    /// Encodes the pairs that have not been taken, for [`new`](Self::new).
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let count = (self.lengths.len() / 8) as u32;
        [&count.to_le_bytes(), self.lengths, self.texts].concat()
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (lengths, texts) = rest.split_at_checked(count.checked_mul(8)?)?;
        Some(Self { lengths, texts })
    }

    fn length(&mut self) -> Option<usize> {
        let (length, rest) = self.lengths.split_first_chunk::<4>()?;
        self.lengths = rest;
        usize::try_from(u32::from_le_bytes(*length)).ok()
    }

    fn text(&mut self, length: usize) -> Option<&'a [u8]> {
        let (text, rest) = self.texts.split_at_checked(length)?;
        self.texts = rest.get(1..)?;
        Some(text)
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = (self.length()?, self.length()?);
        Some((self.text(name)?, self.text(value)?))
    }
}

/// Encodes a map.
pub(crate) fn serialize_map(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(part.as_bytes());
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
        for (name, value) in pairs {
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend((value.len() as u32).to_le_bytes());
        }
        for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend(*part);
            bytes.push(0);
        }
        bytes
    }

    #[test]
    fn pairs_keep_their_order_even_if_empty_binary_or_repeated() {
        let long = vec![b'x'; 65_536];
        let pairs: [(&[u8], &[u8]); 4] = [(b"a", b""), (b"b", b"\xff\0\xfe"), (b"a", b"1"), (b"long", &long)];
        assert_eq!(Headers::new(&map(&pairs)).collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn a_truncated_map_ends_at_the_last_whole_pair() {
        let whole = map(&[(b"first", b"1"), (b"second", b"2")]);
        for end in 0..whole.len() {
            assert!(Headers::new(&whole[..end]).count() <= 1, "cut at {end}");
        }
        assert_eq!(Headers::new(&[0xff; 40]).count(), 0);
        assert_eq!(Headers::new(&[]).count(), 0);
    }
}
