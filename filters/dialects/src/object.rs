//! A JSON object with its members, checked to the last byte, for a pipeline that will put the object's text on.
//!
//! A pipeline makes the JSON from its own data, so it nearly always is some; but a NaN, an infinity or a key that is no text
//! is written as no JSON reader takes it, and what goes back must be JSON. Records of one source have the same keys in the
//! same order, and many of their values too. So each is compared with the one before, eight bytes at a time: what is the
//! same is known to be sound, and only values that changed are looked at, from where they do.

mod scan;
mod values;

use crate::Format;
use alloc::vec::Vec;
use scan::{Scan, address_end, inside_end, plain_end, whole, word_end};
use values::bit;

pub use scan::{is_plain, is_scalar};
pub(crate) use values::{Places, Values};

/// The deepest nesting that is taken, the object itself included.
pub const MAX_DEPTH: u32 = 63;
/// The most parts that are told apart.
const MAX_PARTS: usize = 64;
/// The longest object that the next one is compared with.
const LONGEST: usize = 64 << 10;

/// The members of one object after the other.
#[derive(Debug, Default)]
pub struct Object {
    /// The object that was taken last; empty if none was, or a large one.
    text: Vec<u8>,
    /// Its members, in their order; instead of the line inside, the parts of that.
    parts: Vec<Part>,
    /// The slots with other values than in the object before, a bit each.
    fresh: u32,
    /// There are more members than are told apart.
    is_larger: bool,
    /// How many objects have come.
    pub(crate) count: u32,
    /// Where the closing brace is, and how many bytes there are from it on.
    close: usize,
    tail: usize,
    roles: Roles,
    inside: Option<Inside>,
    /// Which part has the value of each slot.
    places: Places,
    /// They are known.
    is_placed: bool,
    patience: u8,
    pub(crate) format: Option<Format>,
}

/// One member: where its value is, without quotes, and its key. Or a part of the line inside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    start: usize,
    end: usize,
    /// How far before the value its key begins, and how long that is.
    key: (u32, u32),
    pub(crate) kind: Kind,
    /// The bit of its slot, if it has one.
    slot: u32,
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

/// What the keys mean to a pipeline, whatever the format.
#[derive(Clone, Copy, Debug, Default)]
struct Roles {
    /// The member that is `log`, a line as it was logged.
    log: Option<u8>,
    /// The member that is `message`: the same, if there is no `log`.
    message: Option<u8>,
    /// One is `near_miss`.
    is_judged: bool,
    /// One is another that only we write.
    is_ours: bool,
}

/// The line inside, whose parts stand among the members.
#[derive(Clone, Copy, Debug)]
struct Inside {
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

/// The slot of a key that says nothing.
pub(crate) const NOWHERE: u8 = u8::MAX;

impl Object {
    /// Takes the next object; false if `record` is not one JSON object, or one that nests too deep.
    pub fn take(&mut self, record: &[u8]) -> bool {
        self.count = self.count.wrapping_add(1);
        let taken = self.follow(record).is_some() || self.scan(record).is_some();
        self.text.clear();
        if taken && !self.is_larger && record.len() <= LONGEST {
            self.text.extend_from_slice(record);
        }
        self.close = record.len().wrapping_sub(self.tail);
        taken
    }

    /// Everything of `record`, the object that was taken, before its closing brace.
    pub fn head<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(..self.close).unwrap_or_default()
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The line inside of `record`: the text of `log`, or else of `message`, and whether it has escapes.
    pub fn line<'a>(&self, record: &'a [u8]) -> Option<(&'a [u8], bool)> {
        if let Some(inside) = self.inside {
            let (first, last) = (self.parts.get(inside.first)?, self.parts.get(inside.last)?);
            return Some((record.get(first.start - inside.lead..last.end + inside.tail)?, true));
        }
        let part = self.parts.get(usize::from(self.roles.log.or(self.roles.message)?))?;
        let is_text = matches!(part.kind, Kind::Text | Kind::Wide | Kind::Escaped);
        is_text.then(|| (part.value(record), part.kind == Kind::Escaped))
    }

    /// The parts of the line inside are known: [`Reader::read_parts`](crate::Reader::read_parts) may read it.
    pub fn has_parts(&self) -> bool {
        self.inside.is_some()
    }

    /// It has `near_miss`.
    pub fn is_judged(&self) -> bool {
        self.roles.is_judged
    }

    /// It has another field that only we write.
    pub fn is_ours(&self) -> bool {
        self.roles.is_ours
    }

    /// The members, if all of them are told apart.
    pub(crate) fn members(&mut self) -> Option<&mut [Part]> {
        (!self.is_larger && self.inside.is_none()).then_some(self.parts.as_mut_slice())
    }

