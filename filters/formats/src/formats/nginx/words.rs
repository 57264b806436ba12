//! nginx's `log_format`.

use super::fields::FieldId;
use crate::field_mapping::FieldMapping;
use crate::log_format::{Piece, push_literal};
use alloc::string::String;
use alloc::vec::Vec;

/// Parses a format: the text in the quotes of a `log_format NAME` directive, or the whole directive.
pub(crate) fn pieces(text: &str, mapping: &FieldMapping) -> Result<Vec<Piece>, &'static str> {
    let text = joined(text);
    let mut parts = text.split('$');
    let mut pieces = Vec::new();
    push_literal(&mut pieces, parts.next().unwrap_or_default());
    for part in parts {
        let part = part.strip_prefix('{').map_or_else(|| part.into(), |rest| rest.replacen('}', "", 1));
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, after) = part.split_at_checked(end).unwrap_or((&part, ""));
        if name.is_empty() {
            return Err("a format in which a variable's name follows each `$`");
        }
        let mut variable = Piece::variable(mapping, name, FieldId::SCHEMA.name_of_key(name));
        if let Piece::Variable { is_list, .. } = &mut variable {
            *is_list = name.starts_with("upstream_");
        }
        pieces.push(variable);
        push_literal(&mut pieces, after);
    }
    Ok(pieces)
}

/// Joins the quoted parts of a `log_format` directive; returns any other text unchanged.
fn joined(text: &str) -> String {
    let text = text.trim();
    let Some(rest) = text.strip_prefix("log_format ") else { return text.into() };
    rest.split('\'').skip(1).step_by(2).collect()
}
