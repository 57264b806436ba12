//! The tokens of a JSON text, noted while it is written: a reader of the text needs no parser.

/// One key, value or bracket of a JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub(crate) kind: TokenKind,
    /// Span in the text, in bytes; without the quotes of a key, with those of a string.
    start: u32,
    end: u32,
}

/// Type of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TokenKind {
    Key,
    String,
    Integer,
    Double,
    Bool,
    Object,
    Array,
    Close,
}

impl Token {
    pub(crate) fn new(kind: TokenKind, start: usize, end: usize) -> Self {
        Self { kind, start: start as u32, end: end as u32 }
    }

    /// Returns the token's part of the text.
    pub(crate) fn text(self, json: &str) -> &str {
        json.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Iterates over the members of an object, given the tokens between its brackets: each key with the tokens of its value.
pub(crate) struct Members<'a> {
    pub(crate) json: &'a str,
    pub(crate) tokens: &'a [Token],
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a [Token]);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.tokens.split_first()?;
        let (value, rest) = split_value(rest);
        self.tokens = rest;
        Some((key.text(self.json), value))
    }
}

/// Splits the tokens after those of the first value.
pub(crate) fn split_value(tokens: &[Token]) -> (&[Token], &[Token]) {
    let mut depth = 0usize;
    let end = tokens.iter().position(|token| {
        match token.kind {
            TokenKind::Object | TokenKind::Array => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.kind != TokenKind::Key
    });
    tokens.split_at_checked(end.map_or(tokens.len(), |end| end + 1)).unwrap_or((tokens, &[]))
}

/// Returns the tokens between the brackets of an object or array.
pub(crate) fn content(tokens: &[Token]) -> &[Token] {
    match tokens {
        [_, content @ .., _] => content,
        _ => &[],
    }
}
