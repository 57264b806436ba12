//! nginx's combined format followed by `key=value`, or `key=value` alone.

use super::fields::FieldId;
use crate::error::{LineError, LineErrorKind};
use crate::field_id::{NO_FIELD, bit};
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::list::bare_list;
use crate::record::{Token, ValueKind};
use crate::swar::contains;
use crate::text::{TextCursor, offset_in};
use crate::text_shape::TextShape;
use crate::time::{self, TimeParser};
use alloc::vec::Vec;

/// Reads the field values on one line into `values`, which are empty.
///
/// `key=value` is read wherever it occurs outside quotes and brackets. Besides it, the first brackets with a time in
/// them are the time, the first quotes the request, and the two words after those the status and the bytes. `tokens`
/// collects the tokens of the line.
pub(crate) fn read_values<'a>(
    line: &'a [u8],
    mapping: &FieldMapping,
    cache: &mut LineCache,
    values: &mut FieldValues<'a, '_>,
    mut tokens: Option<&mut Vec<Token>>,
) -> Result<(), LineError> {
    let mut found = |kind: ValueKind, id: Option<u8>, value: &[u8]| {
        if let Some(tokens) = &mut tokens {
            let start = offset_in(line, value);
            tokens.push(Token { start, end: start + value.len(), kind, id: id.unwrap_or(NO_FIELD) });
        }
    };
    let mut text = TextCursor::new(line);
    let mut number = 0;
    let mut progress = Progress::Start;
    // The fields that were set by a key; a place in the line does not replace them.
    let mut keyed = 0;
    let mut agents = 0;
    let mut first: &[u8] = &[];
    cache.has_more_quoted = false;
    text.skip_spaces();
    if text.is_empty() {
        return Err(LineError::new(0, LineErrorKind::EmptyLine));
    }
    while !text.is_empty() {
        if text.next_is(b'[') {
            let inside = text.bracketed("`]`")?;
            let mut id = None;
            if values.raw(FieldId::Time as usize).is_none() && cache.is_time(inside) {
                values.set(FieldId::Time as usize, inside);
                id = Some(FieldId::Time as u8);
                // Quotes before the time are not the request.
                progress = Progress::Start;
            }
            found(ValueKind::Bracketed, id, inside);
        } else if text.next_is(b'"') {
            let inside = text.quoted("a closing quote")?;
            let mut id = None;
            if values.raw(FieldId::Time as usize).is_none() && cache.is_time(inside) {
                values.set(FieldId::Time as usize, inside);
                id = Some(FieldId::Time as u8);
            } else if progress == Progress::Start {
                values.set(FieldId::Method as usize, inside);
                id = Some(FieldId::Method as u8);
                progress = Progress::Request;
            } else {
                // In the combined format the referer comes first, then the user agent; a format of one's own may have one of them.
                if agents < 2 {
                    values.set(FieldId::Agent as usize, inside);
                    id = Some(FieldId::Agent as u8);
                    agents += 1;
                } else {
                    cache.has_more_quoted = true;
                }
                progress = Progress::Done;
            }
            found(ValueKind::Quoted, id, inside);
        } else if let Some(known) = cache.known.get(number).filter(|known| known.begins(text.rest())) {
            text.advance(known.text.len());
            let kind = if text.next_is(b'"') { ValueKind::Quoted } else { ValueKind::Word };
            let value = value(&mut text)?;
            if let Some(id) = known.id {
                values.set(id.into(), value);
                keyed |= bit(id);
            } else {
                cache.has_more_quoted |= kind == ValueKind::Quoted;
            }
            found(kind, known.id, value);
            number += 1;
        } else {
            let start = text;
            let word = text.word("a value")?;
            if contains(word, b'=')
                && let Some(key) = key(word)
            {
                text = start;
                text.advance(key.len() + 1);
                let kind = if text.next_is(b'"') { ValueKind::Quoted } else { ValueKind::Word };
                let value = value(&mut text)?;
                let id = id_of_key(key);
                match id {
                    Some(id) if mapping.is_empty() => values.set(id.into(), value),
                    _ => mapping.set(&FieldId::SCHEMA, values, key, value),
                }
                keyed |= id.map_or(0, bit);
                cache.has_more_quoted |= id.is_none() && kind == ValueKind::Quoted;
                found(kind, id, value);
                if mapping.is_empty() {
                    cache.learn(number, key);
                    number += 1;
                }
                continue;
            }
            if let [b'+' | b'-', _, _, _, _] = word
                && add_zone(line, word, values, &mut first)
            {
                continue;
            }
            let is_first = start.rest().len() == line.len();
            let id = match progress {
                Progress::Request => Some(FieldId::Status as u8),
                Progress::Status => Some(FieldId::Bytes as u8),
                Progress::Start | Progress::Done => None,
            };
            if let Some(id) = id.filter(|id| keyed & bit(*id) == 0) {
                values.set(id.into(), word);
            }
            if is_first {
                first = word;
            }
            found(if is_first { ValueKind::Address } else { ValueKind::Word }, id, word);
            progress = progress.next();
        }
    }
    // A bare time at the start counts if no other follows: it may be that of the pipeline.
    if values.raw(FieldId::Time as usize).is_none() && cache.is_time(first) {
        values.set(FieldId::Time as usize, first);
    }
    Ok(())
}

