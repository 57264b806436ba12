//! A format string of text as a template: the text between two variables ends the value of the first.

use super::piece::Piece;
use crate::error::LineError;
use crate::field_values::FieldValues;
use crate::list::bare_list;
use crate::schema::Schema;
use crate::text::TextCursor;
use crate::time;
use alloc::boxed::Box;
use alloc::vec::Vec;
use nearmiss::Timestamp;

/// The text before the first variable, and the variables.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Template {
    prefix: Box<str>,
    variables: Vec<Variable>,
}

/// A variable, and the text between it and the next.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Variable {
    id: Option<usize>,
    is_list: bool,
    delimiter: Box<str>,
}

impl Template {
    /// Creates a template of `pieces`, whose fields have their ids in `schema`.
    pub(super) fn new(pieces: &[Piece], schema: &Schema) -> Result<Self, &'static str> {
        let mut template = Self { prefix: "".into(), variables: Vec::new() };
        for piece in pieces {
            match (piece, template.variables.last_mut()) {
                (Piece::Literal(text), None) => template.prefix = text.as_str().into(),
                (Piece::Literal(text), Some(last)) => last.delimiter = text.as_str().into(),
                (Piece::Variable { field, is_list, .. }, last) => {
                    let id = field.as_deref().and_then(|name| schema.id_of_name(name));
                    match last {
                        Some(last) if last.delimiter.is_empty() => {
                            // Values that nothing separates are one, which must not be needed.
                            if last.id.is_some() || id.is_some() {
                                return Err("a format with some text between every two variables");
                            }
                        }
                        _ => {
                            template.variables.push(Variable { id, is_list: *is_list, delimiter: "".into() })
                        }
                    }
                }
            }
        }
        Ok(template)
    }

    /// Returns the values on `line`.
    pub(super) fn values<'a>(
        &self,
        line: &'a [u8],
        default_time: Option<Timestamp>,
    ) -> Result<FieldValues<'a, 'static>, LineError> {
        let mut text = TextCursor::new(line);
        let mut values = FieldValues::new(default_time);
        if !line.starts_with(self.prefix.as_bytes()) {
            return Err(text.unexpected("the beginning of the configured log_format"));
        }
        text.advance(self.prefix.len());
        let mut variables = self.variables.as_slice();
        while let [variable, after @ ..] = variables {
            let value = variable.read(&mut text, after)?;
            if let Some(id) = variable.id {
                values.set(id, value);
            }
            variables = after;
        }
        Ok(values)
    }
}

/// Maximum number of places at which a value in quotes may end.
const MAX_ENDS: usize = 16;

/// Returns true if the rest of a line has the values of all `variables`, and no spaces in the last.
fn fits(mut text: TextCursor<'_>, variables: &[Variable]) -> bool {
    let mut last: &[u8] = &[];
    for variable in variables {
        match variable.read(&mut text, &[]) {
            Ok(value) => last = value,
            Err(_) => return false,
        }
    }
    text.is_empty() && !last.iter().any(|byte| matches!(byte, b' ' | b'"'))
}

impl Variable {
    /// Reads the value and the text after it. A value in quotes that has quotes in it ends where `after`, the variables after it,
    /// fit the rest of the line.
    fn read<'a>(&self, text: &mut TextCursor<'a>, after: &[Self]) -> Result<&'a [u8], LineError> {
        let delimiter = self.delimiter.as_bytes();
        let rest = text.rest();
        if self.is_list && delimiter.starts_with(b" ") {
            // A list's own spaces do not end it; reading it skips the spaces after it.
            let value = bare_list(text)?;
            let after = delimiter.trim_ascii_start();
            if !text.rest().starts_with(after) {
                return Err(text.unexpected("the text after a list in the configured log_format"));
            }
            text.advance(after.len());
            return Ok(value);
        }
        let unexpected = || text.unexpected("a value and the text after it in the configured log_format");
        // nginx writes no value in brackets or quotes of its own.
        let enclosed = if cfg!(feature = "all-formats") { enclosed(rest, delimiter) } else { None };
        let (value, length) = match enclosed {
            Some(enclosed) => enclosed,
            None => {
                let mut ends = ends(rest, delimiter);
                let first = ends.next().ok_or_else(unexpected)?;
                let is_end = |end: &usize| {
                    let mut text = *text;
                    text.advance(end + delimiter.len());
                    fits(text, after)
                };
                let is_unsure = delimiter.starts_with(b"\"") && !after.is_empty() && !is_end(&first);
                let fitting = if is_unsure { ends.take(MAX_ENDS).find(is_end) } else { None };
                let end = fitting.unwrap_or(first);
                let end = end + zone_length(rest.split_at_checked(end).unwrap_or_default(), delimiter);
                (rest.get(..end).unwrap_or_default(), end)
            }
        };
        text.advance(length + delimiter.len());
        Ok(value)
    }
}

/// Returns the length of the zone that follows a time of the common log format, and the space before it; 0 if none does.
fn zone_length((value, after): (&[u8], &[u8]), delimiter: &[u8]) -> usize {
    let is_time = matches!(value, [_, _, b'/', ..]);
    match after.split_at_checked(b" +0100".len()) {
        Some(([b' ', zone @ ..], rest)) if is_time && time::is_zone(zone) && rest.starts_with(delimiter) => 6,
        _ => 0,
    }
}

/// Reads a value that brings quotes, brackets or braces of its own, before `delimiter`; returns it and its length.
fn enclosed<'a>(rest: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], usize)> {
    let close = match rest.first()? {
        b'"' => b'"',
        b'[' => b']',
        b'{' => b'}',
        _ => return None,
    };
    let mut from = 1;
    loop {
        let end = from + rest.get(from..)?.iter().position(|byte| *byte == close)?;
        let after = rest.get(end + 1..)?;
        let is_end = if delimiter.is_empty() { after.is_empty() } else { after.starts_with(delimiter) };
        if is_end && rest.get(end - 1) != Some(&b'\\') {
            return Some((rest.get(1..end)?, end + 1));
        }
        from = end + 1;
    }
}

/// Returns the offsets of `delimiter`. A quote with a backslash before it does not count, unless there is no other.
fn ends<'r>(rest: &'r [u8], delimiter: &'r [u8]) -> impl Iterator<Item = usize> + 'r {
    let whole = delimiter.is_empty().then_some(rest.len());
    let found = move |at: &usize| rest.get(*at..).is_some_and(|rest| rest.starts_with(delimiter));
    let is_escaped =
        move |at: &usize| delimiter.starts_with(b"\"") && *at > 0 && rest.get(*at - 1) == Some(&b'\\');
    let all = if whole.is_some() { 0..0 } else { 0..rest.len() };
    let plain = all.clone().filter(found).filter(move |at| !is_escaped(at));
    whole.into_iter().chain(plain).chain(all.filter(found).filter(is_escaped))
}
