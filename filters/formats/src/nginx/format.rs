//! A `log_format` of the user's own.

use super::text::list;
use super::{Facts, Slot, exchange};
use crate::bag::Bag;
use crate::error::{LineError, LineErrorKind};
use crate::fields::FieldConfig;
use crate::text::Text;
use crate::{Attempts, ParsedLine};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A `log_format`, taken apart once: what stands between its variables tells where each value ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LogFormat {
    /// What stands before the first variable.
    prefix: Box<str>,
    parts: Vec<Part>,
}

/// A variable and what stands between it and the next.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Part {
    name: Box<str>,
    slot: Option<usize>,
    until: Box<str>,
}

impl LogFormat {
    /// Takes `format` apart: what nginx has in quotes behind `log_format NAME`, or that whole directive. The keys
    /// that `fields` names are names of variables.
    pub(crate) fn parse(format: &str, fields: &FieldConfig) -> Result<Self, &'static str> {
        let format = unquoted(format);
        let mut pieces = format.split('$');
        let prefix = pieces.next().unwrap_or_default().into();
        let mut parts = Vec::new();
        for piece in pieces {
            let piece =
                piece.strip_prefix('{').map_or_else(|| piece.into(), |rest| rest.replacen('}', "", 1));
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(piece.len());
            let (name, until) = piece.split_at_checked(end).unwrap_or((&piece, ""));
            if name.is_empty() {
                return Err("a format in which a variable's name follows each `$`");
            }
            let slot = fields.slot(&Slot::FAMILY, name).or_else(|| (Slot::FAMILY.of_key)(name));
            parts.push(Part { name: name.into(), slot, until: until.into() });
        }
        let has = |wanted: Slot| parts.iter().any(|part| part.slot == Some(wanted as usize));
        if !has(Slot::Status) || !(has(Slot::Duration) || has(Slot::DurationMs)) {
            return Err("a format that has $status and $request_time in it");
        }
        if parts.iter().rev().skip(1).any(|part| part.until.is_empty()) {
            return Err("a format with something between every two variables");
        }
        Ok(Self { prefix, parts })
    }

    /// Reads one line.
    pub(crate) fn read<'a>(
        &self,
        line: &'a [u8],
        attempts: &'a mut Attempts<'a>,
    ) -> Result<ParsedLine<'a>, LineError> {
        let mut text = Text::new(line);
        let mut bag = Bag::new(None);
        if line.is_empty() {
            return Err(LineError::new(0, LineErrorKind::Empty));
        }
        if !line.starts_with(self.prefix.as_bytes()) {
            return Err(text.unexpected("the beginning of the configured log_format"));
        }
        text.advance(self.prefix.len());
        for part in &self.parts {
            let until = part.until.as_bytes();
            let value = if until.is_empty() {
                let rest = text.rest();
                text.advance(rest.len());
                rest
            } else if until.starts_with(b" ") && part.is_list() {
                // A list's own blanks do not end it; the blanks behind it are stepped over with it.
                let value = list(&mut text)?;
                let rest = until.trim_ascii_start();
                if !text.rest().starts_with(rest) {
                    return Err(text.unexpected("what the configured log_format has behind a list"));
                }
                text.advance(rest.len());
                value
            } else {
                let rest = text.rest();
                let end = rest.windows(until.len()).position(|window| window == until);
                let Some(end) = end else {
                    return Err(text.unexpected("a value and what the configured log_format has behind it"));
                };
                text.advance(end + until.len());
                rest.get(..end).unwrap_or_default()
            };
            if let Some(slot) = part.slot {
                bag.set(slot, value);
            }
        }
        exchange(line, &bag, &mut Facts::default(), attempts)
    }
}

impl Part {
    fn is_list(&self) -> bool {
        self.name.starts_with("upstream_")
    }
}

/// The format inside a `log_format` directive, its quoted pieces put together; anything else as it is.
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
