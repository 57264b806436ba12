//! A map of headers as the host hands it over: a count, each pair's two lengths, then each pair's two texts with a NUL
//! behind each.
//!
//! Names and values are bytes: values need not be UTF-8 and may be empty. A map that is cut off or makes no sense ends
//! where it stops making sense.

use alloc::vec::Vec;

/// The pairs of a map, in order.
#[derive(Clone, Debug)]
pub(crate) struct Headers<'a> {
    lengths: &'a [u8],
    texts: &'a [u8],
}

impl<'a> Headers<'a> {
    /// A map as the host writes it; nothing at all is an empty one.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::split(bytes).unwrap_or(Self { lengths: &[], texts: &[] })
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

/// A map as the host reads it.
pub(crate) fn written(pairs: &[(&str, &str)]) -> Vec<u8> {
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

/// The text of a value: all of it, or what comes before the first byte that is not UTF-8.
pub(crate) fn text(value: &[u8]) -> &str {
    match core::str::from_utf8(value) {
        Ok(text) => text,
        Err(error) => {
            let whole = value.get(..error.valid_up_to()).unwrap_or_default();
            core::str::from_utf8(whole).unwrap_or_default()
        }
    }
}

/// The decimal number that a value is; nothing where it is anything else.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    text(value).trim_ascii().parse().ok()
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
    fn pairs_come_in_order_with_empty_odd_and_repeated_ones() {
        let long = vec![b'x'; 65_536];
        let pairs: [(&[u8], &[u8]); 4] = [(b"a", b""), (b"b", b"\xff\0\xfe"), (b"a", b"1"), (b"long", &long)];
        assert_eq!(Headers::new(&map(&pairs)).collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn a_map_that_is_cut_off_ends_there() {
        let whole = map(&[(b"first", b"1"), (b"second", b"2")]);
        for end in 0..whole.len() {
            assert!(Headers::new(&whole[..end]).count() <= 1, "cut at {end}");
        }
        assert_eq!(Headers::new(&[0xff; 40]).count(), 0);
        assert_eq!(Headers::new(&[]).count(), 0);
    }

    #[test]
    fn text_ends_where_it_stops_being_text() {
        assert_eq!(text(b"caf\xc3\xa9"), "café");
        assert_eq!(text(b"caf\xe9!"), "caf");
    }

    #[test]
    fn a_number_is_a_number_or_nothing() {
        assert_eq!(number(b" 12 "), Some(12));
        for odd in [&b""[..], b"-1", b"1.5", b"abc", b"99999999999999999999", b"\xff"] {
            assert_eq!(number(odd), None);
        }
    }
}
