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
pub enum TokenKind {
    /// A key of an object.
    Key,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// A number that may have decimals, whether this one has any or not.
    Double,
    /// `true` or `false`.
    Bool,
    /// The bracket that opens an object.
    Object,
    /// The bracket that opens an array.
    Array,
    /// The bracket that closes either.
    Close,
}

impl Token {
    pub(crate) fn new(kind: TokenKind, start: usize, end: usize) -> Self {
        Self { kind, start: start as u32, end: end as u32 }
    }

    /// Returns the token's part of the text.
    fn text(self, json: &str) -> &str {
        json.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A value of a JSON text, by its tokens.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    json: &'a str,
    tokens: &'a [Token],
}

impl<'a> Value<'a> {
    pub(crate) fn new(json: &'a str, tokens: &'a [Token]) -> Self {
        Self { json, tokens }
    }

    /// Returns the type.
    pub fn kind(self) -> TokenKind {
        self.tokens.first().map_or(TokenKind::Object, |first| first.kind)
    }

    /// Returns the text of what is no object and no array; of a string with its quotes and escapes.
    pub fn text(self) -> &'a str {
        self.tokens.first().map_or("", |first| first.text(self.json))
    }

    /// Returns the members of an object.
    pub fn members(self) -> Members<'a> {
        Members(self.content())
    }

    /// Returns the items of an array.
    pub fn items(self) -> Items<'a> {
        Items(self.content())
    }

    /// Returns what is between the brackets.
    fn content(self) -> Self {
        let tokens = match self.tokens {
            [_, content @ .., _] => content,
            _ => &[],
        };
        Self { tokens, ..self }
    }

    /// Removes and returns the first value.
    fn split(&mut self) -> Self {
        let (value, rest) = split_value(self.tokens);
        self.tokens = rest;
        Self { tokens: value, ..*self }
    }
}

/// Iterates over the members of an object: each key, with its escapes, and its value.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a>(Value<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.0.tokens.split_first()?;
        self.0.tokens = rest;
        Some((key.text(self.0.json), self.0.split()))
    }
}

/// Iterates over the items of an array.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a>(Value<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.tokens.is_empty()).then(|| self.0.split())
    }
}

/// Splits the tokens after those of the first value.
fn split_value(tokens: &[Token]) -> (&[Token], &[Token]) {
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
