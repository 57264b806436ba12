//! The default format of ingress-nginx.

use super::{Facts, Slot, exchange};
use crate::bag::Bag;
use crate::error::{LineError, LineErrorKind};
use crate::text::Text;
use crate::{Attempts, ParsedLine, time};

/// Reads one line.
///
/// Four lists of the same length stand at its end, before the request's id (which old versions lack): how many words
/// are left says how long each is.
pub(crate) fn read<'a>(line: &'a [u8], attempts: &'a mut Attempts<'a>) -> Result<ParsedLine<'a>, LineError> {
    let mut text = Text::new(line);
    let mut bag = Bag::new(None);
    if line.is_empty() {
        return Err(LineError::new(0, LineErrorKind::Empty));
    }
    // The address and the user; old versions put the address in brackets as well.
    let at = loop {
        while !text.is_empty() && !text.sees(b'[') {
            text.word("the time in brackets")?;
        }
        let inside = text.bracketed("the time in brackets")?;
        if time::common(inside).is_some() {
            break inside;
        }
    };
    bag.set(Slot::Time as usize, at);
    bag.set(Slot::Method as usize, text.quoted("the request in quotes")?);
    bag.set(Slot::Status as usize, text.word("the status")?);
    bag.set(Slot::Bytes as usize, text.word("the bytes sent")?);
    text.quoted("the referer in quotes")?;
    text.quoted("the user agent in quotes")?;
    text.word("the request's length")?;
    bag.set(Slot::Duration as usize, text.word("the request's time")?);
    bag.set(Slot::Upstream as usize, text.bracketed("the upstream's name in brackets")?);
    if text.sees(b'[') {
        bag.set(Slot::Canary as usize, text.bracketed("the alternative upstream's name in brackets")?);
    }
    let words = words(text.rest()).count();
    if words < 4 || words % 4 > 1 {
        return Err(text.unexpected("four lists of the same length and the request's id"));
    }
    bag.set(Slot::Hosts as usize, take(&mut text, words / 4)?);
    take(&mut text, words / 4)?;
    bag.set(Slot::Times as usize, take(&mut text, words / 4)?);
    bag.set(Slot::Codes as usize, take(&mut text, words / 4)?);
    exchange(line, &bag, &mut Facts::default(), attempts)
}

fn words(rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

/// The next `count` words as one piece.
fn take<'a>(text: &mut Text<'a>, count: usize) -> Result<&'a [u8], LineError> {
    let whole = text.rest();
    for _ in 0..count {
        text.word("an entry of a list")?;
    }
    let taken = whole.len() - text.rest().len();
    Ok(whole.get(..taken).unwrap_or(whole).trim_ascii_end())
}