    /// Whether it is known which part has the value of each slot.
    pub(crate) fn is_placed(&self) -> bool {
        self.is_placed
    }

    /// Keeps which part has the value of each slot.
    pub(crate) fn place(&mut self, places: Places) {
        (self.places, self.is_placed) = (places, true);
    }

    /// The values of `record`, which was taken, by their slots.
    pub(crate) fn values<'a>(&self, record: &'a [u8]) -> Values<'a, '_> {
        Values::new(record, &self.parts, &self.places)
    }

    /// The slots with other values than in the object before, a bit each.
    pub(crate) fn fresh(&self) -> u32 {
        self.fresh
    }

    /// Takes an object that is like the one before but for some values.
    fn follow(&mut self, record: &[u8]) -> Option<()> {
        let Self { text, parts, is_placed, .. } = self;
        (!text.is_empty()).then_some(())?;
        // How much further on something stands here, and up to where the text before is known to be the same.
        let (mut shift, mut same) = (0_usize, common(text, record));
        let mut fresh = 0;
        for part in parts {
            let before = part.end;
            if same > before && shift == 0 {
                continue;
            }
            part.start = part.start.wrapping_add(shift);
            if same > before {
                part.end = before.wrapping_add(shift);
                continue;
            }
            let here = same.wrapping_add(shift);
            if here < part.start {
                // What stands between the values has changed.
                return None;
            }
            part.end = match part.look(record, here) {
                Some(end) => end,
                None => {
                    *is_placed = false;
                    part.look_closer(record)?
                }
            };
            shift = part.end.wrapping_sub(before);
            same = before + common(text.get(before..)?, record.get(part.end..)?);
            fresh |= part.slot;
        }
        let is_whole = same == text.len() && record.len() == same.wrapping_add(shift);
        self.fresh = fresh;
        self.patience = self.patience.saturating_add(1);
        is_whole.then_some(())
    }

    /// Looks at every byte.
    #[cold]
    fn scan(&mut self, record: &[u8]) -> Option<()> {
        let mut scan = Scan { record, at: 0 };
        self.parts.clear();
        self.roles = Roles::default();
        (self.is_larger, self.is_placed, self.inside, self.format) = (false, false, None, None);
        // It is not the next one after the object before.
        self.count = self.count.wrapping_add(1);
        scan.blanks();
        scan.take(b'{')?;
        scan.blanks();
        while scan.byte()? != b'}' || !self.parts.is_empty() {
            let (key, _) = scan.text()?;
            scan.blanks();
            scan.take(b':')?;
            scan.blanks();
            let (start, end, kind) = scan.member()?;
            self.roles.note(record.get(key.clone())?, self.parts.len());
            if self.parts.len() < MAX_PARTS {
                let key = ((start - key.start) as u32, (key.end - key.start) as u32);
                self.parts.push(Part { start, end, key, kind, slot: 0 });
            } else {
                self.is_larger = true;
            }
            scan.blanks();
            match scan.byte()? {
                b',' => scan.at += 1,
                b'}' => break,
                _ => return None,
            }
            scan.blanks();
        }
        self.tail = record.len() - scan.at;
        scan.at += 1;
        scan.blanks();
        (scan.at == record.len()).then_some(())
    }

    /// Whether it is worth while to find out the parts of the line inside: not where no line is like the one before.
    pub(crate) fn wants_parts(&mut self) -> bool {
        /// So many objects that are like the one before pay for one line whose parts are found out.
        const PRICE: u8 = 16;
        let wants = self.inside.is_none() && !self.is_larger && self.patience >= PRICE;
        if wants {
            self.patience -= PRICE;
        }
        wants
    }

    /// Puts the parts of the line inside among the members; `line` is how that line reads, without what ends it.
    ///
    /// Nothing is kept of a line with parts or escapes that could not be followed.
    #[cold]
    pub(crate) fn keep_parts(&mut self, record: &[u8], line: &[u8], tokens: &[Token]) -> Option<()> {
        let place = usize::from(self.roles.log.or(self.roles.message)?);
        let whole = *self.parts.get(place)?;
        let raw = whole.value(record);
        // The escapes are those of quotes, and of one end of line.
        let quotes = line.iter().filter(|byte| **byte == b'"').count();
        let tail = if raw.ends_with(b"\\n") { 2 } else { 0 };
        let is_simple = line.iter().all(|byte| matches!(byte, b' '..=b'[' | b']'..=b'~'))
            && raw.len() == line.len() + quotes + tail;
        let is_room = self.parts.len() + tokens.len() <= MAX_PARTS;
        (is_simple && is_room && tokens.iter().all(|token| token.is_sound(line))).then_some(())?;
        let behind = self.parts.split_off(place);
        let (mut quotes, mut counted) = (0, 0);
        let mut places = Places::default();
        for token in tokens {
            quotes += line.get(counted..token.start)?.iter().filter(|byte| **byte == b'"').count();
            counted = token.start;
            let start = whole.start + token.start + quotes;
            let end = start + (token.end - token.start);
            self.parts.push(Part { start, end, key: (0, 0), kind: token.kind, slot: bit(token.slot) });
            places.put(token.slot, self.parts.len() - 1);
        }
        let (first, last) = (self.parts.get(place)?, self.parts.last()?);
        let (lead, tail) = (first.start - whole.start, whole.end - last.end);
        self.inside = Some(Inside { first: place, last: self.parts.len() - 1, lead, tail });
        self.parts.extend(behind.into_iter().skip(1));
        self.place(places);
        Some(())
    }
}

