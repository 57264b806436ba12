//! nginx's combined format with `key=value` behind it, or `key=value` alone.

use super::{Slot, exchange};
use crate::bag::{Bag, Family};
use crate::error::{LineError, Problem};
use crate::fields::Fields;
use crate::text::Text;
use crate::{Attempts, Line};
use alloc::vec::Vec;

/// Reads one line.
pub(crate) fn read<'a>(
    line: &'a [u8],
    fields: &Fields,
    keys: &mut Keys,
    attempts: &'a mut Attempts<'a>,
) -> Result<Line<'a>, LineError> {
    exchange(line, &gather(line, fields, keys)?, attempts)
}

/// The values that one line holds.
///
/// `key=value` counts wherever it stands outside quotes and brackets. Besides it, the first brackets with a time in
/// them are the time, the first quotes the request, and the two words behind those status and bytes.
pub(crate) fn gather<'a>(line: &'a [u8], fields: &Fields, keys: &mut Keys) -> Result<Bag<'a>, LineError> {
    let mut text = Text::new(line);
    let mut number = 0;
    let mut bag = fields.bag();
    let mut behind_request = Behind::Nothing;
    text.blanks();
    if text.is_empty() {
        return Err(LineError::new(0, Problem::Empty));
    }
    while !text.is_empty() {
        if text.sees(b'[') {
            let inside = text.bracketed("`]`")?;
            if bag.raw(Slot::Time as usize).is_none() && crate::time::common(inside).is_some() {
                bag.set(Slot::Time as usize, inside);
            }
        } else if text.sees(b'"') {
            let inside = text.quoted("a closing quote")?;
            if behind_request == Behind::Nothing {
                bag.set(Slot::Method as usize, inside);
                behind_request = Behind::Request;
            } else {
                behind_request = Behind::More;
            }
        } else if let Some(known) =
            keys.known.get(number).filter(|known| text.rest().starts_with(&known.text))
        {
            text.advance(known.text.len());
            let value = value(&mut text)?;
            if let Some(slot) = known.slot {
                bag.set(slot.into(), value);
            }
            number += 1;
        } else if let Some(key) = key(text.rest()) {
            text.advance(key.len() + 1);
            let value = value(&mut text)?;
            fields.put::<Slot>(&mut bag, key, value);
            if !fields.has_keys() {
                keys.learn(number, key);
                number += 1;
            }
        } else {
            let word = text.word("a value")?;
            match behind_request {
                Behind::Request => bag.set(Slot::Status as usize, word),
                Behind::Status => bag.set(Slot::Bytes as usize, word),
                Behind::Nothing | Behind::More => {}
            }
            behind_request = behind_request.next();
        }
    }
    Ok(bag)
}

/// The keys of the line before, in their order: lines of one source have the same, and need not have them looked up again.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: Vec<Known>,
}

/// A key, with the sign behind it, and where its value goes.
#[derive(Debug)]
struct Known {
    text: Vec<u8>,
    slot: Option<u8>,
}

impl Keys {
    /// The most keys that are kept, and the most bytes of one.
    const MOST: usize = 32;
    const LONGEST: usize = 40;

    /// Takes another key for the one of that `number`; those behind it are forgotten.
    #[cold]
    fn learn(&mut self, number: usize, key: &str) {
        self.known.truncate(number);
        if self.known.len() < Self::MOST.min(number + 1) && key.len() <= Self::LONGEST {
            let slot = Slot::of_key(key).map(|slot| slot as u8);
            self.known.push(Known { text: [key.as_bytes(), b"="].concat(), slot });
        }
    }
}

/// How far reading has come behind the request.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Behind {
    Nothing,
    Request,
    Status,
    More,
}

impl Behind {
    fn next(self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Request => Self::Status,
            Self::Status | Self::More => Self::More,
        }
    }
}

/// The key of `key=value` at the beginning of `rest`.
fn key(rest: &[u8]) -> Option<&str> {
    let length = rest.iter().position(|byte| !is_key(*byte))?;
    if length == 0 || rest.get(length) != Some(&b'=') {
        return None;
    }
    core::str::from_utf8(rest.get(..length)?).ok()
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@')
}

/// The value behind `=`: in quotes, or a bare word, or a bare list of them.
pub(super) fn value<'a>(text: &mut Text<'a>) -> Result<&'a [u8], LineError> {
    if text.sees(b'"') {
        return text.quoted("a closing quote");
    }
    if text.is_empty() || text.sees(b' ') {
        text.blanks();
        return Ok(&[]);
    }
    list(text)
}

/// A bare list: words that are held together by `, ` and ` : `.
pub(super) fn list<'a>(text: &mut Text<'a>) -> Result<&'a [u8], LineError> {
    let whole = text.rest();
    loop {
        let word = text.word("a value")?;
        let goes_on = word.ends_with(b",") || word == b":" || text.rest().starts_with(b": ");
        if !goes_on || text.is_empty() {
            break;
        }
    }
    let taken = whole.len() - text.rest().len();
    Ok(whole.get(..taken).unwrap_or(whole).trim_ascii_end())
}
