//! The keys of the variables in a format string that writes JSON.

use super::piece::Piece;
use crate::field_mapping::FieldMapping;
use alloc::string::String;
use alloc::vec::Vec;

/// Returns the key of each variable; `None` if the format does not write a JSON object. Keys of nested objects follow those of
/// the objects around them after a dot.
pub(super) fn json_keys(pieces: &[Piece]) -> Option<FieldMapping> {
    let named = pieces.iter().any(|piece| matches!(piece, Piece::Variable { key: Some(_), .. }));
    if !named && !starts_with_key(pieces) {
        return None;
    }
    let mut walk = Walk::default();
    let mut found: Vec<(String, Option<&str>)> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => walk.read(text),
            Piece::Variable { field, key, .. } => {
                let path = key.as_deref().map(String::from).or_else(|| walk.path());
                let Some(path) = path else { continue };
                match found.iter_mut().find(|(known, _)| *known == path) {
                    // A value of several variables is that of none, but the words of a request follow its method, and milliseconds
                    // the seconds of a time.
                    Some((_, first)) => {
                        let is_fraction = field.as_deref() == Some("start_ms");
                        *first = first.filter(|field| *field == "method" || *field == "ts" && is_fraction);
                    }
                    None => found.push((path, field.as_deref())),
                }
            }
        }
    }
    let mut keys = FieldMapping::default();
    // A key without a field hides the field that is known to have this key.
    found.iter().for_each(|(path, field)| keys.add(path, field.unwrap_or(FieldMapping::HIDDEN)));
    Some(keys)
}

fn starts_with_key(pieces: &[Piece]) -> bool {
    let Some(Piece::Literal(first)) = pieces.first() else { return false };
    first.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
}

/// The place in the object.
#[derive(Default)]
struct Walk {
    objects: Vec<String>,
    /// The last key, or the string that may become one.
    key: String,
    is_in_text: bool,
    is_after_colon: bool,
    is_escaped: bool,
}

impl Walk {
    fn read(&mut self, text: &str) {
        for c in text.chars() {
            if self.is_in_text {
                match c {
                    _ if core::mem::take(&mut self.is_escaped) => {}
                    '\\' => self.is_escaped = true,
                    '"' => self.is_in_text = false,
                    _ if !self.is_after_colon => self.key.push(c),
                    _ => {}
                }
                continue;
            }
            match c {
                '"' => {
                    self.is_in_text = true;
                    if !self.is_after_colon {
                        self.key.clear();
                    }
                }
                ':' => self.is_after_colon = true,
                ',' => self.is_after_colon = false,
                '{' if self.is_after_colon => {
                    self.objects.push(core::mem::take(&mut self.key));
                    self.is_after_colon = false;
                }
                '}' => {
                    self.objects.pop();
                    self.is_after_colon = false;
                }
                _ => {}
            }
        }
    }

    /// Returns the path of the value at this place.
    fn path(&self) -> Option<String> {
        let mut path = self.objects.join(".");
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&self.key);
        self.is_after_colon.then_some(path)
    }
}
