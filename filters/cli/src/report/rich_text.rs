//! Sentences that contain untrusted names: our own text may contain markup, names and quotes are escaped.

use super::escape::{HtmlName, HtmlText, MarkdownCode, MarkdownText};

/// A sentence made of pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct RichText<'a>(Vec<Piece<'a>>);

#[derive(Clone, Debug)]
enum Piece<'a> {
    /// Our own text.
    Text(String),
    /// The name of an upstream or a host.
    Name(&'a str),
    /// A sentence from the input.
    Quoted(&'a str),
}

impl<'a> RichText<'a> {
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
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
            Piece::Text(text) => HtmlText(text).to_string(),
            Piece::Name(name) => format!("<b>{}</b>", HtmlName(name)),
            Piece::Quoted(sentence) => HtmlText(sentence).to_string(),
        };
        self.0.iter().map(piece).collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name(name) => MarkdownCode(name).to_string(),
            Piece::Quoted(sentence) => MarkdownText(sentence).to_string(),
        };
        self.0.iter().map(piece).collect()
    }
}
