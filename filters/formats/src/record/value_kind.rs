//! The kinds of value that are distinguished.

/// The kind of a member's value, or of a token in the embedded line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum ValueKind {
    /// An ASCII string without escapes.
    #[default]
    Text,
    /// A string without escapes that is not all ASCII.
    Wide,
    /// A string with escapes.
    Escaped,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Literal,
    /// An object or an array.
    Nested,
    /// In a line: the text between quotes, which JSON escapes.
    Quoted,
    /// In a line: the text between brackets.
    Bracketed,
    /// In a line: an IP address, or the beginning of one.
    Address,
    /// In a line: letters, digits and a few punctuation characters.
    Word,
}

impl ValueKind {
    /// Returns true for a string, with or without escapes.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Wide | Self::Escaped)
    }
}
