//! A varint codec for counters and baselines.
//!
//! Workers send counts to the instance that reports, mostly zeros, as numbers of seven bits a byte. Encoding *drains* a count
//! and decoding *adds* to it, so each message counts exactly once, and messages may arrive in any number and order.
//! Baselines are *copied*: encoding keeps a value and decoding replaces it.
//!
//! [`counts!`] and [`copies!`] implement both directions from one list of fields. The list is complete: the compiler refuses
//! a struct with a field that it does not name.
//!
//! Nothing is inlined: a message takes many calls, and there is one in ten seconds.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Writes a message.
pub(crate) struct Encoder<'a>(&'a mut Vec<u8>);

/// Reads a message. A decoder that runs out of bytes reads zeros and is broken afterwards; messages are checked as a
/// whole before they are decoded.
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
    is_broken: bool,
}

/// A count that encoding drains.
pub(crate) trait Drain {
    /// Encodes the count and resets it.
    fn drain(&mut self, to: &mut Encoder<'_>);
}

/// A count that decoding adds to.
pub(crate) trait Absorb {
    /// Decodes a count of the same kind and adds it.
    fn absorb(&mut self, from: &mut Decoder<'_>);
}

/// A value that encoding keeps.
pub(crate) trait Encode {
    fn encode(&self, to: &mut Encoder<'_>);
}

/// A value that decoding creates.
pub(crate) trait Decode {
    fn decode(from: &mut Decoder<'_>) -> Self;
}

impl<'a> Encoder<'a> {
    /// Creates an encoder that appends to `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    /// Encodes a name, or any other text.
    #[inline(never)]
    pub(crate) fn name(&mut self, name: &str) {
        self.number(name.len() as u64);
        self.0.extend_from_slice(name.as_bytes());
    }

    #[inline(never)]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

impl<'a> Decoder<'a> {
    /// Creates a decoder of a message.
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message, is_broken: false }
    }

    /// Returns true if there is more to decode.
    pub(crate) fn has_more(&self) -> bool {
        !self.is_broken && !self.rest.is_empty()
    }

    /// Returns the number of bytes that are not decoded.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Returns true if the message was too short.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Decodes a value.
    pub(crate) fn get<T: Decode>(&mut self) -> T {
        T::decode(self)
    }

    /// Decodes a name, or any other text.
    #[inline(never)]
    pub(crate) fn name(&mut self) -> &'a str {
        let length = self.number() as usize;
        let (name, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.is_broken |= name.len() != length;
        self.rest = rest;
        core::str::from_utf8(name).unwrap_or_else(|_| {
            self.is_broken = true;
            ""
        })
    }

    #[inline(never)]
    fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let Some((byte, rest)) = self.rest.split_first() else { break };
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return number;
            }
        }
        self.is_broken = true;
        0
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => {
        $(impl Encode for $kind {
            fn encode(&self, to: &mut Encoder<'_>) {
                to.number((*self).into());
            }
        }

        impl Decode for $kind {
            #[inline(never)]
            fn decode(from: &mut Decoder<'_>) -> Self {
                Self::try_from(from.number()).unwrap_or(Self::MAX)
            }
        }

        impl Drain for $kind {
            #[inline(never)]
            fn drain(&mut self, to: &mut Encoder<'_>) {
                core::mem::take(self).encode(to);
            }
        }

        impl Absorb for $kind {
            #[inline(never)]
            fn absorb(&mut self, from: &mut Decoder<'_>) {
                *self = self.saturating_add(from.get());
            }
        })*
    };
}

numbers! { u8 u16 u32 u64 }

impl Encode for bool {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.number((*self).into());
    }
}

impl Decode for bool {
    fn decode(from: &mut Decoder<'_>) -> Self {
        from.number() > 0
    }
}

/// A signed sum, in zigzag encoding.
impl Drain for i32 {
    #[inline(never)]
    fn drain(&mut self, to: &mut Encoder<'_>) {
        let sum = core::mem::take(self);
        to.number(u64::from(((sum << 1) ^ (sum >> 31)) as u32));
    }
}

impl Absorb for i32 {
    #[inline(never)]
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        let sum = from.number() as u32;
        *self = self.saturating_add((sum >> 1) as Self ^ -((sum & 1) as Self));
    }
}

impl<T: Drain> Drain for [T] {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        self.iter_mut().for_each(|count| count.drain(to));
    }
}

impl<T: Absorb> Absorb for [T] {
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        self.iter_mut().for_each(|count| count.absorb(from));
    }
}

/// Counts that most messages lack.
impl<T: Drain> Drain for Option<Box<T>> {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        self.is_some().encode(to);
        if let Some(mut counts) = self.take() {
            counts.drain(to);
        }
    }
}

impl<T: Absorb + Default> Absorb for Option<Box<T>> {
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        if from.get() {
            self.get_or_insert_default().absorb(from);
        }
    }
}

impl<T: Drain, const N: usize> Drain for [T; N] {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        self.as_mut_slice().drain(to);
    }
}

impl<T: Absorb, const N: usize> Absorb for [T; N] {
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        self.as_mut_slice().absorb(from);
    }
}

/// A minimum, which is the largest number while it is empty.
pub(crate) struct Min<'a>(pub(crate) &'a mut u16);

impl Drain for Min<'_> {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        core::mem::replace(self.0, u16::MAX).encode(to);
    }
}

impl Absorb for Min<'_> {
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        *self.0 = (*self.0).min(from.get());
    }
}

/// A maximum, which is 0 while it is empty.
pub(crate) struct Max<'a, T>(pub(crate) &'a mut T);

impl<T: Drain> Drain for Max<'_, T> {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        self.0.drain(to);
    }
}

