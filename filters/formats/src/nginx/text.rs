//! nginx's combined format with `key=value` behind it, or `key=value` alone.

use super::{Facts, Slot, exchange};
use crate::bag::Bag;
use crate::error::{LineError, LineErrorKind};
use crate::fields::FieldConfig;
use crate::object::{Kind, NOWHERE, Token};
use crate::text::{Text, place};
use crate::{Attempts, ParsedLine};
use alloc::vec::Vec;

/// Reads one line.
pub(crate) fn read<'a>(
    line: &'a [u8],
    fields: &FieldConfig,
    keys: &mut Keys,
    attempts: &'a mut Attempts<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    exchange(line, &gather(line, fields, keys, None)?, &mut Facts::default(), attempts)
}

/// The values that one line holds.
///
/// `key=value` counts wherever it stands outside quotes and brackets. Besides it, the first brackets with a time in
/// them are the time, the first quotes the request, and the two words behind those status and bytes. `tokens` takes down
/// what was found where.
pub(crate) fn gather<'a>(
    line: &'a [u8],
    fields: &FieldConfig,
    keys: &mut Keys,
    mut tokens: Option<&mut Vec<Token>>,
) -> Result<Bag<'a, 'static>, LineError> {
    let mut found = |kind: Kind, slot: Option<u8>, value: &[u8]| {
        if let Some(tokens) = &mut tokens {
            let start = place(line, value);
            tokens.push(Token { start, end: start + value.len(), kind, slot: slot.unwrap_or(NOWHERE) });
        }
    };
    let mut text = Text::new(line);
    let mut number = 0;
    let mut bag = fields.bag();
    let mut behind_request = Behind::Nothing;
    text.blanks();
    if text.is_empty() {
        return Err(LineError::new(0, LineErrorKind::Empty));
    }
    while !text.is_empty() {
        if text.sees(b'[') {
            let inside = text.bracketed("`]`")?;
            let mut slot = None;
            if bag.raw(Slot::Time as usize).is_none() && crate::time::common(inside).is_some() {
                bag.set(Slot::Time as usize, inside);
                slot = Some(Slot::Time as u8);
            }
            found(Kind::Bracketed, slot, inside);
        } else if text.sees(b'"') {
            let inside = text.quoted("a closing quote")?;
            let mut slot = None;
            if behind_request == Behind::Nothing {
                bag.set(Slot::Method as usize, inside);
                slot = Some(Slot::Method as u8);
                behind_request = Behind::Request;
            } else {
                behind_request = Behind::More;
            }
            found(Kind::Quoted, slot, inside);
        } else if let Some(known) =
            keys.known.get(number).filter(|known| text.rest().starts_with(&known.text))
        {
            text.advance(known.text.len());
            let kind = if text.sees(b'"') { Kind::Quoted } else { Kind::Word };
            let value = value(&mut text)?;
            if let Some(slot) = known.slot {
                bag.set(slot.into(), value);
            }
            found(kind, known.slot, value);
            number += 1;
        } else if let Some(key) = key(text.rest()) {
            text.advance(key.len() + 1);
            let kind = if text.sees(b'"') { Kind::Quoted } else { Kind::Word };
            let value = value(&mut text)?;
            fields.put(&Slot::FAMILY, &mut bag, key, value);
            found(kind, (Slot::FAMILY.of_key)(key).map(|slot| slot as u8), value);
            if !fields.has_keys() {
                keys.learn(number, key);
                number += 1;
            }
        } else {
            let is_first = text.rest().len() == line.len();
            let word = text.word("a value")?;
            let slot = match behind_request {
                Behind::Request => Some(Slot::Status as u8),
                Behind::Status => Some(Slot::Bytes as u8),
                Behind::Nothing | Behind::More => None,
            };
            if let Some(slot) = slot {
                bag.set(slot.into(), word);
            }
            found(if is_first { Kind::Address } else { Kind::Word }, slot, word);
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
            let slot = (Slot::FAMILY.of_key)(key).map(|slot| slot as u8);
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