/// Adds the zone `word` to the time before it, which has neither quotes nor brackets: the field, or else the `first` word. Returns false
/// if there is none.
fn add_zone<'a>(line: &'a [u8], word: &[u8], values: &mut FieldValues<'a, '_>, first: &mut &'a [u8]) -> bool {
    let zoned = |time: &[u8]| {
        let (start, end) = (offset_in(line, time), offset_in(line, word));
        let is_before = start + time.len() + 1 == end && matches!(time, [_, _, b'/', ..]);
        line.get(start..end + word.len()).filter(|_| is_before && time::is_zone(word))
    };
    if let Some(time) = values.raw(FieldId::Time as usize).and_then(zoned) {
        // The key of the time may be a configured one.
        values.set_override(FieldId::Time as usize, time);
        return true;
    }
    zoned(first).map(|time| *first = time).is_some()
}

/// Returns true if a line of text has a `key=value` that only nginx logs: any known key after a time and a request, else a
/// duration or a list under its own name.
pub(crate) fn has_nginx_key(shape: &TextShape<'_>) -> bool {
    let is_request_log = shape.time.is_some() && shape.request.is_some();
    let (known, own) = count_keys(shape.line);
    own > 1 || own > 0 && known > 1 || is_request_log && known > 0
}

/// Returns the number of known keys on a line, and of those that only nginx logs.
pub(crate) fn count_keys(line: &[u8]) -> (u32, u32) {
    const OWN: [FieldId; 7] = [
        FieldId::Duration,
        FieldId::Hosts,
        FieldId::Codes,
        FieldId::Times,
        FieldId::Headers,
        FieldId::Connects,
        FieldId::Cache,
    ];
    let mut text = TextCursor::new(line);
    let (mut known, mut own) = (0, 0);
    while !text.is_empty() {
        let rest = text.rest();
        let skipped = if text.next_is(b'[') {
            text.bracketed("").map(|_| ())
        } else if text.next_is(b'"') {
            text.quoted("").map(|_| ())
        } else if let Some(key) = key(rest) {
            let id = id_of_key(key);
            known += u32::from(id.is_some());
            own += u32::from(key != "duration" && OWN.into_iter().any(|field| id == Some(field as u8)));
            text.advance(key.len() + 1);
            value(&mut text).map(|_| ())
        } else {
            text.word("").map(|_| ())
        };
        if skipped.is_err() {
            // A bracket or a quote that is not closed is a character like others.
            text.advance(1);
        }
    }
    (known, own)
}

/// Returns the field of a key, in any case.
fn id_of_key(key: &str) -> Option<u8> {
    let id = (FieldId::SCHEMA.id_of_key)(key);
    let id = id.or_else(|| {
        let mut lower = [0; LineCache::MAX_LEN];
        let lower = lower.get_mut(..key.len())?;
        lower.copy_from_slice(key.as_bytes());
        lower.make_ascii_lowercase();
        (FieldId::SCHEMA.id_of_key)(core::str::from_utf8(lower).ok()?)
    });
    id.map(|id| id as u8)
}

/// The keys of the previous line in order, and its minute. Lines of one source have the same keys, which saves looking them up again.
#[derive(Debug, Default)]
pub(crate) struct LineCache {
    known: Vec<CachedKey>,
    pub(crate) times: TimeParser,
    /// True if the last line had quoted values besides those of its fields.
    pub(crate) has_more_quoted: bool,
}

/// A key, including the `=` after it, and its field.
#[derive(Debug)]
struct CachedKey {
    text: Vec<u8>,
    id: Option<u8>,
}

impl CachedKey {
    /// Returns true if `rest` begins with the key.
    fn begins(&self, rest: &[u8]) -> bool {
        rest.first() == self.text.first() && rest.starts_with(&self.text)
    }
}

impl LineCache {
    /// Maximum number of keys kept.
    const MAX_KEYS: usize = 32;
    /// Maximum length of a key that is kept, in bytes.
    const MAX_LEN: usize = 40;

    /// Returns true for a time of the common log format, one of RFC 3339, or nginx's `$msec`.
    fn is_time(&mut self, text: &[u8]) -> bool {
        let is_like = matches!(text, [_, _, b'/', ..] | [b'0'..=b'9', _, _, _, b'-', ..]);
        (is_like || text.get(10) == Some(&b'.')) && self.times.parse(text).is_some()
    }

    /// Replaces the key at index `number`, and forgets those after it.
    #[cold]
    fn learn(&mut self, number: usize, key: &str) {
        self.known.truncate(number);
        if self.known.len() < Self::MAX_KEYS.min(number + 1) && key.len() <= Self::MAX_LEN {
            let id = id_of_key(key);
            self.known.push(CachedKey { text: [key.as_bytes(), b"="].concat(), id });
        }
    }
}

/// The last part of the combined format that was read.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Progress {
    Start,
    Request,
    Status,
    Done,
}

impl Progress {
    fn next(self) -> Self {
        match self {
            Self::Start => Self::Start,
            Self::Request => Self::Status,
            Self::Status | Self::Done => Self::Done,
        }
    }
}

/// Returns the key of the `key=value` at the start of `rest`.
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

/// Reads the value after `=`: in quotes, or a bare word or list.
fn value<'a>(text: &mut TextCursor<'a>) -> Result<&'a [u8], LineError> {
    if text.next_is(b'"') {
        return text.quoted("a closing quote");
    }
    if text.is_empty() || text.next_is(b' ') {
        text.skip_spaces();
        return Ok(&[]);
    }
    bare_list(text)
}
