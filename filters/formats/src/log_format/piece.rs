//! The pieces of a format string.

use crate::field_mapping::FieldMapping;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A part of a format string.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    /// Text that stands in each line as it is.
    Literal(String),
    /// A variable.
    Variable {
        /// The name of the field that it holds; `None` if it holds none.
        field: Option<Box<str>>,
        /// The key under which the proxy writes it, if the variable names one.
        key: Option<Box<str>>,
        /// True if its value is a list, which has separators of its own.
        is_list: bool,
    },
}

impl Piece {
    /// Creates a variable: the configured field of `name`, or else `field`.
    pub(crate) fn variable(mapping: &FieldMapping, name: &str, field: Option<&str>) -> Self {
        let field = mapping.name_of(name).or(field).map(Into::into);
        Self::Variable { field, key: None, is_list: false }
    }

    /// Returns the name of the field that a variable holds.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Variable { field, .. } => field.as_deref(),
            Self::Literal(_) => None,
        }
    }
}

/// Splits a format at its words, each of which follows a `%`; `%%` is a percent sign. `read` reads the word at the start of a text and
/// returns its piece, if it stands for a value, and the text after it. Returns `None` if a word cannot be read.
pub(crate) fn split_words<'t>(
    text: &'t str,
    mut read: impl FnMut(&'t str) -> Option<(Option<Piece>, &'t str)>,
) -> Option<Vec<Piece>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once('%') {
        push_literal(&mut pieces, before);
        if let Some(after) = after.strip_prefix('%') {
            push_literal(&mut pieces, "%");
            rest = after;
            continue;
        }
        let (piece, after) = read(after)?;
        pieces.extend(piece);
        rest = after;
    }
    push_literal(&mut pieces, rest);
    Some(pieces)
}

/// Appends literal text to `pieces`.
pub(crate) fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Literal(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Literal(text.into())),
    }
}

/// Removes the end of the line from the last piece.
pub(super) fn trim_end(pieces: &mut Vec<Piece>) {
    if let Some(Piece::Literal(last)) = pieces.last_mut() {
        let trimmed = {
            let text = last.trim_ascii_end();
            text.strip_suffix("\\n").unwrap_or(text).trim_ascii_end().len()
        };
        last.truncate(trimmed);
        if last.is_empty() {
            pieces.pop();
        }
    }
}

/// Returns the format string in a directive such as `LogFormat "…" name`: the quoted text after the directive's name. Without
/// quotes, spaces may have backslashes before them. A text without the name of a directive is returned unchanged.
pub(crate) fn unquoted(text: &str, directives: &[&str]) -> String {
    let text = text.trim();
    let named =
        directives.iter().find_map(|name| text.strip_prefix(name)?.strip_prefix([' ', '\t', ':', '=']));
    let rest = named.unwrap_or(text).trim();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    match (quote, named) {
        // A quoted text of its own may be a whole format, or the first value of one.
        (Some(quote), _)
            if named.is_some() || rest.len() > 1 && rest.ends_with(quote) && !has_bare(rest, quote) =>
        {
            let inside = rest.get(1..).unwrap_or_default();
            let end = closing(inside, quote).unwrap_or(inside.len());
            unescaped(inside.get(..end).unwrap_or_default())
        }
        _ => unescaped(rest),
    }
}

/// Returns true if the text between the first and the last character has a quote without a backslash.
fn has_bare(text: &str, quote: char) -> bool {
    let inside = text.get(1..text.len() - 1).unwrap_or_default();
    closing(inside, quote).is_some()
}

/// Returns the offset of the first quote without a backslash.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let is_end = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        is_end.then_some(at)
    })
}

/// Removes the backslashes before spaces, quotes and backslashes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('"' | '\'' | ' ' | '\\')) => out.extend(chars.next()),
            ('\\', Some('t')) => {
                chars.next();
                out.push('\t');
            }
            _ => out.push(c),
        }
    }
    out
}
