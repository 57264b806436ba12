//! One walk over counts in either direction: out, which leaves nothing behind, or in, which adds.
//!
//! What is counted in one place and judged in another travels as numbers of seven bits a byte, mostly zeros. Each type writes
//! its walk once, so what goes out and what comes in cannot differ; and because taking out empties and taking in adds, a
//! message counts exactly once, however many there are and in whatever order they come.
//!
//! Nothing here is inlined: a walk is many calls, and it is taken once in ten seconds.
//!
//! A reader that runs out of bytes reads zeros and says so at the end; whoever carries messages checks them as a whole before.

use alloc::vec::Vec;

/// A message that is written or read.
pub(crate) enum Codec<'a> {
    /// Fields leave, and are zero afterwards.
    Out(&'a mut Vec<u8>),
    /// Fields grow by what comes; what is left of the message, and whether it was too short.
    In(&'a [u8], bool),
}

/// A number that adds, up to the largest of its type.
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
    /// Whether fields leave.
    pub(crate) fn is_out(&self) -> bool {
        matches!(self, Self::Out(_))
    }

    /// Whether it was shorter than what was read.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::In(_, true))
    }

    /// Whether there is more to read.
    pub(crate) fn has_more(&self) -> bool {
        matches!(self, Self::In(rest, false) if !rest.is_empty())
    }

    /// `own` leaves and is returned, or what comes instead is.
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

    /// A count leaves or is added to.
    #[inline(never)]
    pub(crate) fn count<T: Count>(&mut self, field: &mut T) {
        let passed = self.number(field.wide());
        *field = if self.is_out() { T::narrow(0) } else { field.plus(passed) };
    }

    /// Counts, one after the other.
    #[inline(never)]
    pub(crate) fn counts<T: Count>(&mut self, fields: &mut [T]) {
        fields.iter_mut().for_each(|field| self.count(field));
    }

    /// A sum that may be negative.
    #[inline(never)]
    pub(crate) fn sum(&mut self, field: &mut i32) {
        let passed = self.number(((*field << 1) ^ (*field >> 31)) as u32 as u64) as u32;
        let passed = (passed >> 1) as i32 ^ -((passed & 1) as i32);
        *field = if self.is_out() { 0 } else { field.saturating_add(passed) };
    }

    /// A set of bits; the union of both where it comes in.
    pub(crate) fn bits(&mut self, field: &mut u16) {
        let passed = self.number((*field).into()) as u16;
        *field = if self.is_out() { 0 } else { *field | passed };
    }

    /// The least or the most of something; `none` where there is nothing.
    pub(crate) fn extreme<T: Count + Ord>(&mut self, field: &mut T, none: T, best: fn(T, T) -> T) {
        let passed = T::narrow(self.number(field.wide()));
        *field = if self.is_out() { none } else { best(*field, passed) };
    }

    /// Something that is told as it is, and stays where it is told.
    #[inline(never)]
    pub(crate) fn tell<T: Count>(&mut self, field: &mut T) {
        *field = T::narrow(self.number(field.wide()));
    }

    /// A name leaves, or the one that came is returned; nothing if it left.
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
        fn what_leaves_here_is_what_arrives_there(
            counts: [u32; 3], sum: i32, bits: u16, least: u16, name in ".{0,40}"
        ) {
            let mut bytes = Vec::new();
            let mut own = (counts, sum, bits, least);
            let mut out = Codec::Out(&mut bytes);
            out.name(&name);
            walk(&mut out, &mut own.0, &mut own.1, &mut own.2, &mut own.3);
            prop_assert_eq!(own, ([0; 3], 0, 0, u16::MAX), "nothing stays behind");
            let mut into = Codec::In(&bytes, false);
            prop_assert_eq!(into.name(""), &name);
            walk(&mut into, &mut own.0, &mut own.1, &mut own.2, &mut own.3);
            prop_assert_eq!(own, (counts, sum, bits, least));
            prop_assert!(matches!(into, Codec::In(&[], false)));
        }

        #[test]
        fn bytes_that_are_no_message_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut into = Codec::In(&bytes, false);
            let mut own = ([1; 3], 1, 1, 1);
            while into.has_more() {
                into.name("");
                walk(&mut into, &mut own.0, &mut own.1, &mut own.2, &mut own.3);
            }
        }
    }
}