impl Part {
    pub(crate) fn key<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        let start = self.start.wrapping_sub(self.key.0 as usize);
        record.get(start..start.wrapping_add(self.key.1 as usize)).unwrap_or_default()
    }

    pub(crate) fn value<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(self.start..self.end).unwrap_or_default()
    }

    /// Has the value of `slot`.
    pub(crate) fn belong_to(&mut self, slot: u8) {
        self.slot = bit(slot);
    }

    /// Where its new value ends, which is as before up to `same`, if it is of a kind that this tells.
    #[inline]
    fn look(&self, record: &[u8], same: usize) -> Option<usize> {
        match self.kind {
            Kind::Text => {
                let end = plain_end(record, same);
                if record.get(end) == Some(&b'"') {
                    return Some(end);
                }
            }
            Kind::Quoted => {
                let end = plain_end(record, same);
                return (record.get(end) == Some(&b'\\')).then_some(end);
            }
            Kind::Bracketed => return Some(inside_end(record, same)),
            Kind::Address => return Some(address_end(record, same)).filter(|end| *end > self.start),
            Kind::Word => return word_end(record, self.start, same),
            Kind::Number => {
                if let Some(length) = whole(record.get(self.start..)?) {
                    return Some(self.start + length);
                }
            }
            Kind::Wide | Kind::Escaped | Kind::Literal | Kind::Nested => {}
        }
        None
    }

    /// The same for any value; `None` if it is none, or a text where before there was none.
    #[cold]
    fn look_closer(&mut self, record: &[u8]) -> Option<usize> {
        let is_text = matches!(self.kind, Kind::Text | Kind::Wide | Kind::Escaped);
        let mut scan = Scan { record, at: self.start - usize::from(is_text) };
        let (_, end, kind) = scan.member()?;
        let same_kind = is_text == matches!(kind, Kind::Text | Kind::Wide | Kind::Escaped);
        self.kind = kind;
        same_kind.then_some(end)
    }
}

impl Token {
    /// Whether what stands there is what its kind says: then one like it is known by comparing.
    fn is_sound(&self, line: &[u8]) -> bool {
        let Some(value) = line.get(self.start..self.end) else { return false };
        match self.kind {
            Kind::Quoted => !value.contains(&b'"'),
            Kind::Bracketed => inside_end(value, 0) == value.len(),
            Kind::Address => !value.is_empty() && address_end(value, 0) == value.len(),
            _ => word_end(value, 0, 0) == Some(value.len()),
        }
    }
}

impl Roles {
    fn note(&mut self, key: &[u8], place: usize) {
        match key {
            b"log" => self.log = u8::try_from(place).ok(),
            b"message" => self.message = u8::try_from(place).ok(),
            b"near_miss" => self.is_judged = true,
            b"near_miss_episodes" | b"near_miss_summaries" | b"near_miss_note" => self.is_ours = true,
            _ => {}
        }
    }
}

/// How many bytes at the beginning of two texts are the same.
#[inline]
fn common(a: &[u8], b: &[u8]) -> usize {
    let (pairs_a, _) = a.as_chunks::<16>();
    let (pairs_b, _) = b.as_chunks::<16>();
    let mut at = 0;
    for (a, b) in pairs_a.iter().zip(pairs_b) {
        let (a, b) = (words(a), words(b));
        let differing = a.0 ^ b.0;
        if differing != 0 {
            return at + (differing.trailing_zeros() / 8) as usize;
        }
        let differing = a.1 ^ b.1;
        if differing != 0 {
            return at + 8 + (differing.trailing_zeros() / 8) as usize;
        }
        at += 16;
    }
    let (a, b) = (a.get(at..).unwrap_or_default(), b.get(at..).unwrap_or_default());
    at + a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[inline]
fn words(bytes: &[u8; 16]) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p]))
}

#[cfg(test)]
mod tests;
