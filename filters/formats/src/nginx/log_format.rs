//! A configured `log_format`.

use super::exchange::parse_values;
use super::fields::{FieldId, ParsedFields};
use super::text::bare_list;
use crate::error::{LineError, LineErrorKind};
use crate::field_mapping::FieldMapping;
use crate::field_values::FieldValues;
use crate::text::TextCursor;
use crate::{AttemptList, ParsedLine};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A parsed `log_format`: the text between its variables delimits their values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LogFormat {
    /// The text before the first variable.
    prefix: Box<str>,
    variables: Vec<Variable>,
}

/// A variable, and the text between it and the next.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Variable {
    name: Box<str>,
    id: Option<usize>,
    delimiter: Box<str>,
}

impl LogFormat {
    /// Parses a format: the quoted text of a `log_format NAME` directive, or the whole directive. The keys of `mapping`
    /// are names of variables.
    pub(crate) fn parse(format: &str, mapping: &FieldMapping) -> Result<Self, &'static str> {
        let format = unquoted(format);
        let mut pieces = format.split('$');
        let prefix = pieces.next().unwrap_or_default().into();
        let mut variables = Vec::new();
        for piece in pieces {
            let piece =
                piece.strip_prefix('{').map_or_else(|| piece.into(), |rest| rest.replacen('}', "", 1));
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(piece.len());
            let (name, delimiter) = piece.split_at_checked(end).unwrap_or((&piece, ""));
            if name.is_empty() {
                return Err("a format in which a variable's name follows each `$`");
            }
            let id = mapping.id_of(&FieldId::SCHEMA, name).or_else(|| (FieldId::SCHEMA.id_of_key)(name));
            variables.push(Variable { name: name.into(), id, delimiter: delimiter.into() });
        }
        let has = |id: FieldId| variables.iter().any(|variable| variable.id == Some(id as usize));
        if !has(FieldId::Status)
            || !(has(FieldId::Duration) || has(FieldId::DurationMs) || has(FieldId::Took))
        {
            return Err("a format with $status and $request_time in it");
        }
        if variables.iter().rev().skip(1).any(|variable| variable.delimiter.is_empty()) {
            return Err("a format with some text between every two variables");
        }
        Ok(Self { prefix, variables })
    }

    /// Reads one line.
    pub(crate) fn read<'a>(
        &self,
        line: &'a [u8],
        attempts: &'a mut AttemptList<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        let mut text = TextCursor::new(line);
        let mut values = FieldValues::new(None);
        if line.is_empty() {
            return Err(LineError::new(0, LineErrorKind::EmptyLine));
        }
        if !line.starts_with(self.prefix.as_bytes()) {
            return Err(text.unexpected("the beginning of the configured log_format"));
        }
        text.advance(self.prefix.len());
        for variable in &self.variables {
            let delimiter = variable.delimiter.as_bytes();
            let value = if delimiter.is_empty() {
                let rest = text.rest();
                text.advance(rest.len());
                rest
            } else if delimiter.starts_with(b" ") && variable.is_list() {
                // A list's own spaces do not end it; reading it skips the spaces after it.
                let value = bare_list(&mut text)?;
                let rest = delimiter.trim_ascii_start();
                if !text.rest().starts_with(rest) {
                    return Err(text.unexpected("the text after a list in the configured log_format"));
                }
                text.advance(rest.len());
                value
            } else {
                let rest = text.rest();
                let end = rest.windows(delimiter.len()).position(|window| window == delimiter);
                let Some(end) = end else {
                    return Err(text.unexpected("a value and the text after it in the configured log_format"));
                };
                text.advance(end + delimiter.len());
                rest.get(..end).unwrap_or_default()
            };
            if let Some(id) = variable.id {
                values.set(id, value);
            }
        }
        parse_values(line, &values, &mut ParsedFields::default(), attempts)
    }
}

impl Variable {
    fn is_list(&self) -> bool {
        self.name.starts_with("upstream_")
    }
}

/// Joins the quoted parts of a `log_format` directive; returns any other text unchanged.
fn unquoted(format: &str) -> String {
    let trimmed = format.trim();
    let Some(rest) = trimmed.strip_prefix("log_format ") else { return trimmed.into() };
    let mut joined = String::new();
    for (i, piece) in rest.split('\'').enumerate() {
        if i % 2 == 1 {
            joined.push_str(piece);
        }
    }
    joined
}
