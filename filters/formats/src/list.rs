//! nginx's lists: one entry for each attempt.
//!
//! Entries of one server group are separated by `, `, groups by ` : ` (the request was redirected inside nginx). An
//! entry has no space in it, so a search for spaces finds the separators. A list may end with ` : `: the redirect led to
//! no server.

use crate::error::LineError;
use crate::text::TextCursor;

/// One entry, and the separator after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry<'a> {
    pub(crate) text: &'a [u8],
    /// True if the entry is the last of its group, and another group follows.
    pub(crate) ends_group: bool,
}

/// An iterator over the entries of one list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> List<'a> {
    /// Creates the list in `text`; an empty text is an empty list.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: (!text.is_empty()).then_some(text) }
    }

    /// Returns true if an earlier parser has split the list in `text` at a space.
    pub(crate) fn is_split(text: &[u8]) -> bool {
        matches!(text, [.., b','] | [.., b' ', b':'] | [b':'] | [b':', b' ', ..])
    }
}

impl<'a> Iterator for List<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let rest = self.rest?;
        let Some(space) = rest.iter().position(|byte| *byte == b' ') else {
            self.rest = None;
            return Some(Entry { text: rest, ends_group: false });
        };
        let (head, tail) = rest.split_at(space);
        let (text, tail, ends_group) = match (head, tail) {
            ([text @ .., b','], [_, tail @ ..]) => (text, tail, false),
            (_, [_, b':', b' ', tail @ ..]) => (head, tail, true),
            (_, [_, b':']) => (head, &[][..], true),
            (_, [_, tail @ ..]) => (head, tail, false),
            (_, []) => (head, &[][..], false),
        };
        self.rest = (!tail.is_empty()).then_some(tail);
        Some(Entry { text, ends_group })
    }
}

/// Reads a list without quotes: words that `, ` and ` : ` join.
pub(crate) fn bare_list<'a>(text: &mut TextCursor<'a>) -> Result<&'a [u8], LineError> {
    let whole = text.rest();
    loop {
        let word = text.word("a value")?;
        let continues = word.ends_with(b",") || word == b":" || text.rest().starts_with(b": ");
        if !continues || text.is_empty() {
            break;
        }
    }
    let length = whole.len() - text.rest().len();
    Ok(whole.get(..length).unwrap_or(whole).trim_ascii_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn read(text: &str) -> Vec<(String, bool)> {
        let own = |entry: Entry<'_>| (String::from_utf8_lossy(entry.text).into_owned(), entry.ends_group);
        List::new(text.as_bytes()).map(own).collect()
    }

    #[test]
    fn commas_separate_attempts_and_colons_separate_groups() {
        let expected = [("10.0.0.1:80", false), ("unix:/tmp/a", true), ("[::1]:80", false)];
        let expected: Vec<_> = expected.into_iter().map(|(text, end)| (String::from(text), end)).collect();
        assert_eq!(read("10.0.0.1:80, unix:/tmp/a : [::1]:80"), expected);
        assert_eq!(read("502 : "), [(String::from("502"), true)]);
        assert_eq!(read("502 :"), [(String::from("502"), true)]);
        assert_eq!(read("-"), [(String::from("-"), false)]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn a_split_list_is_recognised() {
        assert!(List::is_split(b"0,") && List::is_split(b"502 :") && List::is_split(b":"));
        assert!(!List::is_split(b"502, 200") && !List::is_split(b"502 : ") && !List::is_split(b""));
    }
}
