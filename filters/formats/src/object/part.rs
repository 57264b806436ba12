//! One member of an object, or a part of the line inside.

use super::scan::{Scan, address_length, inside_length, plain_length, whole, word_length};

/// One member: where its value is, without quotes, and its key. Or a part of the line inside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    /// In the object it was found in last.
    pub(super) start: usize,
    pub(super) end: usize,
    /// How far before the value its key begins, and how long that is.
    pub(super) key: (u32, u32),
    pub(super) kind: Kind,
    /// The bit of its slot, if it has one.
    pub(super) slot: u32,
    /// The stretch in which it stands; none if its value is another in every object.
    pub(super) stretch: Option<u8>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A text that says what stands there, in ASCII.
    #[default]
    Text,
    /// A text that says what stands there.
    Wide,
    /// A text with escapes.
    Escaped,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Literal,
    /// An object or a list.
    Nested,
    /// In a line: the inside of quotes, which JSON escapes.
    Quoted,
    /// In a line: the inside of brackets.
    Bracketed,
    /// In a line: an IP address, or the beginning of one.
    Address,
    /// In a line: letters, digits and few signs.
    Word,
}

impl Kind {
    /// A text, whatever stands in it.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Wide | Self::Escaped)
    }
}

impl Part {
    /// How long the value at the beginning of `rest` is, if it is of a kind that this tells.
    #[inline]
    pub(super) fn look(&self, rest: &[u8]) -> Option<usize> {
        match self.kind {
            Kind::Text => Some(plain_length(rest)).filter(|end| rest.get(*end) == Some(&b'"')),
            Kind::Quoted => Some(plain_length(rest)).filter(|end| rest.get(*end) == Some(&b'\\')),
            Kind::Number => whole(rest),
            Kind::Bracketed => Some(inside_length(rest)),
            Kind::Address => Some(address_length(rest)).filter(|length| *length > 0),
            Kind::Word => word_length(rest),
            Kind::Wide | Kind::Escaped | Kind::Literal | Kind::Nested => None,
        }
    }

    /// Where any value of a member that begins at `start` ends; `None` if it is none, or a text where before there was none.
    #[cold]
    pub(super) fn look_closer(&mut self, record: &[u8], start: usize) -> Option<usize> {
        let is_text = self.kind.is_text();
        let mut scan = Scan { record, at: start - usize::from(is_text) };
        let (_, end, kind) = scan.member()?;
        let same_kind = is_text == kind.is_text();
        self.kind = kind;
        same_kind.then_some(end)
    }
}
