//! What the objects of one source have in common, and where their values differ.
//!
//! The text of one object is kept, in stretches: up to the first value that is another in others, on to the next, and the
//! rest. An object that is like it has the same stretches, and between them values of the same kinds. A value that turns out
//! to be another cuts its stretch in two, and is looked at in every object from then on.

use super::part::Part;
use crate::scan::is_same;
use alloc::vec::Vec;

/// The text of an object without the values that differ, with which others are compared.
#[derive(Debug, Default)]
pub(super) struct Shape {
    text: Vec<u8>,
    stretches: Vec<Stretch>,
    /// The slots of the parts whose values differ, a bit each.
    varying: u32,
}

/// One stretch of the text.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    len: usize,
    /// The part behind it; none behind the last.
    part: usize,
    /// Where it stands in the object that came last.
    at: usize,
}

/// Where an object is another than expected: the first bytes of a stretch are the same.
struct Other {
    number: usize,
    same: usize,
}

impl Shape {
    /// The longest object that others are compared with.
    const LONGEST: usize = 64 << 10;

    /// Nothing is like it.
    pub(super) fn clear(&mut self) {
        self.stretches.clear();
    }

    /// Begins anew with `record`, whose parts are where [`place`](Self::place) says.
    #[cold]
    pub(super) fn begin(&mut self, record: &[u8], parts: &mut [Part]) {
        for part in parts.iter_mut() {
            (part.start, part.end) = self.place(part);
            part.stretch = Some(0);
        }
        self.text.clear();
        self.stretches.clear();
        self.varying = 0;
        if record.len() <= Self::LONGEST {
            self.text.extend_from_slice(record);
            self.stretches.push(Stretch { len: record.len(), part: parts.len(), at: 0 });
        }
    }

    /// Where a part is in the object that came last.
    #[inline]
    pub(super) fn place(&self, part: &Part) -> (usize, usize) {
        let stretch = part.stretch.and_then(|stretch| self.stretches.get(usize::from(stretch)));
        let at = stretch.map_or(0, |stretch| stretch.at);
        (part.start.wrapping_add(at), part.end.wrapping_add(at))
    }

    /// The slots whose values may be others than in the object before, a bit each.
    pub(super) fn varying(&self) -> u32 {
        self.varying
    }

    /// Slots were given to parts.
    pub(super) fn note_slots(&mut self, parts: &[Part]) {
        let varying = parts.iter().filter(|part| part.stretch.is_none());
        self.varying = varying.fold(0, |slots, part| slots | part.slot);
    }

    /// Something is like it, perhaps.
    pub(super) fn is_known(&self) -> bool {
        !self.stretches.is_empty()
    }

    /// Finds the parts of `record`; false if it has another shape. `is_same_kind` becomes false if a value is of another
    /// kind than before.
    pub(super) fn follow(&mut self, record: &[u8], parts: &mut [Part], is_same_kind: &mut bool) -> bool {
        while let Err(other) = self.compare(record, parts, is_same_kind) {
            if other.and_then(|other| self.cut(other, parts)).is_none() {
                return false;
            }
        }
        true
    }

    /// The same, as far as it is known which values differ. The error is what else differs; `None` where the rest does not
    /// matter any more.
    #[inline]
    fn compare(
        &mut self,
        record: &[u8],
        parts: &mut [Part],
        is_same_kind: &mut bool,
    ) -> Result<(), Option<Other>> {
        let (mut rest, mut text) = (record, self.text.as_slice());
        for (number, stretch) in self.stretches.iter_mut().enumerate() {
            let (wanted, text_behind) = text.split_at_checked(stretch.len).ok_or(None)?;
            let behind = match rest.split_at_checked(stretch.len) {
                Some((found, behind)) if is_same(found, wanted) => behind,
                _ => return Err(Some(Other { number, same: common(rest, wanted) })),
            };
            stretch.at = record.len() - rest.len();
            let Some(part) = parts.get_mut(stretch.part) else {
                return if behind.is_empty() { Ok(()) } else { Err(None) };
            };
            let start = record.len() - behind.len();
            let end = match part.look(behind) {
                Some(length) => start + length,
                None => {
                    *is_same_kind = false;
                    part.look_closer(record, start).ok_or(None)?
                }
            };
            (part.start, part.end) = (start, end);
            (rest, text) = (record.get(end..).ok_or(None)?, text_behind);
        }
        Err(None)
    }

    /// Cuts a stretch around the value in which objects differ; `None` if it is not a value.
    #[cold]
    fn cut(&mut self, Other { number, same }: Other, parts: &mut [Part]) -> Option<()> {
        let stands_there =
            |part: &Part| part.stretch == Some(number as u8) && part.start <= same && same <= part.end;
        let found = parts.iter().position(stands_there)?;
        let Part { start, end, slot, .. } = *parts.get(found)?;
        let before = self.stretches.get(..number)?.iter().fold(0, |sum, stretch| sum + stretch.len);
        self.text.drain(before + start..before + end);
        let stretch = self.stretches.get_mut(number)?;
        let first = Stretch { len: start, part: found, ..*stretch };
        stretch.len = stretch.len.checked_sub(end)?;
        self.stretches.insert(number, first);
        self.varying |= slot;
        for part in parts.get_mut(found..).unwrap_or_default() {
            if part.stretch == Some(number as u8) {
                (part.start, part.end) = (part.start.wrapping_sub(end), part.end.wrapping_sub(end));
            }
            part.stretch = part.stretch.map(|stretch| stretch + 1);
        }
        parts.get_mut(found)?.stretch = None;
        Some(())
    }
}

/// How many bytes at the beginning of two texts are the same.
fn common(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_chunks::<8>().0, b.as_chunks().0);
    let same = 8 * words_a.iter().zip(words_b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    same + a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
