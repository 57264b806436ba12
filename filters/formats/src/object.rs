//! A JSON object with its members, checked to the last byte, for a pipeline that will put the object's text on.
//!
//! A pipeline makes the JSON from its own data, so it nearly always is some; but a NaN, an infinity or a key that is no text
//! is written as no JSON reader takes it, and what goes back must be JSON. Records of one source have the same keys in the
//! same order, and many of their values too. So each is compared with one before it: what is the same is known to be sound,
//! and only values that differ are looked at.
//!
//! ```text
//! part · values    a member and what it says by its slot
//! shape            what objects of one source have in common
//! inside           the line inside of an object, whose parts stand among the members
//! scan             every byte of an object that is like none before
//! ```

mod inside;
mod part;
mod scan;
mod shape;
mod values;

use crate::Format;
use alloc::vec::Vec;
use inside::Inside;
use part::Part;
use scan::Scan;
use shape::Shape;
use values::bit;

pub(crate) use inside::Token;
pub(crate) use part::Kind;
pub use scan::{is_plain, is_scalar};
pub(crate) use values::{Places, Values};

/// The deepest nesting that is taken, the object itself included.
pub const MAX_DEPTH: u32 = 63;
/// The most parts that are told apart.
const MAX_PARTS: usize = 64;
/// After so many objects it is found out anew which values differ.
const RENEWED: u32 = 4_096;
/// How many shapes are remembered beside that of the object that came last.
const OTHERS: usize = 3;

/// The members of one object after the other.
#[derive(Debug, Default)]
pub struct RecordParser {
    /// Those of the object that came last.
    now: Members,
    /// Those of objects of other shapes, which may come again.
    others: Vec<Members>,
    /// The slots with other values than in the object before, a bit each.
    fresh: u32,
    /// How many objects have come.
    pub(crate) count: u32,
    /// Where the closing brace is.
    close: usize,
}

/// The members of one object.
#[derive(Debug, Default)]
struct Members {
    shape: Shape,
    /// In their order; instead of the line inside, the parts of that.
    parts: Vec<Part>,
    /// There are more than are told apart.
    is_larger: bool,
    /// How many bytes there are from the closing brace on.
    tail: usize,
    roles: Roles,
    inside: Option<Inside>,
    /// Which part has the value of each slot.
    places: Places,
    /// They are known.
    is_placed: bool,
    patience: u8,
    format: Option<Format>,
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

/// One member of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: &'a [u8],
    /// Without quotes.
    pub(crate) value: &'a [u8],
    pub(crate) kind: Kind,
}

/// The slot of a key that says nothing.
pub(crate) const NOWHERE: u8 = u8::MAX;

impl RecordParser {
    /// Takes the next object; false if `record` is not one JSON object, or one that nests too deep.
    pub fn parse(&mut self, record: &[u8]) -> bool {
        self.count = self.count.wrapping_add(1);
        let taken = if self.now.follow(record) {
            self.fresh = self.now.shape.varying();
            if self.count.is_multiple_of(RENEWED) {
                self.now.begin(record);
            }
            true
        } else {
            // Nothing is known of what it has in common with the object before.
            self.fresh = u32::MAX;
            self.take_other(record)
        };
        self.close = record.len().wrapping_sub(self.now.tail);
        taken
    }

    /// Everything of `record`, the object that was taken, before its closing brace.
    pub fn without_closing_brace<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(..self.close).unwrap_or_default()
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.now.parts.is_empty()
    }

    /// It has `near_miss`.
    pub fn has_verdict(&self) -> bool {
        self.now.roles.is_judged
    }

    /// It has another field that only we write.
    pub fn has_reserved_field(&self) -> bool {
        self.now.roles.is_ours
    }

    /// How many members there are, if all of them are told apart.
    pub(crate) fn members(&self) -> Option<usize> {
        (!self.now.is_larger && self.now.inside.is_none()).then_some(self.now.parts.len())
    }

    /// The member of `record`, which was taken, at that place.
    pub(crate) fn member<'a>(&self, record: &'a [u8], place: usize) -> Option<Member<'a>> {
        let part = self.now.parts.get(place)?;
        let (start, _) = self.now.shape.place(part);
        let start = start.wrapping_sub(part.key.0 as usize);
        let key = record.get(start..start.wrapping_add(part.key.1 as usize)).unwrap_or_default();
        Some(Member { key, value: self.now.value(record, part), kind: part.kind })
    }

    /// The value of the member at that place belongs to `slot`.
    pub(crate) fn assign(&mut self, place: usize, slot: u8) {
        if let Some(part) = self.now.parts.get_mut(place) {
            part.slot = bit(slot);
        }
    }

    /// Whether it is known which part has the value of each slot.
    pub(crate) fn is_placed(&self) -> bool {
        self.now.is_placed
    }

    /// Keeps which part has the value of each slot.
    pub(crate) fn place(&mut self, places: Places) {
        (self.now.places, self.now.is_placed) = (places, true);
        self.now.shape.note_slots(&self.now.parts);
    }

    /// The values of `record`, which was taken, by their slots.
    pub(crate) fn values<'a>(&self, record: &'a [u8]) -> Values<'a, '_> {
        Values::new(record, &self.now)
    }

    /// The slots with other values than in the object before, a bit each.
    pub(crate) fn fresh(&self) -> u32 {
        self.fresh
    }

    /// The format of its members, where it was found out.
    pub(crate) fn format(&self) -> Option<Format> {
        self.now.format
    }

    /// Keeps the format of its members.
    pub(crate) fn is_in(&mut self, format: Format) {
        self.now.format = Some(format);
    }

    /// Takes an object that is not like the one before.
    #[cold]
    fn take_other(&mut self, record: &[u8]) -> bool {
        let Self { now, others, .. } = self;
        if let Some(known) = others.iter_mut().find_map(|other| other.follow(record).then_some(other)) {
            core::mem::swap(now, known);
            return true;
        }
        if now.shape.is_known() {
            let room = if others.len() < OTHERS { Members::default() } else { others.remove(0) };
            others.push(core::mem::replace(now, room));
        }
        let taken = now.scan(record).is_some();
        if !taken {
            now.shape.clear();
        }
        taken
    }
}

impl Members {
    #[inline]
    fn value<'a>(&self, record: &'a [u8], part: &Part) -> &'a [u8] {
        let (start, end) = self.shape.place(part);
        record.get(start..end).unwrap_or_default()
    }

    /// Takes an object that is like one before but for some values; false if it is another.
    fn follow(&mut self, record: &[u8]) -> bool {
        let mut is_same_kind = true;
        let is_like = self.shape.follow(record, &mut self.parts, &mut is_same_kind);
        self.is_placed &= is_same_kind;
        self.patience = self.patience.saturating_add(u8::from(is_like));
        is_like
    }

    /// Others are compared with `record` from now on.
    fn begin(&mut self, record: &[u8]) {
        self.shape.begin(record, &mut self.parts);
    }

    /// Looks at every byte.
    #[cold]
    fn scan(&mut self, record: &[u8]) -> Option<()> {
        let mut scan = Scan { record, at: 0 };
        self.parts.clear();
        self.roles = Roles::default();
        (self.is_larger, self.is_placed, self.inside, self.format) = (false, false, None, None);
        self.patience = 0;
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
                self.parts.push(Part { start, end, key, kind, ..Part::default() });
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
        (scan.at == record.len()).then_some(())?;
        self.begin(record);
        if self.is_larger {
            self.shape.clear();
        }
        Some(())
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

#[cfg(test)]
mod tests;
