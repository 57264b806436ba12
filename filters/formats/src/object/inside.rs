//! The line inside of an object, whose parts stand among the members.

use super::part::{Kind, Part};
use super::scan::{address_length, inside_length, word_length};
use super::values::{Places, bit};
use super::{MAX_PARTS, RecordParser};

/// Where the line inside is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    first: usize,
    last: usize,
    /// How many bytes of it stand before its first part and behind its last.
    lead: usize,
    tail: usize,
}

/// A part of a line, as a reader of lines found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    /// Where it stands in the line.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
    pub(crate) slot: u8,
}

impl RecordParser {
    /// The line inside of `record`: the text of `log`, or else of `message`, and whether it has escapes.
    pub fn embedded_line<'a>(&self, record: &'a [u8]) -> Option<(&'a [u8], bool)> {
        if let Some(inside) = self.now.inside {
            let (start, _) = self.now.shape.place(self.now.parts.get(inside.first)?);
            let (_, end) = self.now.shape.place(self.now.parts.get(inside.last)?);
            return Some((record.get(start - inside.lead..end + inside.tail)?, true));
        }
        let part = self.now.parts.get(usize::from(self.now.roles.log.or(self.now.roles.message)?))?;
        part.kind.is_text().then(|| (self.now.value(record, part), part.kind == Kind::Escaped))
    }

    /// The parts of the line inside are known: [`Reader::read_tokens`](crate::Reader::read_tokens) may read it.
    pub fn has_tokens(&self) -> bool {
        self.now.inside.is_some()
    }

    /// Whether it is worth while to find out the parts of the line inside: not where no line is like the one before.
    pub(crate) fn wants_parts(&mut self) -> bool {
        /// So many objects that are like the one before pay for one line whose parts are found out.
        const PRICE: u8 = 16;
        let wants = self.now.inside.is_none() && !self.now.is_larger && self.now.patience >= PRICE;
        if wants {
            self.now.patience -= PRICE;
        }
        wants
    }

    /// Puts the parts of the line inside among the members; `line` is how that line reads, without what ends it.
    ///
    /// Nothing is kept of a line with parts or escapes that could not be followed.
    #[cold]
    pub(crate) fn keep_parts(&mut self, record: &[u8], line: &[u8], tokens: &[Token]) -> Option<()> {
        let place = usize::from(self.now.roles.log.or(self.now.roles.message)?);
        self.now.begin(record);
        let whole = *self.now.parts.get(place)?;
        let raw = self.now.value(record, &whole);
        // The escapes are those of quotes, and of one end of line.
        let quotes = line.iter().filter(|byte| **byte == b'"').count();
        let tail = if raw.ends_with(b"\\n") { 2 } else { 0 };
        let is_simple = line.iter().all(|byte| matches!(byte, b' '..=b'[' | b']'..=b'~'))
            && raw.len() == line.len() + quotes + tail;
        let is_room = self.now.parts.len() + tokens.len() <= MAX_PARTS;
        (is_simple && is_room && tokens.iter().all(|token| token.is_sound(line))).then_some(())?;
        let behind = self.now.parts.split_off(place);
        let (mut quotes, mut counted) = (0, 0);
        let mut places = Places::default();
        for token in tokens {
            quotes += line.get(counted..token.start)?.iter().filter(|byte| **byte == b'"').count();
            counted = token.start;
            let start = whole.start + token.start + quotes;
            let end = start + (token.end - token.start);
            self.now.parts.push(Part { start, end, kind: token.kind, slot: bit(token.slot), ..whole });
            places.put(token.slot, self.now.parts.len() - 1);
        }
        let (first, last) = (self.now.parts.get(place)?, self.now.parts.last()?);
        let (lead, tail) = (first.start - whole.start, whole.end - last.end);
        self.now.inside = Some(Inside { first: place, last: self.now.parts.len() - 1, lead, tail });
        self.now.parts.extend(behind.into_iter().skip(1));
        self.now.begin(record);
        self.place(places);
        Some(())
    }
}

impl Token {
    /// Whether what stands there is what its kind says: then one like it is known by its kind.
    fn is_sound(&self, line: &[u8]) -> bool {
        let Some(value) = line.get(self.start..self.end) else { return false };
        match self.kind {
            Kind::Quoted => !value.contains(&b'"'),
            Kind::Bracketed => inside_length(value) == value.len(),
            Kind::Address => !value.is_empty() && address_length(value) == value.len(),
            _ => word_length(value) == Some(value.len()),
        }
    }
}
