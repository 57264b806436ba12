//! A varint codec for counters. Encoding drains a field, decoding adds to it, so each message counts exactly once.
//!
//! Workers send counts to the instance that reports, mostly zeros, as numbers of seven bits a byte. Each type lists its fields once
//! for both directions, so encoder and decoder cannot differ. Messages may arrive in any number and order.
//!
//! Nothing is inlined: a message takes many calls, and there is one in ten seconds.
//!
//! A decoder that runs out of bytes reads zeros and is broken afterwards; messages are checked as a whole before they are decoded.

use alloc::vec::Vec;

/// A message that is encoded or decoded.
pub(crate) enum Codec<'a> {
    /// Encodes: fields are drained.
    Out(&'a mut Vec<u8>),
    /// Decodes: fields grow by the numbers read. The rest of the message, and true if it was too short.
    In(&'a [u8], bool),
}

/// A counter that saturates.
pub(crate) trait Count: Copy {
    fn wide(self) -> u64;
    fn plus(self, more: u64) -> Self;
    fn narrow(wide: u64) -> Self;
}

macro_rules! counts {
    ($($kind:ty)*) => {
        $(impl Count for $kind {
            fn wide(self) -> u64 {
                self.into()
            }

            fn plus(self, more: u64) -> Self {
                self.saturating_add(Self::narrow(more))
            }

            fn narrow(wide: u64) -> Self {
                Self::try_from(wide).unwrap_or(Self::MAX)
            }
        })*
    };
}

counts! { u8 u16 u32 u64 }

impl<'a> Codec<'a> {
    /// Returns true if fields are encoded.
    pub(crate) fn is_out(&self) -> bool {
        matches!(self, Self::Out(_))
    }

    /// Returns true if the message was too short.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::In(_, true))
    }

    /// Returns true if there is more to decode.
    pub(crate) fn has_more(&self) -> bool {
        matches!(self, Self::In(rest, false) if !rest.is_empty())
    }

    /// Encodes and returns `own`, or returns the number decoded.
    #[inline(never)]
    pub(crate) fn number(&mut self, own: u64) -> u64 {
        match self {
            Self::Out(out) => {
                push(out, own);
                own
            }
            Self::In(rest, is_short) => pull(rest).unwrap_or_else(|| {
                *is_short = true;
                0
            }),
        }
    }

    /// Drains a counter, or adds to it.
    #[inline(never)]
    pub(crate) fn count<T: Count>(&mut self, field: &mut T) {
        let passed = self.number(field.wide());
        *field = if self.is_out() { T::narrow(0) } else { field.plus(passed) };
    }

    /// Drains counters, or adds to them.
    #[inline(never)]
    pub(crate) fn counts<T: Count>(&mut self, fields: &mut [T]) {
        fields.iter_mut().for_each(|field| self.count(field));
    }

    /// Drains a signed sum, or adds to it.
    #[inline(never)]
    pub(crate) fn sum(&mut self, field: &mut i32) {
        let passed = self.number(((*field << 1) ^ (*field >> 31)) as u32 as u64) as u32;
        let passed = (passed >> 1) as i32 ^ -((passed & 1) as i32);
        *field = if self.is_out() { 0 } else { field.saturating_add(passed) };
    }

    /// Drains a set of bits, or adds to it.
    pub(crate) fn bits(&mut self, field: &mut u16) {
        let passed = self.number((*field).into()) as u16;
        *field = if self.is_out() { 0 } else { *field | passed };
    }

    /// Drains a minimum or maximum, or combines with it; `none` is the empty value.
    pub(crate) fn extreme<T: Count + Ord>(&mut self, field: &mut T, none: T, best: fn(T, T) -> T) {
        let passed = T::narrow(self.number(field.wide()));
        *field = if self.is_out() { none } else { best(*field, passed) };
    }

    /// Copies a value: encoding keeps it, decoding replaces it.
    #[inline(never)]
    pub(crate) fn copy<T: Count>(&mut self, field: &mut T) {
        *field = T::narrow(self.number(field.wide()));
    }

    /// Encodes a name and returns an empty one, or returns the name decoded.
    #[inline(never)]
    pub(crate) fn name(&mut self, own: &str) -> &'a str {
        let length = self.number(own.len() as u64) as usize;
        match self {
            Self::Out(out) => {
                out.extend_from_slice(own.as_bytes());
                ""
            }
            Self::In(rest, is_short) => {
                let found = rest.split_at_checked(length);
                let name = found.and_then(|(name, _)| core::str::from_utf8(name).ok());
                *is_short |= name.is_none();
                *rest = found.map_or(&[], |(_, rest)| rest);
                name.unwrap_or_default()
            }
        }
    }
}

fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn pull(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn walk(codec: &mut Codec<'_>, counts: &mut [u32; 3], sum: &mut i32, bits: &mut u16, least: &mut u16) {
        codec.counts(counts);
        codec.sum(sum);
        codec.bits(bits);
        codec.extreme(least, u16::MAX, Ord::min);
    }

    proptest! {
        #[test]
        fn a_message_round_trips(
            counts: [u32; 3], sum: i32, bits: u16, least: u16, name in ".{0,40}"
        ) {
            let mut bytes = Vec::new();
            let mut own = (counts, sum, bits, least);
            let mut out = Codec::Out(&mut bytes);
            out.name(&name);
            walk(&mut out, &mut own.0, &mut own.1, &mut own.2, &mut own.3);
            prop_assert_eq!(own, ([0; 3], 0, 0, u16::MAX), "encoding drains");
            let mut into = Codec::In(&bytes, false);
            prop_assert_eq!(into.name(""), &name);
            walk(&mut into, &mut own.0, &mut own.1, &mut own.2, &mut own.3);
            prop_assert_eq!(own, (counts, sum, bits, least));
            prop_assert!(matches!(into, Codec::In(&[], false)));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut into = Codec::In(&bytes, false);
            let mut own = ([1; 3], 1, 1, 1);
            while into.has_more() {
                into.name("");
                walk(&mut into, &mut own.0, &mut own.1, &mut own.2, &mut own.3);
            }
        }
    }
}