impl<T: Decode + Ord + Copy> Absorb for Max<'_, T> {
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        *self.0 = (*self.0).max(from.get());
    }
}

/// A set of bits.
pub(crate) struct Bits<'a>(pub(crate) &'a mut u16);

impl Drain for Bits<'_> {
    fn drain(&mut self, to: &mut Encoder<'_>) {
        self.0.drain(to);
    }
}

impl Absorb for Bits<'_> {
    fn absorb(&mut self, from: &mut Decoder<'_>) {
        *self.0 |= from.get::<u16>();
    }
}

/// Implements [`Drain`] and [`Absorb`] for a struct. The list names the counts in the order of the message, with
/// [`Min`], [`Max`] or [`Bits`] for a field that does not add; after `not` it names the fields that no message holds.
macro_rules! counts {
    ($name:ident { $($field:ident $(: $kind:ident)?),+ } $(not { $($other:ident),+ })?) => {
        impl $crate::codec::Drain for $name {
            fn drain(&mut self, to: &mut $crate::codec::Encoder<'_>) {
                let Self { $($field,)+ $($($other: _,)+)? } = self;
                $($crate::codec::counts!(@$field $($kind)?).drain(to);)+
            }
        }

        impl $crate::codec::Absorb for $name {
            fn absorb(&mut self, from: &mut $crate::codec::Decoder<'_>) {
                let Self { $($field,)+ $($($other: _,)+)? } = self;
                $($crate::codec::counts!(@$field $($kind)?).absorb(from);)+
            }
        }
    };
    (@$field:ident) => { $field };
    (@$field:ident $kind:ident) => { $crate::codec::$kind($field) };
}

/// Implements [`Encode`] and [`Decode`] for a struct from all of its fields in the order of the message.
macro_rules! copies {
    ($name:ident $(<$kind:ident>)? { $($field:ident),+ }) => {
        impl $(<$kind: $crate::codec::Encode>)? $crate::codec::Encode for $name $(<$kind>)? {
            fn encode(&self, to: &mut $crate::codec::Encoder<'_>) {
                let Self { $($field),+ } = self;
                $($field.encode(to);)+
            }
        }

        impl $(<$kind: $crate::codec::Decode>)? $crate::codec::Decode for $name $(<$kind>)? {
            fn decode(from: &mut $crate::codec::Decoder<'_>) -> Self {
                $(let $field = from.get();)+
                Self { $($field),+ }
            }
        }
    };
}

pub(crate) use {copies, counts};

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Counts {
        counts: [u32; 3],
        sum: i32,
        bits: u16,
        least: u16,
        most: u8,
        rare: Option<Box<[u64; 2]>>,
        own: u8,
    }

    counts! { Counts { counts, sum, bits: Bits, least: Min, most: Max, rare } not { own } }

    const EMPTY: Counts =
        Counts { counts: [0; 3], sum: 0, bits: 0, least: u16::MAX, most: 0, rare: None, own: 7 };

    #[derive(Debug, PartialEq)]
    struct Copies {
        small: u8,
        large: u64,
        is_set: bool,
    }

    copies! { Copies { small, large, is_set } }

    fn counts() -> impl Strategy<Value = Counts> {
        let rare = prop::option::of(any::<[u64; 2]>().prop_map(Box::new));
        (any::<[u32; 3]>(), any::<i32>(), any::<u16>(), any::<u16>(), any::<u8>(), rare).prop_map(
            |(counts, sum, bits, least, most, rare)| Counts { counts, sum, bits, least, most, rare, own: 7 },
        )
    }

    fn drained(counts: &mut Counts) -> Vec<u8> {
        let mut bytes = Vec::new();
        counts.drain(&mut Encoder::new(&mut bytes));
        bytes
    }

    proptest! {
        #[test]
        fn a_count_moves_exactly_once(own in counts()) {
            let mut sender = own.clone();
            let bytes = drained(&mut sender);
            prop_assert_eq!(&sender, &EMPTY, "encoding drains");
            let mut from = Decoder::new(&bytes);
            sender.absorb(&mut from);
            prop_assert_eq!(sender, own);
            prop_assert!(!from.has_more() && !from.is_broken());
        }

        #[test]
        fn the_order_of_messages_does_not_matter(a in counts(), b in counts()) {
            let messages = [drained(&mut a.clone()), drained(&mut b.clone())];
            let absorbed = |order: [usize; 2]| {
                let mut all = EMPTY;
                order.iter().for_each(|index| all.absorb(&mut Decoder::new(&messages[*index])));
                all
            };
            prop_assert_eq!(absorbed([0, 1]), absorbed([1, 0]));
        }

        #[test]
        fn copies_and_names_round_trip(small: u8, large: u64, is_set: bool, name in ".{0,40}") {
            let own = Copies { small, large, is_set };
            let mut bytes = Vec::new();
            let mut to = Encoder::new(&mut bytes);
            to.name(&name);
            own.encode(&mut to);
            let mut from = Decoder::new(&bytes);
            prop_assert_eq!((from.name(), from.get()), (&*name, own));
            prop_assert!(!from.has_more() && !from.is_broken());
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut from = Decoder::new(&bytes);
            let (mut own, mut names) = (EMPTY, Vec::<String>::new());
            while from.has_more() {
                names.push(from.name().to_string());
                own.absorb(&mut from);
                let _: Copies = from.get();
            }
            prop_assert!(from.is_broken() || from.rest.is_empty());
        }
    }

    #[test]
    fn a_message_that_is_too_short_reads_as_zeros() {
        let mut from = Decoder::new(&[3, b'a', b'b']);
        assert_eq!((from.name(), from.get::<u32>(), from.is_broken()), ("", 0, true));
    }
}
