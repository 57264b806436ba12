//! Sentences with names from elsewhere in them: what is ours is markup's business, what is theirs is escaped.

use super::escape::{Code, Html, Markdown, Name};

/// A sentence, piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phrase<'a>(Vec<Piece<'a>>);

#[derive(Clone, Debug)]
enum Piece<'a> {
    /// Our own words.
    Said(String),
    /// A name of an upstream or a host.
    Name(&'a str),
    /// Somebody else's sentence.
    Quoted(&'a str),
}

impl<'a> Phrase<'a> {
    pub(crate) fn said(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Said(words.into()));
        self
    }

    pub(crate) fn name(mut self, name: &'a str) -> Self {
        self.0.push(Piece::Name(name));
        self
    }

    pub(crate) fn quoted(mut self, sentence: &'a str) -> Self {
        self.0.push(Piece::Quoted(sentence));
        self
    }

    pub(crate) fn html(&self) -> String {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Said(words) => Html(words).to_string(),
            Piece::Name(name) => format!("<b>{}</b>", Name(name)),
            Piece::Quoted(sentence) => Html(sentence).to_string(),
        };
        self.0.iter().map(piece).collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Said(words) => words.clone(),
            Piece::Name(name) => Code(name).to_string(),
            Piece::Quoted(sentence) => Markdown(sentence).to_string(),
        };
        self.0.iter().map(piece).collect()
    }
}
